"""W2 and W2s in PyTorch: self-tuning networks with tuned dropouts (W2s: and a weight decay), five lower steps to an upper one."""
import math

import harness

args = harness.parse(__doc__, ["w2", "w2s"])
import torch
import torch.nn.functional as F

torch.set_num_threads(args.threads)
torch.manual_seed(0)
BATCH = 128
SMALL = args.workload == "w2s"
WIDTH, RATE_LIMIT = (300, 0.9) if SMALL else (1200, 0.95)
HYPERS = 4 if SMALL else 3


class Response(torch.nn.Module):
    """A linear layer whose weights respond to the hyperparameters h, row by row: y = x W' + b + s(h) * (x U') + t(h) * c."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.base = torch.nn.Linear(inputs, outputs)
        self.hyper = torch.nn.Linear(inputs, outputs)
        self.scale = torch.nn.Linear(HYPERS, 2 * outputs, bias=False)

    def forward(self, x, h):
        s, t = self.scale(h).chunk(2, 1)
        return self.base(x) + s * F.linear(x, self.hyper.weight) + t * self.hyper.bias

    def mean_square(self, h):
        """The batch's mean of the squared weights, without forming any example's weights."""
        w, u = self.base.weight, self.hyper.weight
        s = self.scale(h)[:, :len(w)]
        return w.square().sum() + (2 * s.mean(0) * (w * u).sum(1) + s.square().mean(0) * u.square().sum(1)).sum()


def logit(p):
    return math.log(p / (1 - p))


images, labels = map(torch.from_numpy, harness.read_mnist(args.data))
lower_batches = harness.index_batches(0, harness.TRAIN, BATCH)
upper_batches = harness.index_batches(harness.TRAIN, harness.VALID, BATCH)
layers = torch.nn.ModuleList(Response(i, o) for i, o in ((784, WIDTH), (WIDTH, WIDTH), (WIDTH, 10)))
centre = torch.tensor([logit(0.05 / RATE_LIMIT)] * 3 + [logit(0.4)] * (HYPERS - 3), requires_grad=True)  # unconstrained
spread = torch.full_like(centre, math.log(math.expm1(0.5)), requires_grad=True)
if SMALL:
    optimizer = torch.optim.Adam(layers.parameters(), lr=1e-3, fused=True)
    hyper_optimizer = torch.optim.Adam([centre, spread], lr=3e-2, fused=True)
else:
    optimizer = torch.optim.SGD(layers.parameters(), lr=1e-2, momentum=0.9, fused=True)
    hyper_optimizer = torch.optim.RMSprop([centre, spread], lr=1e-2, foreach=True)


def sample():
    h = centre + F.softplus(spread) * torch.randn(BATCH, HYPERS)
    return torch.cat([h[:, :3], h[:1, 3:].expand(BATCH, -1)], 1) if SMALL else h  # one decay a batch


def dropout(x, rate):
    keep = 1 - rate[:, None]
    return x * (torch.rand_like(x) < keep) / keep


def network(x, h, rates=None):
    for i, layer in enumerate(layers):
        if rates is not None:
            x = dropout(x, rates[:, i])
        x = layer(x, h)
        if i < 2:
            x = F.relu(x)
    return x


def lower_objective(x, y):
    h = sample().detach()
    loss = F.cross_entropy(network(x, h, RATE_LIMIT * torch.sigmoid(h[:, :3])), y)
    if SMALL:
        decay = 10 ** (5 * torch.sigmoid(h[0, 3]) - 7)
        loss = loss + decay / 2 * sum(layer.mean_square(h) for layer in layers)
    return loss


def upper_objective(x, y):
    entropy = F.softplus(spread).log().sum()
    return F.cross_entropy(network(x, sample()), y) - 1e-3 * entropy


if args.compile:
    lower_objective, upper_objective = torch.compile(lower_objective), torch.compile(upper_objective)


def lower_step():
    i = torch.from_numpy(next(lower_batches))
    loss = lower_objective(images[i], labels[i])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def upper_step():
    i = torch.from_numpy(next(upper_batches))
    loss = upper_objective(images[i], labels[i])
    hyper_optimizer.zero_grad()
    loss.backward(inputs=[centre, spread])
    hyper_optimizer.step()


def cycle():
    for _ in range(5):
        loss = lower_step()
    upper_step()
    return loss


harness.serve(cycle, 6)
