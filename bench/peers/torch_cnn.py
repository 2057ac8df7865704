"""W3 in PyTorch: a self-tuning network like AlexNet on 32x32 images, with dropouts and noise per example, five lower steps to an upper one."""
import math

import harness

args = harness.parse(__doc__, ["w3"])
import torch
import torch.nn.functional as F

torch.set_num_threads(args.threads)
torch.manual_seed(0)
BATCH, IMAGES = 128, 1024
CHANNELS, POOLED = (3, 64, 192, 384, 256, 256), (0, 1, 4)
HYPERS, RATES = 15, 9  # of all, those that act: five convolutions, pixels, scale, two fully connected layers
LIMITS = torch.tensor([0.9] * 5 + [0.5, 1] + [0.9] * 2)


class Response(torch.nn.Module):
    """A layer whose weights respond to the hyperparameters h, output by output: y = f(x; W) + b + s(h) * f(x; U) + t(h) * c."""

    def __init__(self, make, outputs):
        super().__init__()
        self.base, self.hyper = make(), make()
        self.scale = torch.nn.Linear(HYPERS, 2 * outputs, bias=False)

    def forward(self, x, h):
        y = self.base(x)
        shape = (len(x), -1, *[1] * (y.dim() - 2))
        s, t = (part.reshape(shape) for part in self.scale(h).chunk(2, 1))
        shift = self.hyper.bias.view(1, -1, *[1] * (y.dim() - 2))
        return y + s * (self.hyper(x) - shift) + t * shift


def convolution(i):
    return lambda: torch.nn.Conv2d(CHANNELS[i], CHANNELS[i + 1], 3, 2 if i == 0 else 1, padding=1)


convolutions = torch.nn.ModuleList(Response(convolution(i), CHANNELS[i + 1]) for i in range(5))
full = torch.nn.ModuleList(Response(lambda i=i, o=o: torch.nn.Linear(i, o), o) for i, o in ((1024, 4096), (4096, 4096), (4096, 10)))
images, labels = torch.randn(IMAGES, 3, 32, 32), torch.randint(10, (IMAGES,))
lower_batches, upper_batches = (harness.index_batches(0, IMAGES, BATCH, seed) for seed in (0, 1))
start = 0.05 / LIMITS
centre = torch.cat([torch.log(start / (1 - start)), torch.zeros(HYPERS - RATES)]).requires_grad_()
spread = torch.full_like(centre, math.log(math.expm1(0.5)), requires_grad=True)
parameters = [*convolutions.parameters(), *full.parameters()]
optimizer = torch.optim.SGD(parameters, lr=1e-2, momentum=0.9, fused=True)
hyper_optimizer = torch.optim.Adam([centre, spread], lr=3e-3, fused=True)


def sample():
    return centre + F.softplus(spread) * torch.randn(BATCH, HYPERS)


def dropout(x, rate, channels=False):
    keep = (1 - rate).view(-1, *[1] * (x.dim() - 1))
    mask = torch.rand(*x.shape[:2], 1, 1) if channels else torch.rand_like(x)
    return x * ((mask < keep) / keep)


def network(x, h, p=None):
    if p is not None:
        top = 1 + p[:, 6]
        x = dropout(x, p[:, 5]) * (1 / top + (top - 1 / top) * torch.rand(BATCH))[:, None, None, None]
    for i, layer in enumerate(convolutions):
        x = F.relu(layer(x, h))
        x = F.max_pool2d(x, 2) if i in POOLED else x
        x = x if p is None else dropout(x, p[:, i], channels=True)
    x = x.flatten(1)
    for i, layer in enumerate(full):
        x = x if p is None or i == 2 else dropout(x, p[:, 7 + i])
        x = layer(x, h)
        x = F.relu(x) if i < 2 else x
    return x


def lower_objective(x, y):
    h = sample().detach()
    return F.cross_entropy(network(x, h, LIMITS * torch.sigmoid(h[:, :RATES])), y)


def upper_objective(x, y):
    return F.cross_entropy(network(x, sample()), y) - 1e-3 * F.softplus(spread).log().sum()


if args.compile:
    lower_objective, upper_objective = torch.compile(lower_objective), torch.compile(upper_objective)


def cycle():
    for _ in range(5):
        i = torch.from_numpy(next(lower_batches))
        loss = lower_objective(images[i], labels[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    i = torch.from_numpy(next(upper_batches))
    hyper_optimizer.zero_grad()
    upper_objective(images[i], labels[i]).backward(inputs=[centre, spread])
    hyper_optimizer.step()
    return loss.detach()


harness.serve(cycle, 6, warmup=1)
