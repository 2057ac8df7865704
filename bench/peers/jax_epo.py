"""EPO (Mahapatra & Rajan, ICML 2020) for three losses in JAX, as torch_pareto.py has it: the linear programme by its vertices, in
double precision, all of it inside a jitted step."""
import itertools

import jax.numpy as jnp
import numpy as np

BALANCED = 1e-4  # non-uniformity under which EPO counts the losses as on the ray


def best_vertex(cost, rows, bounds, used):
    """max cost.a over the simplex of three with rows a >= bounds where `used`; and whether there is such an a."""
    sides = jnp.concatenate([jnp.eye(3), rows])
    levels = jnp.concatenate([jnp.zeros(3), jnp.where(used, bounds, 0)])
    counts = jnp.concatenate([jnp.ones(3, bool), used])
    pairs = np.array(list(itertools.combinations(range(len(levels)), 2)))
    systems = jnp.concatenate([sides[pairs], jnp.ones((len(pairs), 1, 3))], 1)
    regular = (jnp.abs(jnp.linalg.det(systems)) > 1e-12) & counts[pairs].all(1)
    systems = jnp.where(regular[:, None, None], systems, jnp.eye(3))
    targets = jnp.concatenate([levels[pairs], jnp.ones((len(pairs), 1))], 1)
    vertices = jnp.linalg.solve(systems, targets[..., None])[..., 0]
    slack = vertices @ sides.T - levels
    inside = regular & ((slack > -1e-9 * (1 + jnp.abs(sides).sum(1))) | ~counts).all(1)
    best = jnp.argmax(jnp.where(inside, vertices @ cost, -jnp.inf))
    return vertices[best], inside.any()


def weights(losses, ray, gram):
    """Weights of the losses, their sum 3: EPO's, or the ray's where the linear programme has no solution; and whether it has one."""
    losses, ray, gram = (x.astype(jnp.float64) for x in (losses, ray, gram))
    raw, losses, ray = ray, jnp.maximum(losses, 1e-12), jnp.maximum(ray, 1e-12)
    gram = gram * 3 / jnp.maximum(jnp.trace(gram), 1e-300)
    weighted = ray * losses
    share = weighted / weighted.sum()
    logs = jnp.log(3 * share)
    mu = share @ logs
    adjustments = ray * (logs - mu)
    progress = gram @ adjustments
    descends, largest = progress > 0, weighted == weighted.max()
    some = descends.any()
    away = best_vertex(progress, gram, jnp.where(largest | ~some, 0, progress), jnp.where(some, ~descends | largest, True))
    along = best_vertex(gram.sum(1), jnp.vstack([progress, gram]),
                        jnp.append(jnp.minimum(progress.max(), 0), jnp.zeros(3)), jnp.ones(4, bool))
    found = jnp.where(mu > BALANCED, away[0], along[0])
    exists = jnp.where(mu > BALANCED, away[1], along[1])
    return jnp.where(exists, 3 * found, 3 * raw), exists
