"""W5a and W5b in JAX: a Pareto hypernetwork on Adult, by linear scalarisation or by EPO."""
import harness

args = harness.parse(__doc__, ["w5a", "w5b"])
import jax

jax.config.update("jax_enable_x64", args.workload == "w5b")  # for the linear programme; the net is in single precision
import jax.numpy as jnp
import jax_pareto

import fairness_tables

BATCH, WIDTH, RATE, ALPHA = 256, 100, 1e-4, 0.2
features, cells = map(jnp.asarray, fairness_tables.split(*fairness_tables.read_table(args.data, "adult"), 0)[0])
batches = harness.index_batches(0, len(features), BATCH)
sizes = (features.shape[1], 40, 20, 1)
generator = jax_pareto.Generator(3, [shape for i, o in zip(sizes, sizes[1:]) for shape in ((o, i), (o,))], WIDTH)


def scores(weights, ray, x):
    tensors = generator(weights, ray)
    for i in range(0, len(tensors), 2):
        x = x @ tensors[i].T + tensors[i + 1]
        x = jax.nn.relu(x) if i + 2 < len(tensors) else x
    return x[:, 0]


def losses_of(weights, ray, x, cells):
    """The three losses, and which of them exist: a gap counts only if both of its groups have members."""
    logits, counts = scores(weights, ray, x), cells.sum(0)
    means = (jnp.tanh(logits / 2) @ cells) / jnp.maximum(counts, 1)
    positive = cells[:, 2] + cells[:, 3]
    entropy = (jnp.logaddexp(0, logits) - positive * logits).mean()
    exist = jnp.stack([True, (counts[0] > 0) & (counts[1] > 0), (counts[2] > 0) & (counts[3] > 0)])
    return jnp.stack([entropy, jnp.abs(means[0] - means[1]), jnp.abs(means[2] - means[3])]), exist


key, ray_key = jax.random.split(jax.random.key(0))
solver = jax_pareto.epo if args.workload == "w5b" else jax_pareto.linear
trainer = jax_pareto.Trainer(generator.first_weights(key), losses_of, solver, 3, RATE, ALPHA, ray_key)
harness.serve(lambda: trainer.step(features, cells, next(batches)), 1)
