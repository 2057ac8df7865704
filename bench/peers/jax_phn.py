"""W5a and W5b in JAX: a Pareto hypernetwork on Adult, by linear scalarisation or by EPO."""
import harness

args = harness.parse(__doc__, ["w5a", "w5b"])
import jax

jax.config.update("jax_enable_x64", args.workload == "w5b")  # for the linear programme; the net is in single precision
import jax.numpy as jnp
import jax_epo
import jax_kit
import numpy as np

import fairness_tables

BATCH, WIDTH, RATE, ALPHA = 256, 100, 1e-4, 0.2
features, cells = map(jnp.asarray, fairness_tables.split(*fairness_tables.read_table(args.data, "adult"), 0)[0])
batches = harness.index_batches(0, len(features), BATCH)
sizes = (features.shape[1], 40, 20, 1)
shapes = [shape for i, o in zip(sizes, sizes[1:]) for shape in ((o, i), (o,))]
*keys, key = jax.random.split(jax.random.key(0), 4 + len(shapes))
weights = {"trunk": [jax_kit.linear(k, i, WIDTH) for k, i in zip(keys, (3, WIDTH, WIDTH))],
           "heads": [jax_kit.linear(k, WIDTH, int(np.prod(shape))) for k, shape in zip(keys[3:], shapes)]}


def scores(weights, ray, x):
    first, second, third = weights["trunk"]
    code = jax_kit.apply(third, jax.nn.relu(jax_kit.apply(second, jax.nn.relu(jax_kit.apply(first, ray)))))
    tensors = [jax_kit.apply(head, code).reshape(shape) for head, shape in zip(weights["heads"], shapes)]
    for i in range(0, len(tensors), 2):
        x = x @ tensors[i].T + tensors[i + 1]
        x = jax.nn.relu(x) if i + 2 < len(tensors) else x
    return x[:, 0]


def losses_of(weights, ray, x, cells):
    """The three losses; a gap counts only if both of its groups have members."""
    logits, counts = scores(weights, ray, x), cells.sum(0)
    means = (jnp.tanh(logits / 2) @ cells) / jnp.maximum(counts, 1)
    gap = lambda a, b: jnp.where((counts[a] > 0) & (counts[b] > 0), jnp.abs(means[a] - means[b]), 0)
    positive = cells[:, 2] + cells[:, 3]
    entropy = (jnp.logaddexp(0, logits) - positive * logits).mean()
    return jnp.stack([entropy, gap(0, 1), gap(2, 3)])


def linear(weights, ray, x, cells):
    return jax.value_and_grad(lambda weights: ray @ losses_of(weights, ray, x, cells))(weights)


def epo(weights, ray, x, cells):
    """The direction is a weighted sum of three gradients; the ray weighs those losses that exist where one does not."""
    losses, pull = jax.vjp(lambda weights: losses_of(weights, ray, x, cells), weights)
    gradients, = jax.vmap(pull)(jnp.eye(3, dtype=losses.dtype))
    rows = jnp.concatenate([leaf.reshape(3, -1) for leaf in jax.tree_util.tree_leaves(gradients)], 1)
    alpha, _ = jax_epo.weights(losses, ray, rows @ rows.T)
    counts = cells.sum(0)
    exist = jnp.stack([True, (counts[0] > 0) & (counts[1] > 0), (counts[2] > 0) & (counts[3] > 0)])
    alpha = jnp.where(exist.all(), alpha, ray * exist).astype(losses.dtype)
    return losses.sum(), jax_kit.tree_map(lambda leaf: jnp.tensordot(alpha, leaf, 1), gradients)


def step(state, features, cells, index):
    weights, adam, key = state
    key, draw = jax.random.split(key)
    ray = jax.random.dirichlet(draw, jnp.full(3, ALPHA, jnp.float32), dtype=jnp.float32)
    loss, gradient = (epo if args.workload == "w5b" else linear)(weights, ray, features[index], cells[index])
    weights, adam = jax_kit.adam(weights, gradient, adam, RATE)
    return (weights, adam, key), loss


step = jax.jit(step, donate_argnums=0)
state = weights, jax_kit.adam_state(weights), key


def cycle():
    global state
    state, loss = step(state, features, cells, next(batches))
    return jax.block_until_ready(loss)


harness.serve(cycle, 1)
