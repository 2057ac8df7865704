"""models/stn_cnn.hn, its small network, in PyTorch: a CNN on CIFAR-10 that tunes its augmentation and dropout, or has them fixed."""
import functools
import os

import harness
import tuned

flags = tuned.parse(__doc__)
import numpy as np
import torch
import torch.nn.functional as F
from hyper import Hyper
from torch_augment import cutout, jitter, scale_noise
from torch_response import Hypers, Response, dropout

torch.set_num_threads(flags.threads)
torch.manual_seed(flags.seed)
TUNES = flags.arm == "tuned"
BATCH, TRAIN, VALID = 128, 40000, 10000
CHANNELS = (3, 10, 20, 40)
START, MOST_HOLES, ENTROPY_WEIGHT = 0.05, 3, 1e-3
HYPERS = {"drop": Hyper(0, 0.9, START, count=3), "pixels": Hyper(0, 1, START), "scale": Hyper(0, 0.3, START), "hue": Hyper(0, 0.5, START),
          "contrast": Hyper(0, 1, START), "saturation": Hyper(0, 1, START), "brightness": Hyper(0, 1, START),
          "length": Hyper(0, 23, 4, whole=True), "holes": Hyper(0, MOST_HOLES, 1, whole=True)}
MEAN, DEVIATION = (torch.tensor(colours).view(3, 1, 1) / 255 for colours in ([125.3, 123.0, 113.9], [63.0, 62.1, 66.7]))


def read_cifar(names):
    """Images [n, 3, 32, 32] of bytes, and labels."""
    rows = np.concatenate([np.fromfile(os.path.join(flags.data, name), np.uint8).reshape(-1, 3073) for name in names])
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32)), torch.from_numpy(rows[:, 0].astype(np.int64))


class Net(torch.nn.Module):
    def __init__(self, hypers):
        super().__init__()
        convolve = functools.partial(F.conv2d, padding=1)
        self.convolutions = torch.nn.ModuleList(Response(convolve, (m, c, 3, 3), hypers) for c, m in zip(CHANNELS, CHANNELS[1:]))
        self.output = torch.nn.Linear(640, 10)

    def forward(self, x, h, values=None):
        """Of images between 0 and 1. h: what the weights respond to; values: what acts in training, {hyperparameter: value}."""
        x = (x - MEAN) / DEVIATION if values is None else augmented(x, values)
        for i, layer in enumerate(self.convolutions):
            x = F.max_pool2d(F.relu(layer(x, h)), 2)
            x = x if values is None else dropout(x, values["drop"][..., i], channels=True)
        return self.output(x.flatten(1))


@torch.no_grad()
def augmented(x, values):
    x = jitter(x, values["brightness"], values["contrast"], values["saturation"], values["hue"])
    x = cutout((x - MEAN) / DEVIATION, values["holes"], values["length"], MOST_HOLES)
    return dropout(scale_noise(x, values["scale"]), values["pixels"])


images, labels = read_cifar([f"data_batch_{i}.bin" for i in range(1, 6)])
test_images, test_labels = read_cifar(["test_batch.bin"])
hypers = Hypers(HYPERS, deviation=0.5)
net = Net(len(hypers) if TUNES else 0)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=True)
hyper_optimizer = torch.optim.Adam(hypers.parameters(), lr=3e-3, fused=True)
lower_batches = harness.index_batches(0, TRAIN, BATCH, flags.seed)
upper_batches = harness.index_batches(TRAIN, VALID, BATCH, flags.seed + 1)
FIXED = hypers.natural(hypers.centre.detach())


def batch_of(batches):
    i = torch.from_numpy(next(batches))
    return images[i] / 255, labels[i]


def lower():
    x, y = batch_of(lower_batches)
    h = hypers.sample(BATCH).detach() if TUNES else None
    loss = F.cross_entropy(net(x, h, hypers.natural(h) if TUNES else FIXED), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def upper():
    x, y = batch_of(upper_batches)
    loss = F.cross_entropy(net(x, hypers.sample(BATCH)), y) - ENTROPY_WEIGHT * hypers.entropy()
    hyper_optimizer.zero_grad()
    loss.backward(inputs=list(hypers.parameters()))
    hyper_optimizer.step()


@torch.no_grad()
def evaluate():
    event = {}
    for name, x, y in (("valid", images[TRAIN:], labels[TRAIN:]), ("test", test_images, test_labels)):
        logits = torch.cat([net(part / 255, hypers.centre) for part in x.split(500)])
        event[f"fit(cifar.{name})"] = F.cross_entropy(logits, y).item()
        event[f"err(cifar.{name})"] = (logits.argmax(1) != y).float().mean().item()
    return {**event, **(hypers.logged() if TUNES else {})}


if __name__ == "__main__":
    tuned.train(flags, TRAIN // BATCH, lower, evaluate, upper if TUNES else None, warmup=5)
