"""W2 and W2s in PyTorch: self-tuning networks with tuned dropouts (W2s: and a weight decay), five lower steps to an upper one."""
import harness

args = harness.parse(__doc__, ["w2", "w2s"])
import torch
import torch.nn.functional as F
from hyper import Hyper
from torch_response import Hypers, Response, dropout

torch.set_num_threads(args.threads)
torch.manual_seed(0)
BATCH = 128
SMALL = args.workload == "w2s"
WIDTH, RATE_LIMIT = (300, 0.9) if SMALL else (1200, 0.95)
HYPERS = {"rates": Hyper(0, RATE_LIMIT, 0.05, count=3)}
if SMALL:
    HYPERS["decay"] = Hyper(-7, -2, -5, shared=True)  # its log10


class Layer(Response):
    def mean_square(self, h):
        """The batch's mean of the squared weights, without forming any example's weights."""
        w, u = self.weight
        s, _ = self.scales(h)
        return w.square().sum() + (2 * s.mean(0) * (w * u).sum(1) + s.square().mean(0) * u.square().sum(1)).sum()


images, labels = map(torch.from_numpy, harness.read_mnist(args.data))
lower_batches = harness.index_batches(0, harness.TRAIN, BATCH)
upper_batches = harness.index_batches(harness.TRAIN, harness.VALID, BATCH)
hypers = Hypers(HYPERS, deviation=0.5)
layers = torch.nn.ModuleList(Layer(F.linear, shape, len(hypers)) for shape in ((WIDTH, 784), (WIDTH, WIDTH), (10, WIDTH)))
if SMALL:
    optimizer = torch.optim.Adam(layers.parameters(), lr=1e-3, fused=True)
    hyper_optimizer = torch.optim.Adam(hypers.parameters(), lr=3e-2, fused=True)
else:
    optimizer = torch.optim.SGD(layers.parameters(), lr=1e-2, momentum=0.9, fused=True)
    hyper_optimizer = torch.optim.RMSprop(hypers.parameters(), lr=1e-2, foreach=True)


def network(x, h, rates=None):
    for i, layer in enumerate(layers):
        if rates is not None:
            x = dropout(x, rates[:, i])
        x = layer(x, h)
        if i < 2:
            x = F.relu(x)
    return x


def lower_objective(x, y):
    h = hypers.sample(BATCH).detach()
    values = hypers.for_batch(h)
    loss = F.cross_entropy(network(x, h, values["rates"]), y)
    if SMALL:
        loss = loss + 10 ** values["decay"] / 2 * sum(layer.mean_square(h) for layer in layers)
    return loss


def upper_objective(x, y):
    return F.cross_entropy(network(x, hypers.sample(BATCH)), y) - 1e-3 * hypers.entropy()


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
    loss.backward(inputs=list(hypers.parameters()))
    hyper_optimizer.step()


def cycle():
    for _ in range(5):
        loss = lower_step()
    upper_step()
    return loss


harness.serve(cycle, 6)
