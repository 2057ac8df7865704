"""The few pieces that the JAX peers share: layers, a loss, optimizers over trees of arrays."""
import jax
import jax.numpy as jnp

tree_map = jax.tree_util.tree_map


def uniform(key, bound, *shape):
    return jax.random.uniform(key, shape, jnp.float32, -bound, bound)


def linear(key, inputs, outputs):
    bound = inputs ** -0.5
    w_key, b_key = jax.random.split(key)
    return {"w": uniform(w_key, bound, outputs, inputs), "b": uniform(b_key, bound, outputs)}


def apply(layer, x):
    """x: a vector. Of x @ w.T, XLA would copy w."""
    return layer["w"] @ x + layer["b"]


def convolve(x, kernel, stride=1, padding=0):
    """x: [batch, height, width, channels], the layout that is fastest on a processor; kernel: [height, width, inputs, outputs]."""
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def max_pool(x):
    """Windows of 2 x 2. The derivative of lax.reduce_window takes ten to forty times as long on a processor, that of jnp.maximum somewhat longer."""
    larger = lambda a, b: jnp.where(a >= b, a, b)
    x = larger(x[:, ::2], x[:, 1::2])
    return larger(x[:, :, ::2], x[:, :, 1::2])


def cross_entropy(logits, labels):
    """Without a scatter in the backward pass, which would take longer than to multiply by a one-hot row."""
    return (jax.nn.logsumexp(logits, 1) - (jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype) * logits).sum(1)).mean()


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


def clipped(gradient, most):
    """Its norm is at most so much."""
    norm = jnp.sqrt(sum((leaf * leaf).sum() for leaf in jax.tree_util.tree_leaves(gradient)))
    return tree_map(lambda g: g * jnp.minimum(1, most / (norm + 1e-6)), gradient)


def sgd(weights, gradient, rate):
    return tree_map(lambda w, g: w - rate * g, weights, gradient)


def momentum(weights, gradient, velocity, rate, decay=0.9):
    velocity = tree_map(lambda v, g: decay * v + g, velocity, gradient)
    return tree_map(lambda w, v: w - rate * v, weights, velocity), velocity


def rmsprop(weights, gradient, square, rate, decay=0.99, epsilon=1e-8):
    square = tree_map(lambda s, g: decay * s + (1 - decay) * g * g, square, gradient)
    return tree_map(lambda w, g, s: w - rate * g / (jnp.sqrt(s) + epsilon), weights, gradient, square), square
