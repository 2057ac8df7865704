"""W3 and W3u in JAX: a network like AlexNet on 32x32 images, with dropouts and noise. W3 is a self-tuning network with rates per example, five
lower steps to an upper one; W3u has the same rates for all examples and no hyperparameters."""
import functools

import harness

args = harness.parse(__doc__, ["w3", "w3u"])
import jax
import jax.numpy as jnp
import jax_kit
import jax_response
from hyper import Hyper

BATCH, IMAGES = 128, 1024
TUNES = args.workload == "w3"
CHANNELS, POOLED = (3, 64, 192, 384, 256, 256), (0, 1, 4)
HYPERS = {"drop": Hyper(0, 0.9, 0.05, count=5), "pixels": Hyper(0, 0.5, 0.05), "scale": Hyper(0, 1, 0.05), "full": Hyper(0, 0.9, 0.05, count=2),
          "unused": Hyper(0, 1, 0.5, count=6)}
hypers = jax_response.Hypers(HYPERS, deviation=0.5)
convolutions = [functools.partial(jax_kit.convolve, stride=2 if i == 0 else 1, padding=1) for i in range(5)]


def first_net(key):
    inputs = [(3, 3, channels) for channels in CHANNELS[:-1]] + [(1024,), (4096,), (4096,)]
    outputs = *CHANNELS[1:], 4096, 4096, 10
    keys = jax.random.split(key, len(inputs))
    return [jax_response.response(k, i, o, len(hypers) if TUNES else 0) for k, i, o in zip(keys, inputs, outputs)]


def noisy(key, x, p):
    pixels, scale = jax.random.split(key)
    top = 1 + p["scale"]
    x = jax_response.dropout(pixels, x, p["pixels"])
    return x * jax_response.spread(1 / top + (top - 1 / top) * jax.random.uniform(scale, (BATCH,)), x)


def network(net, x, h, p=None, key=None):
    """key and p, {hyperparameter: value}, of what acts in training."""
    keys = None if p is None else jax.random.split(key, 8)
    x = x if p is None else noisy(keys[7], x, p)
    for i, convolve in enumerate(convolutions):
        x = jax.nn.relu(jax_response.apply(net[i], x, h, convolve))
        x = jax_kit.max_pool(x) if i in POOLED else x
        x = x if p is None else jax_response.dropout(keys[i], x, p["drop"][..., i], channels=True)
    x = x.reshape(BATCH, -1)
    for i, layer in enumerate(net[5:]):
        x = x if p is None or i == 2 else jax_response.dropout(keys[5 + i], x, p["full"][..., i])
        x = jax_response.apply(layer, x, h)
        x = jax.nn.relu(x) if i < 2 else x
    return x


def lower_objective(net, trained, key, x, y):
    draw, key = jax.random.split(key)
    h = hypers.sample(trained, draw, BATCH) if TUNES else trained["centre"]
    return jax_kit.cross_entropy(network(net, x, h, hypers.natural(h), key), y)


def upper_objective(trained, net, key, x, y):
    return jax_kit.cross_entropy(network(net, x, hypers.sample(trained, key, BATCH)), y) - 1e-3 * jax_response.entropy(trained)


def lower_step(state, trained, images, labels, index):
    net, velocity, key = state
    key, draw = jax.random.split(key)
    loss, gradient = jax.value_and_grad(lower_objective)(net, trained, draw, images[index], labels[index])
    net, velocity = jax_kit.momentum(net, gradient, velocity, 1e-2)
    return (net, velocity, key), loss


def upper_step(state, net, images, labels, index):
    trained, adam, key = state
    key, draw = jax.random.split(key)
    gradient = jax.grad(upper_objective)(trained, net, draw, images[index], labels[index])
    trained, adam = jax_kit.adam(trained, gradient, adam, 3e-3)
    return trained, adam, key


image_key, label_key, net_key, *keys = jax.random.split(jax.random.key(0), 5)
images, labels = jax.random.normal(image_key, (IMAGES, 32, 32, 3)), jax.random.randint(label_key, (IMAGES,), 0, 10)
lower_batches, upper_batches = (harness.index_batches(0, IMAGES, BATCH, seed) for seed in (0, 1))
net = first_net(net_key)
state = net, jax_kit.tree_map(jnp.zeros_like, net), keys[0]
upper_state = hypers.first, jax_kit.adam_state(hypers.first), keys[1]
lower_step, upper_step = jax.jit(lower_step, donate_argnums=0), jax.jit(upper_step, donate_argnums=0)


def cycle():
    global state, upper_state
    for _ in range(5 if TUNES else 1):
        state, loss = lower_step(state, upper_state[0], images, labels, next(lower_batches))
    if TUNES:
        upper_state = upper_step(upper_state, state[0], images, labels, next(upper_batches))
    jax.block_until_ready(upper_state)
    return jax.block_until_ready(loss)


harness.serve(cycle, 6 if TUNES else 1, warmup=1)
