"""W1 in PyTorch: a hypernetwork 1-50-7850 generates a softmax regression for one sampled penalty a step."""
import harness

args = harness.parse(__doc__, ["w1"])
import torch
import torch.nn.functional as F

torch.set_num_threads(args.threads)
torch.manual_seed(0)
images, labels = map(torch.from_numpy, harness.read_mnist(args.data))
batches = harness.index_batches(0, harness.TRAIN, 100)
hypernet = torch.nn.Sequential(torch.nn.Linear(1, 50), torch.nn.ReLU(), torch.nn.Linear(50, 7850))
optimizer = torch.optim.Adam(hypernet.parameters(), lr=1e-4, fused=True)


def objective(x, y):
    penalty = (1 + 3 * torch.randn(1)).clamp(max=4)
    weights = hypernet(penalty)
    logits = F.linear(x, weights[:7840].view(10, 784), weights[7840:])
    return F.cross_entropy(logits, y) + penalty[0].exp() * weights.norm()


if args.compile:
    objective = torch.compile(objective)


def step():
    i = torch.from_numpy(next(batches))
    loss = objective(images[i], labels[i])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


harness.serve(step, 1)
