"""W3 and W3u in PyTorch: a network like AlexNet on 32x32 images, with dropouts and noise. W3 is a self-tuning network with rates per example, five
lower steps to an upper one; W3u has the same rates for all examples and no hyperparameters."""
import functools

import harness

args = harness.parse(__doc__, ["w3", "w3u"])
import torch
import torch.nn.functional as F
from hyper import Hyper
from torch_response import Hypers, Response, dropout

torch.set_num_threads(args.threads)
torch.manual_seed(0)
BATCH, IMAGES = 128, 1024
TUNES = args.workload == "w3"
CHANNELS, POOLED = (3, 64, 192, 384, 256, 256), (0, 1, 4)
HYPERS = {"drop": Hyper(0, 0.9, 0.05, count=5), "pixels": Hyper(0, 0.5, 0.05), "scale": Hyper(0, 1, 0.05), "full": Hyper(0, 0.9, 0.05, count=2),
          "unused": Hyper(0, 1, 0.5, count=6)}


def convolution(i):
    apply = functools.partial(F.conv2d, stride=2 if i == 0 else 1, padding=1)
    return Response(apply, (CHANNELS[i + 1], CHANNELS[i], 3, 3), len(hypers) if TUNES else 0)


hypers = Hypers(HYPERS, deviation=0.5)
convolutions = torch.nn.ModuleList(convolution(i) for i in range(5))
full = torch.nn.ModuleList(Response(F.linear, shape, len(hypers) if TUNES else 0) for shape in ((4096, 1024), (4096, 4096), (10, 4096)))
images, labels = torch.randn(IMAGES, 3, 32, 32), torch.randint(10, (IMAGES,))
lower_batches, upper_batches = (harness.index_batches(0, IMAGES, BATCH, seed) for seed in (0, 1))
parameters = [*convolutions.parameters(), *full.parameters()]
optimizer = torch.optim.SGD(parameters, lr=1e-2, momentum=0.9, fused=True)
hyper_optimizer = torch.optim.Adam(hypers.parameters(), lr=3e-3, fused=True)


def network(x, h, p=None):
    if p is not None:
        top = 1 + p["scale"]
        x = dropout(x, p["pixels"]) * (1 / top + (top - 1 / top) * torch.rand(BATCH))[:, None, None, None]
    for i, layer in enumerate(convolutions):
        x = F.relu(layer(x, h))
        x = F.max_pool2d(x, 2) if i in POOLED else x
        x = x if p is None else dropout(x, p["drop"][..., i], channels=True)
    x = x.flatten(1)
    for i, layer in enumerate(full):
        x = x if p is None or i == 2 else dropout(x, p["full"][..., i])
        x = layer(x, h)
        x = F.relu(x) if i < 2 else x
    return x


def lower_objective(x, y):
    h = hypers.sample(BATCH).detach() if TUNES else hypers.centre.detach()
    return F.cross_entropy(network(x, h, hypers.natural(h)), y)


def upper_objective(x, y):
    return F.cross_entropy(network(x, hypers.sample(BATCH)), y) - 1e-3 * hypers.entropy()


if args.compile:
    lower_objective, upper_objective = torch.compile(lower_objective), torch.compile(upper_objective)


def cycle():
    for _ in range(5 if TUNES else 1):
        i = torch.from_numpy(next(lower_batches))
        loss = lower_objective(images[i], labels[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if TUNES:
        i = torch.from_numpy(next(upper_batches))
        hyper_optimizer.zero_grad()
        upper_objective(images[i], labels[i]).backward(inputs=list(hypers.parameters()))
        hyper_optimizer.step()
    return loss.detach()


harness.serve(cycle, 6 if TUNES else 1, warmup=1)
