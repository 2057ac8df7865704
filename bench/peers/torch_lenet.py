"""W5c and W5d in PyTorch: a Pareto hypernetwork for a LeNet with two tasks, by linear scalarisation or by EPO."""
import harness

args = harness.parse(__doc__, ["w5c", "w5d"])
import numpy as np
import torch
import torch.nn.functional as F

import torch_pareto

BATCH, IMAGES, RATE, ALPHA = 256, 4096, 1e-4, 0.2
SHAPES = ((10, 1, 9, 9), (10,), (20, 10, 5, 5), (20,), (50, 500), (50,), (10, 50), (10,), (10, 50), (10,))


def lenet(x, w):
    x = F.max_pool2d(F.relu(F.conv2d(x, w[0], w[1])), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, w[2], w[3])), 2)
    x = F.linear(x.flatten(1), w[4], w[5])
    return F.linear(x, w[6], w[7]), F.linear(x, w[8], w[9])


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = torch_pareto.Generator(2, SHAPES, 100)

    def forward(self, x, ray):
        return lenet(x, self.generator(ray))


def losses(logits, labels):
    return torch.stack([F.cross_entropy(logits[i], labels[:, i]) for i in range(2)]), [True, True]


torch.set_num_threads(args.threads)
torch.manual_seed(0)
images, labels = torch.rand(IMAGES, 1, 36, 36), torch.randint(10, (IMAGES, 2))
batches = harness.index_batches(0, IMAGES, BATCH)
generator = np.random.default_rng(0)
net = torch.compile(Net()) if args.compile else Net()
trainer = torch_pareto.Trainer(net, "epo" if args.workload == "w5d" else "linear", RATE, losses=losses)


def step():
    rows = torch.from_numpy(next(batches))
    return trainer.step(images[rows], labels[rows], generator.dirichlet([ALPHA] * 2).astype(np.float32)).sum()


harness.serve(step, 1)
