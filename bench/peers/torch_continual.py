"""W6 in PyTorch: continual learning of permuted MNIST with a chunked hypernetwork, the last task after 1, 9 or 99 others."""
import harness

OLD = {"w6a": 1, "w6b": 9, "w6c": 99}
args = harness.parse(__doc__, list(OLD))
import torch
import torch.nn.functional as F
from torch import nn

CHUNK, BATCH, RATE, BETA = 78000, 128, 1e-4, .1
SHAPES = [(1000, 784), (1000,), (1000, 1000), (1000,), (10, 1000), (10,)]
SIZES = [torch.Size(shape).numel() for shape in SHAPES]
CHUNKS = -(-sum(SIZES) // CHUNK)


class Hypernetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.chunks = nn.Parameter(torch.randn(CHUNKS, 8))
        self.layers = nn.Sequential(nn.Linear(32, 25), nn.ELU(), nn.Linear(25, 25), nn.ELU(), nn.Linear(25, CHUNK))
        for layer in self.layers[::2]:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, task):
        """All weights of the classifier, in one vector."""
        rows = torch.cat([task.expand(CHUNKS, -1), self.chunks], 1)
        return self.layers(rows).flatten()[:sum(SIZES)]


def classify(images, weights):
    w1, b1, w2, b2, w3, b3 = (part.view(shape) for part, shape in zip(weights.split(SIZES), SHAPES))
    hidden = F.relu(F.linear(F.relu(F.linear(images, w1, b1)), w2, b2))
    return F.linear(hidden, w3, b3)


def next_step_of(optimizer):
    """What each parameter would be after Adam's step, which is not taken."""
    group = optimizer.param_groups[0]
    beta1, beta2 = group["betas"]
    result = []
    for parameter in group["params"]:
        state = optimizer.state[parameter]
        count = float(state["step"]) + 1 if state else 1
        mean = beta1 * state["exp_avg"] + (1 - beta1) * parameter.grad if state else (1 - beta1) * parameter.grad
        square = (1 - beta2) * parameter.grad ** 2 + (beta2 * state["exp_avg_sq"] if state else 0)
        scale = square.sqrt() / (1 - beta2 ** count) ** .5 + group["eps"]
        result.append(parameter.detach() - group["lr"] / (1 - beta1 ** count) * mean / scale)
    return result


torch.set_num_threads(args.threads)
torch.manual_seed(0)
old = OLD[args.workload]
images, labels = map(torch.from_numpy, harness.read_mnist(args.data))
images = images[:, torch.randperm(784)]
batches = harness.index_batches(0, len(images), BATCH)
hypernetwork = Hypernetwork()
names = [name for name, _ in hypernetwork.named_parameters()]
tasks = [nn.Parameter(torch.randn(24)) for _ in range(old + 1)]
with torch.no_grad():
    targets = [hypernetwork(task) for task in tasks[:old]]
optimizer = torch.optim.Adam(hypernetwork.parameters(), lr=RATE)
task_optimizer = torch.optim.Adam(tasks[-1:], lr=RATE)


def task_loss(rows):
    return F.cross_entropy(classify(images[rows], hypernetwork(tasks[-1])), labels[rows])


def forgotten(ahead, j):
    made = torch.func.functional_call(hypernetwork, dict(zip(names, ahead)), tasks[j].detach())
    return BETA / old * (made - targets[j]).square().sum()


if args.compile:
    task_loss, forgotten = torch.compile(task_loss), torch.compile(forgotten)


def step():
    rows = torch.from_numpy(next(batches))
    optimizer.zero_grad()
    task_optimizer.zero_grad()
    loss = task_loss(rows)
    loss.backward()
    ahead = [parameter.requires_grad_() for parameter in next_step_of(optimizer)]
    for j in range(old):  # one by one needs less memory, and is faster, than one batch of all
        forgotten(ahead, j).backward()
    for parameter, moved in zip(hypernetwork.parameters(), ahead):
        parameter.grad += moved.grad
    optimizer.step()
    task_optimizer.step()
    return loss.detach()


harness.serve(step, 1)
