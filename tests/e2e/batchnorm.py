"""batchnorm beside PyTorch's: batchnorm.py HNC. From the same weights and running statistics, four steps of SGD on one batch change all of
them alike, and the losses in evaluation, which reads the statistics, are the same."""
import os
import sys

import numpy as np
import torch

from kit import read_weights, run

HNC = os.path.abspath(sys.argv[1])
MODEL = """data d = npy("x.npy", "y.npy") { fields x: f32[3, 5, 4], y: f32
  split train 48, valid 16 }
net f(x: f32[3, 5, 4]) -> f32 {
  h = relu(batchnorm(conv2d(x, 5, padding: 1), momentum: 0.2))
  h = batchnorm(conv2d(h, 2, padding: 1))
  return mean(h * h * h)
}
objective fit(e) = mean(square(f(e.x) - e.y))
train go = fit { minimise fit(d.train) by sgd(0.05)
  batch 48
  epochs 1
  report fit(d.train), fit(d.valid) }
"""
NAMES = {"0.weight": "conv2d1.w", "0.bias": "conv2d1.b", "3.weight": "conv2d2.w", "3.bias": "conv2d2.b"}
for module, layer in ("1", "batchnorm1"), ("4", "batchnorm2"):
    for theirs, ours in ("weight", "gamma"), ("bias", "beta"), ("running_mean", "mu"), ("running_var", "variance"):
        NAMES[f"{module}.{theirs}"] = f"{layer}.{ours}"


def numbers_after(epochs):
    run("./bn", "train", "--quiet", "--out", f"bn-{epochs}", "--epochs", str(epochs))
    found = read_weights(f"bn-{epochs}/last.safetensors")
    return {theirs: np.array(found["f." + ours][1]).reshape(found["f." + ours][0]) for theirs, ours in NAMES.items()}


def main():
    dice = np.random.default_rng(0)
    x, y = dice.standard_normal((64, 3, 5, 4)).astype(np.float32), dice.standard_normal(64).astype(np.float32)
    np.save("x.npy", x)
    np.save("y.npy", y)
    open("bn.hn", "w").write(MODEL)
    run(HNC, "build", "bn.hn", "-o", "bn")
    before, after = numbers_after(1), numbers_after(5)

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3, padding=1), torch.nn.BatchNorm2d(5, momentum=0.2), torch.nn.ReLU(),
                              torch.nn.Conv2d(5, 2, 3, padding=1), torch.nn.BatchNorm2d(2)).double()
    net.load_state_dict({**net.state_dict(), **{name: torch.tensor(value) for name, value in before.items()}})
    x, y = torch.tensor(x.astype(np.float64)), torch.tensor(y.astype(np.float64))
    loss = lambda rows: ((net(x[rows]) ** 3).mean((1, 2, 3)) - y[rows]).square().mean()
    optimizer = torch.optim.SGD(net.parameters(), 0.05)
    for _ in range(4):
        optimizer.zero_grad()
        loss(slice(48)).backward()
        optimizer.step()
    for name, value in net.state_dict().items():
        if name in after and not np.abs(value.numpy() - after[name]).max() < 1e-6:
            raise SystemExit(f"FAILED: {name} differs by {np.abs(value.numpy() - after[name]).max():.2g} after four steps")
    net.eval()
    said = dict(line.split() for line in run("./bn", "eval", "--weights", "bn-5/last.safetensors").splitlines())
    for metric, rows in ("fit(d.train)", slice(48)), ("fit(d.valid)", slice(48, 64)):
        if not abs(float(said[metric]) / loss(rows).item() - 1) < 1e-5:
            raise SystemExit(f"FAILED: {metric} is {said[metric]}, not {loss(rows).item():.6g}")
    print("batchnorm: four steps and two losses as PyTorch's")


main()
