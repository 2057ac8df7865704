"""The few pieces that both JAX peers need: linear layers, a loss, optimizers over trees of arrays."""
import jax
import jax.numpy as jnp

tree_map = jax.tree_util.tree_map


def linear(key, inputs, outputs):
    bound = inputs ** -0.5
    uniform = lambda key, *shape: jax.random.uniform(key, shape, jnp.float32, -bound, bound)
    w_key, b_key = jax.random.split(key)
    return {"w": uniform(w_key, outputs, inputs), "b": uniform(b_key, outputs)}


def apply(layer, x):
    return x @ layer["w"].T + layer["b"]


def cross_entropy(logits, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()


def adam_state(weights):
    zeros = lambda: tree_map(jnp.zeros_like, weights)
    return {"m": zeros(), "v": zeros(), "count": jnp.zeros((), jnp.int32)}


def adam(weights, gradient, state, rate, b1=0.9, b2=0.999, epsilon=1e-8):
    count = state["count"] + 1
    m = tree_map(lambda m, g: b1 * m + (1 - b1) * g, state["m"], gradient)
    v = tree_map(lambda v, g: b2 * v + (1 - b2) * g * g, state["v"], gradient)
    first, second = 1 - b1 ** count.astype(jnp.float32), 1 - b2 ** count.astype(jnp.float32)
    move = lambda w, m, v: w - rate * (m / first) / (jnp.sqrt(v / second) + epsilon)
    return tree_map(move, weights, m, v), {"m": m, "v": v, "count": count}


def momentum(weights, gradient, velocity, rate, decay=0.9):
    velocity = tree_map(lambda v, g: decay * v + g, velocity, gradient)
    return tree_map(lambda w, v: w - rate * v, weights, velocity), velocity


def rmsprop(weights, gradient, square, rate, decay=0.99, epsilon=1e-8):
    square = tree_map(lambda s, g: decay * s + (1 - decay) * g * g, square, gradient)
    return tree_map(lambda w, g, s: w - rate * g / (jnp.sqrt(s) + epsilon), weights, gradient, square), square
