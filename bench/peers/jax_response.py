"""Self-tuning networks (MacKay et al., ICLR 2019) for the peers in JAX, as torch_response.py has them: hyperparameters that are sampled and tuned,
layers whose weights respond to them, and dropout with a rate for each example. What a layer makes is the last axis of all arrays."""
import math

import jax
import jax.numpy as jnp
import jax_kit
from hyper import unconstrained_spread


class Hypers:
    """What is trained begins as `first`: the vector of hyperparameters without bounds, `centre`, and the deviation of its samples, the softplus of
    `spread`. Bounds are finite, and no entry is an integer."""

    def __init__(self, entries, deviation):
        self.entries = entries
        each = [entry for entry in entries.values() for _ in range(entry.count)]
        self.low, self.span = jnp.array([entry.low for entry in each]), jnp.array([entry.high - entry.low for entry in each])
        self.shared = jnp.array([entry.shared for entry in each])
        self.first = {"centre": jnp.array([entry.unconstrained_start() for entry in each]),
                      "spread": jnp.full(len(each), unconstrained_spread(deviation), jnp.float32)}

    def __len__(self):
        return len(self.shared)

    def sample(self, trained, key, batch):
        """[batch, hyperparameters], without bounds."""
        noise = jax.random.normal(key, (batch, len(self)))
        return trained["centre"] + jax.nn.softplus(trained["spread"]) * jnp.where(self.shared, noise[:1], noise)

    def bounded(self, h):
        return self.low + self.span * jax.nn.sigmoid(h)

    def natural(self, h):
        """{name: [...] or, of several, [..., count]}, within their bounds, of h [..., hyperparameters]; one value of what a batch shares."""
        values, at, natural = self.bounded(h), 0, {}
        for name, entry in self.entries.items():
            part = values[0] if entry.shared and h.ndim == 2 else values
            natural[name] = part[..., at] if entry.count == 1 else part[..., at:at + entry.count]
            at += entry.count
        return natural


def entropy(trained):
    """Of the samples, up to a constant."""
    return jnp.log(jax.nn.softplus(trained["spread"])).sum()


def response(key, inputs, outputs, hypers):
    """A layer whose weights respond to h, output by output: W + s(h) * U and b + t(h) * c. W and U are one array [*inputs, 2 outputs]. Without
    hyperparameters (0), a plain layer."""
    w_key, b_key, scale_key = jax.random.split(key, 3)
    copies, bound = 2 if hypers else 1, math.prod(inputs) ** -0.5
    layer = {"w": jax_kit.uniform(w_key, bound, *inputs, copies * outputs), "b": jax_kit.uniform(b_key, bound, copies, outputs)}
    return {**layer, "scale": 0.01 * jax.random.normal(scale_key, (hypers, 2 * outputs))} if hypers else layer


def scales(layer, h):
    """s and t, [batch, outputs]."""
    return jnp.split(h @ layer["scale"], 2, -1)


def apply(layer, x, h=None, multiply=jnp.matmul):
    """h: [batch, hyperparameters]. `multiply`: x by the weights; both products are one."""
    if "scale" not in layer:
        return multiply(x, layer["w"]) + layer["b"][0]
    s, t = scales(layer, h)
    plain, responses = jnp.split(multiply(x, layer["w"]), 2, -1)
    s, bias = (spread(part, plain) for part in (s, layer["b"][0] + t * layer["b"][1]))
    return plain + bias + s * responses


def spread(part, x):
    """[batch] or [batch, channels], with axes of size 1 for all others that x has; [] as it is."""
    if part.ndim == 0:
        return part
    return part.reshape(len(part), *[1] * (x.ndim - 2), part.shape[1] if part.ndim == 2 else 1)


def dropout(key, x, rate, channels=False):
    """rate: of each example, or one for all. `channels`: whole channels are dropped."""
    keep = spread(1 - rate, x)
    mask = jax.random.uniform(key, (len(x), *[1] * (x.ndim - 2), x.shape[-1]) if channels else x.shape) < keep
    return x * (mask / jnp.maximum(keep, 1e-12))
