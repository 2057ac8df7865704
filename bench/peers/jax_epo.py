"""EPO (Mahapatra & Rajan, ICML 2020) in JAX, as torch_pareto.py has it: the linear programme by its vertices, in
double precision, all of it inside a jitted step."""
import itertools

import jax.numpy as jnp
import numpy as np

BALANCED = 1e-4  # non-uniformity under which EPO counts the losses as on the ray


def best_vertex(cost, rows, bounds, used):
    """max cost.a over the simplex of m with rows a >= bounds where `used`; and whether there is such an a."""
    m = len(cost)
    sides = jnp.concatenate([jnp.eye(m), rows])
    levels = jnp.concatenate([jnp.zeros(m), jnp.where(used, bounds, 0)])
    counts = jnp.concatenate([jnp.ones(m, bool), used])
    chosen = np.array(list(itertools.combinations(range(len(levels)), m - 1)))
    systems = jnp.concatenate([sides[chosen], jnp.ones((len(chosen), 1, m))], 1)
    regular = (jnp.abs(jnp.linalg.det(systems)) > 1e-12) & counts[chosen].all(1)
    systems = jnp.where(regular[:, None, None], systems, jnp.eye(m))
    targets = jnp.concatenate([levels[chosen], jnp.ones((len(chosen), 1))], 1)
    vertices = jnp.linalg.solve(systems, targets[..., None])[..., 0]
    slack = vertices @ sides.T - levels
    inside = regular & ((slack > -1e-9 * (1 + jnp.abs(sides).sum(1))) | ~counts).all(1)
    best = jnp.argmax(jnp.where(inside, vertices @ cost, -jnp.inf))
    return vertices[best], inside.any()


def weights(losses, ray, gram):
    """Weights of the m losses, their sum m: EPO's, or the ray's where the linear programme has no solution; and whether it has one."""
    m = len(losses)
    losses, ray, gram = (x.astype(jnp.float64) for x in (losses, ray, gram))
    raw, losses, ray = ray, jnp.maximum(losses, 1e-12), jnp.maximum(ray, 1e-12)
    gram = gram * m / jnp.maximum(jnp.trace(gram), 1e-300)
    weighted = ray * losses
    share = weighted / weighted.sum()
    logs = jnp.log(m * share)
    mu = share @ logs
    adjustments = ray * (logs - mu)
    progress = gram @ adjustments
    descends, largest = progress > 0, weighted == weighted.max()
    some = descends.any()
    away = best_vertex(progress, gram, jnp.where(largest | ~some, 0, progress), jnp.where(some, ~descends | largest, True))
    along = best_vertex(gram.sum(1), jnp.vstack([progress, gram]),
                        jnp.append(jnp.minimum(progress.max(), 0), jnp.zeros(m)), jnp.ones(m + 1, bool))
    found = jnp.where(mu > BALANCED, away[0], along[0])
    exists = jnp.where(mu > BALANCED, away[1], along[1])
    return jnp.where(exists, m * found, m * raw), exists
