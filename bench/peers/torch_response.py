"""Self-tuning networks (MacKay et al., ICLR 2019) for the peers in PyTorch: hyperparameters that are sampled and tuned, layers whose weights respond
to them, and dropout with a rate for each example. As hnc's `hyper`, `stn` and `dropout` (docs/methods.md)."""
import math

import torch
import torch.nn.functional as F
from hyper import unconstrained_spread


class Hypers(torch.nn.Module):
    """The vector of hyperparameters without bounds, `centre`, and the deviation of its samples, the softplus of `spread`."""

    def __init__(self, entries, deviation):
        super().__init__()
        self.names, self.counts = list(entries), [entry.count for entry in entries.values()]
        self.entry_shared = [entry.shared for entry in entries.values()]
        each = [entry for entry in entries.values() for _ in range(entry.count)]
        self.centre = torch.nn.Parameter(torch.tensor([entry.unconstrained_start() for entry in each]))
        self.spread = torch.nn.Parameter(torch.full((len(each),), unconstrained_spread(deviation)))
        unbounded = [math.isinf(entry.high) for entry in each]
        columns = {"unbounded": unbounded, "shared": [entry.shared for entry in each], "whole": [entry.whole for entry in each],
                   "low": [entry.low for entry in each], "high": [entry.high for entry in each],
                   "span": [0.0 if free else entry.high + entry.whole - entry.low for entry, free in zip(each, unbounded)]}
        for name, column in columns.items():
            self.register_buffer(name, torch.tensor(column))

    def __len__(self):
        return len(self.centre)

    def sample(self, batch):
        """[batch, hyperparameters], without bounds."""
        noise = torch.randn(batch, len(self))
        return self.centre + F.softplus(self.spread) * torch.where(self.shared, noise[:1], noise)

    def entropy(self):
        """Of the samples, up to a constant."""
        return F.softplus(self.spread).log().sum()

    def bounded(self, h):
        """[..., hyperparameters], within their bounds."""
        values = torch.where(self.unbounded, F.softplus(h), self.low + self.span * h.sigmoid())
        return torch.where(self.whole, values.floor().minimum(self.high), values)

    def natural(self, h):
        """{name: [...] or, of several, [..., count]}, within their bounds, of h [..., hyperparameters]."""
        parts = zip(self.names, self.counts, self.bounded(h).split(self.counts, -1))
        return {name: part if count > 1 else part.squeeze(-1) for name, count, part in parts}

    def for_batch(self, h):
        """As `natural`, with one value of what the batch shares."""
        return {name: value[0] if h.dim() == 2 and shared else value for shared, (name, value) in zip(self.entry_shared, self.natural(h).items())}

    def logged(self):
        return {f"lam.{name}": value.tolist() for name, value in self.natural(self.centre.detach()).items()}


class Response(torch.nn.Module):
    """A linear or convolutional layer, apply(x, weight, bias), whose weights respond to h, output by output: W + s(h) * U and b + t(h) * c.
    Without hyperparameters (0), a plain layer."""

    def __init__(self, apply, shape, hypers):
        super().__init__()
        self.apply_weights, outputs, bound = apply, shape[0], math.prod(shape[1:]) ** -0.5
        copies = 2 if hypers else 1
        self.weight = torch.nn.Parameter(torch.empty(copies, *shape).uniform_(-bound, bound))
        self.bias = torch.nn.Parameter(torch.empty(copies, outputs).uniform_(-bound, bound))
        self.scale = torch.nn.Parameter(torch.randn(hypers, 2 * outputs) * 0.01) if hypers else None

    def scales(self, h):
        """s and t, [..., outputs]."""
        return (h @ self.scale).chunk(2, -1)

    def forward(self, x, h=None):
        """h: [hyperparameters], the same for all examples, or [batch, hyperparameters]."""
        if self.scale is None:
            return self.apply_weights(x, self.weight[0], self.bias[0])
        s, t = self.scales(h)
        bias = self.bias[0] + t * self.bias[1]
        if h.dim() == 1:
            return self.apply_weights(x, self.weight[0] + s.view(-1, *[1] * (self.weight.dim() - 2)) * self.weight[1], bias)
        plain, response = self.apply_weights(x, self.weight.flatten(0, 1), None).chunk(2, 1)  # both products are one
        s, bias = (part.reshape(*part.shape, *[1] * (plain.dim() - 2)) for part in (s, bias))
        return torch.addcmul(plain + bias, s, response)


def dropout(x, rate, channels=False):
    """rate: of each example, or one for all. `channels`: whole channels are dropped."""
    if rate.dim() == 0:
        return (F.dropout2d if channels else F.dropout)(x, rate.item())
    keep = (1 - rate).view(-1, *[1] * (x.dim() - 1))
    mask = torch.rand(*x.shape[:2], *[1] * (x.dim() - 2)) if channels else torch.rand_like(x)
    return x * ((mask < keep) / keep.clamp_min(1e-12))
