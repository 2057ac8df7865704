"""W2 and W2s in JAX: self-tuning networks with tuned dropouts (W2s: and a weight decay), five lower steps to an upper one."""
import harness

args = harness.parse(__doc__, ["w2", "w2s"])
import jax
import jax.numpy as jnp
import jax_kit
import jax_response
from hyper import Hyper

BATCH = 128
SMALL = args.workload == "w2s"
WIDTH, RATE_LIMIT = (300, 0.9) if SMALL else (1200, 0.95)
HYPERS = {"rates": Hyper(0, RATE_LIMIT, 0.05, count=3)}
if SMALL:
    HYPERS["decay"] = Hyper(-7, -2, -5, shared=True)  # its log10
hypers = jax_response.Hypers(HYPERS, deviation=0.5)


def mean_square(layer, h):
    """The batch's mean of the squared weights, without forming any example's weights."""
    w, u = jnp.split(layer["w"], 2, 1)
    s, _ = jax_response.scales(layer, h)
    return (w * w).sum() + (2 * s.mean(0) * (w * u).sum(0) + (s * s).mean(0) * (u * u).sum(0)).sum()


def network(layers, x, h, rates=None, keys=None):
    for i, layer in enumerate(layers):
        if rates is not None:
            x = jax_response.dropout(keys[i], x, rates[:, i])
        x = jax_response.apply(layer, x, h)
        if i < 2:
            x = jax.nn.relu(x)
    return x


def lower_objective(layers, trained, key, x, y):
    draw, *keys = jax.random.split(key, 4)
    h = hypers.sample(trained, draw, BATCH)
    values = hypers.natural(h)
    loss = jax_kit.cross_entropy(network(layers, x, h, values["rates"], keys), y)
    if SMALL:
        loss = loss + 10 ** values["decay"] / 2 * sum(mean_square(layer, h) for layer in layers)
    return loss


def upper_objective(trained, layers, key, x, y):
    return jax_kit.cross_entropy(network(layers, x, hypers.sample(trained, key, BATCH)), y) - 1e-3 * jax_response.entropy(trained)


def lower_step(layers, optimizer, trained, key, images, labels, index):
    loss, gradient = jax.value_and_grad(lower_objective)(layers, trained, key, images[index], labels[index])
    if SMALL:
        return *jax_kit.adam(layers, gradient, optimizer, 1e-3), loss
    return *jax_kit.momentum(layers, gradient, optimizer, 1e-2), loss


def upper_step(trained, optimizer, layers, key, images, labels, index):
    gradient = jax.grad(upper_objective)(trained, layers, key, images[index], labels[index])
    return jax_kit.adam(trained, gradient, optimizer, 3e-2) if SMALL else jax_kit.rmsprop(trained, gradient, optimizer, 1e-2)


images, labels = map(jnp.asarray, harness.read_mnist(args.data))
lower_batches = harness.index_batches(0, harness.TRAIN, BATCH)
upper_batches = harness.index_batches(harness.TRAIN, harness.VALID, BATCH)
key, *layer_keys = jax.random.split(jax.random.key(0), 4)
sizes = (784, WIDTH), (WIDTH, WIDTH), (WIDTH, 10)
layers = [jax_response.response(k, (i,), o, len(hypers)) for k, (i, o) in zip(layer_keys, sizes)]
trained = hypers.first
zeros = lambda tree: jax_kit.tree_map(jnp.zeros_like, tree)
optimizer = jax_kit.adam_state(layers) if SMALL else zeros(layers)
hyper_optimizer = jax_kit.adam_state(trained) if SMALL else zeros(trained)
lower_step = jax.jit(lower_step, donate_argnums=(0, 1))
upper_step = jax.jit(upper_step, donate_argnums=(0, 1))
split = jax.jit(jax.random.split, static_argnums=1)


def cycle():
    global layers, optimizer, trained, hyper_optimizer, key
    key, *keys = split(key, 7)
    for k in keys[:5]:
        layers, optimizer, loss = lower_step(layers, optimizer, trained, k, images, labels, next(lower_batches))
    trained, hyper_optimizer = upper_step(trained, hyper_optimizer, layers, keys[5], images, labels, next(upper_batches))
    jax.block_until_ready(trained)
    return loss


harness.serve(cycle, 6)
