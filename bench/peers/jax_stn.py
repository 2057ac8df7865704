"""W2 and W2s in JAX: self-tuning networks with tuned dropouts (W2s: and a weight decay), five lower steps to an upper one."""
import math

import harness

args = harness.parse(__doc__, ["w2", "w2s"])
import jax
import jax.numpy as jnp
import jax_kit

BATCH = 128
SMALL = args.workload == "w2s"
WIDTH, RATE_LIMIT = (300, 0.9) if SMALL else (1200, 0.95)
HYPERS = 4 if SMALL else 3


def response(key, inputs, outputs):
    """A linear layer whose weights respond to the hyperparameters h, row by row: y = x W' + b + s(h) * (x U') + t(h) * c."""
    base, hyper, scale = jax.random.split(key, 3)
    return {"base": jax_kit.linear(base, inputs, outputs), "hyper": jax_kit.linear(hyper, inputs, outputs),
            "scale": jax_kit.linear(scale, HYPERS, 2 * outputs)["w"]}


def apply_response(layer, x, h):
    s, t = jnp.split(h @ layer["scale"].T, 2, axis=1)
    return jax_kit.apply(layer["base"], x) + s * (x @ layer["hyper"]["w"].T) + t * layer["hyper"]["b"]


def mean_square(layer, h):
    """The batch's mean of the squared weights, without forming any example's weights."""
    w, u = layer["base"]["w"], layer["hyper"]["w"]
    s = (h @ layer["scale"].T)[:, :len(w)]
    return (w * w).sum() + (2 * s.mean(0) * (w * u).sum(1) + (s * s).mean(0) * (u * u).sum(1)).sum()


def logit(p):
    return math.log(p / (1 - p))


def sample(hypers, key):
    h = hypers["centre"] + jax.nn.softplus(hypers["spread"]) * jax.random.normal(key, (BATCH, HYPERS))
    return h.at[:, 3:].set(h[:1, 3:])  # one decay a batch


def network(layers, x, h, rates=None, keys=None):
    for i, layer in enumerate(layers):
        if rates is not None:
            keep = 1 - rates[:, i:i + 1]
            x = x * (jax.random.uniform(keys[i], x.shape) < keep) / keep
        x = apply_response(layer, x, h)
        if i < 2:
            x = jax.nn.relu(x)
    return x


def lower_objective(layers, hypers, key, x, y):
    draw, *keys = jax.random.split(key, 4)
    h = sample(hypers, draw)
    loss = jax_kit.cross_entropy(network(layers, x, h, RATE_LIMIT * jax.nn.sigmoid(h[:, :3]), keys), y)
    if SMALL:
        decay = 10 ** (5 * jax.nn.sigmoid(h[0, 3]) - 7)
        loss = loss + decay / 2 * sum(mean_square(layer, h) for layer in layers)
    return loss


def upper_objective(hypers, layers, key, x, y):
    entropy = jnp.log(jax.nn.softplus(hypers["spread"])).sum()
    return jax_kit.cross_entropy(network(layers, x, sample(hypers, key)), y) - 1e-3 * entropy


def lower_step(layers, optimizer, hypers, key, images, labels, index):
    loss, gradient = jax.value_and_grad(lower_objective)(layers, hypers, key, images[index], labels[index])
    if SMALL:
        return *jax_kit.adam(layers, gradient, optimizer, 1e-3), loss
    return *jax_kit.momentum(layers, gradient, optimizer, 1e-2), loss


def upper_step(hypers, optimizer, layers, key, images, labels, index):
    gradient = jax.grad(upper_objective)(hypers, layers, key, images[index], labels[index])
    return jax_kit.adam(hypers, gradient, optimizer, 3e-2) if SMALL else jax_kit.rmsprop(hypers, gradient, optimizer, 1e-2)


images, labels = map(jnp.asarray, harness.read_mnist(args.data))
lower_batches = harness.index_batches(0, harness.TRAIN, BATCH)
upper_batches = harness.index_batches(harness.TRAIN, harness.VALID, BATCH)
key, *layer_keys = jax.random.split(jax.random.key(0), 4)
sizes = (784, WIDTH), (WIDTH, WIDTH), (WIDTH, 10)
layers = [response(k, i, o) for k, (i, o) in zip(layer_keys, sizes)]
hypers = {"centre": jnp.array([logit(0.05 / RATE_LIMIT)] * 3 + [logit(0.4)] * (HYPERS - 3), jnp.float32),
          "spread": jnp.full(HYPERS, math.log(math.expm1(0.5)), jnp.float32)}
zeros = lambda tree: jax_kit.tree_map(jnp.zeros_like, tree)
optimizer = jax_kit.adam_state(layers) if SMALL else zeros(layers)
hyper_optimizer = jax_kit.adam_state(hypers) if SMALL else zeros(hypers)
lower_step = jax.jit(lower_step, donate_argnums=(0, 1))
upper_step = jax.jit(upper_step, donate_argnums=(0, 1))
split = jax.jit(jax.random.split, static_argnums=1)


def cycle():
    global layers, optimizer, hypers, hyper_optimizer, key
    key, *keys = split(key, 7)
    for k in keys[:5]:
        layers, optimizer, loss = lower_step(layers, optimizer, hypers, k, images, labels, next(lower_batches))
    hypers, hyper_optimizer = upper_step(hypers, hyper_optimizer, layers, keys[5], images, labels, next(upper_batches))
    jax.block_until_ready(hypers)
    return loss


harness.serve(cycle, 6)
