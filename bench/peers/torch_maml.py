"""W9 in PyTorch: MAML on sines, five steps on ten points, 25 curves a batch, by torch.func's grad within vmap."""
import harness

args = harness.parse(__doc__, ["w9"])
import math

import torch
from torch.func import functional_call, grad, vmap

torch.set_num_threads(args.threads)
torch.manual_seed(0)
CURVES, POINTS, STEPS, RATE = 25, 10, 5, 0.01
network = torch.nn.Sequential(torch.nn.Linear(1, 40), torch.nn.ReLU(), torch.nn.Linear(40, 40), torch.nn.ReLU(), torch.nn.Linear(40, 1))
weights = dict(network.named_parameters())
optimizer = torch.optim.Adam(weights.values(), lr=1e-3, fused=True)


def fit(w, x, y):
    return (functional_call(network, w, (x[:, None],))[:, 0] - y).square().mean()


def adapted(w, xs, ys, x, y):
    for _ in range(STEPS):
        gradient = grad(fit)(w, xs, ys)
        w = {name: w[name] - RATE * gradient[name] for name in w}
    return fit(w, x, y)


losses = vmap(adapted, in_dims=(None, 0, 0, 0, 0))


def cycle():
    size, phase = 0.1 + 4.9 * torch.rand(CURVES, 1), math.pi * torch.rand(CURVES, 1)
    xs, x = 10 * torch.rand(2, CURVES, POINTS) - 5
    loss = losses(weights, xs, size * torch.sin(xs - phase), x, size * torch.sin(x - phase)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


harness.serve(cycle, 1)
