"""Three stochastic bilevel solvers on the three problems of bench/bilevel.py, in JAX.

    jax_bilevel.py PROBLEM SOLVER FOLDER SETTINGS [--seed N]

FOLDER holds the archives of bilevel_problems.py. SETTINGS is a JSON object: the rates `lower`, `upper` and `solve`; `steps`, lower ones for each upper
one; `products` of a solve; `batch`; upper `iterations` between two lines, and the number of `lines`. A line of JSON has the upper iterations so far, the
seconds that they took, and the hyperparameters or, of `cleaning`, the error on the test images. Reading files, compiling, and computing what a line says
take no part in the seconds.

The solvers are those of their papers (docs/results/bilevel.md): each lower step, each product with the second derivative, and the mixed derivative have a
batch of their own; SOBA takes one batch for all three. A batch is a run of neighbouring rows. Each epoch takes the runs in a new order."""
import argparse
import functools
import json
import os
import pathlib
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("problem")
parser.add_argument("solver")
parser.add_argument("folder")
parser.add_argument("settings", type=json.loads)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
for pool in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[pool] = "1"
import jax
import jax.numpy as jnp
import numpy as np

settings = args.settings
BATCH = settings["batch"]


def read(name):
    return {key: jnp.asarray(x) for key, x in np.load(pathlib.Path(args.folder) / f"{name}.npz").items()}


# ---- batches ----


class Places:
    """The first rows of batches."""

    def __init__(self, data, generator):
        rows = len(next(iter(data.values())))
        self.order = BATCH * np.arange(rows // BATCH, dtype=np.int32)
        self.generator, self.left = generator, self.order[:0]

    def take(self, *shape):
        need, parts = int(np.prod(shape)), [self.left]
        while sum(map(len, parts)) < need:
            parts.append(self.generator.permutation(self.order))
        found = np.concatenate(parts)
        self.left = found[need:]
        return found[:need].reshape(shape)


def pick(x, place):
    return jax.lax.dynamic_slice_in_dim(x, place, BATCH)


def batch(data, place):
    return {key: pick(x, place) for key, x in data.items()} | {"place": place}


# ---- problems: the lower and the upper loss of weights, hyperparameters and a batch; the data of each; where both begin ----


def quadratics():
    def below(z, x, d):
        return jnp.mean((d["p"] @ z) ** 2 / 2 + (d["a"] @ x) * (d["b"] @ z) + d["l"] @ z)

    def above(z, x, d):
        return below(z, x, d) + jnp.mean((d["q"] @ x) ** 2 / 2 + d["m"] @ x)

    return below, above, read("inner"), read("outer"), jnp.zeros(100), jnp.full(10, -2, jnp.float32)


def logistic():
    def fit(w, lam, d):
        return jnp.mean(jax.nn.softplus(-d["y"] * (d["x"] @ w)))

    def decayed(w, lam, d):
        return fit(w, lam, d) + jnp.exp(lam) @ w ** 2 / 2

    return decayed, fit, read("train"), read("valid"), jnp.zeros(22), jnp.full(22, np.log(0.5), jnp.float32)


def cleaning():
    def cross_entropies(w, d):
        return -jnp.take_along_axis(jax.nn.log_softmax(d["x"] @ w.T), d["y"][:, None], 1)[:, 0]

    def fit(w, lam, d):
        return jnp.mean(cross_entropies(w, d))

    def weighted(w, lam, d):
        return jnp.mean(jax.nn.sigmoid(pick(lam, d["place"])) * cross_entropies(w, d)) + 0.2 * jnp.sum(w ** 2)

    return weighted, fit, read("train"), read("valid"), jnp.zeros((10, 784)), jnp.full(20000, -2, jnp.float32)


lower, upper, lower_data, upper_data, weights, hyper = globals()[args.problem]()
grad_lower, grad_upper = jax.grad(lower), jax.grad(upper, (0, 1))


# ---- solvers: one upper iteration each ----


def descend(w, lam, data, places):
    step = lambda w, place: (w - settings["lower"] * grad_lower(w, lam, batch(data, place)), None)
    return jax.lax.scan(step, w, places)[0]


def product(w, lam, d, v):
    """The second derivative of the lower loss with respect to the weights, times v."""
    return jax.jvp(lambda w: grad_lower(w, lam, d), (w,), (v,))[1]


def mixed(w, lam, d, v):
    return jax.grad(lambda lam: jnp.vdot(grad_lower(w, lam, d), v))(lam)


def amigo(state, places, data, validation):
    w, v, lam = state
    w = descend(w, lam, data, places["lower"])
    right, direct = grad_upper(w, lam, batch(validation, places["upper"]))
    step = lambda v, place: (v - settings["solve"] * (product(w, lam, batch(data, place), v) - right), None)
    v, _ = jax.lax.scan(step, v, places["solve"])
    return w, v, lam - settings["upper"] * (direct - mixed(w, lam, batch(data, places["mixed"]), v))


def stocbio(state, places, data, validation):
    w, v, lam = state
    w = descend(w, lam, data, places["lower"])
    right, direct = grad_upper(w, lam, batch(validation, places["upper"]))

    def step(carry, place):
        term, total = carry
        term = term - settings["solve"] * product(w, lam, batch(data, place), term)
        return (term, total + term), None

    (_, total), _ = jax.lax.scan(step, (right, right), places["solve"])
    return w, v, lam - settings["upper"] * (direct - mixed(w, lam, batch(data, places["mixed"]), settings["solve"] * total))


def soba(state, places, data, validation):
    w, v, lam = state
    d = batch(data, places["mixed"])
    slope, pull = jax.vjp(lambda w, lam: grad_lower(w, lam, d), w, lam)
    times, cross = pull(v)
    right, direct = grad_upper(w, lam, batch(validation, places["upper"]))
    return w - settings["lower"] * slope, v - settings["solve"] * (times - right), lam - settings["upper"] * (direct - cross)


@functools.partial(jax.jit, donate_argnums=0)
def train(state, places, data, validation):
    return jax.lax.scan(lambda state, places: (globals()[args.solver](state, places, data, validation), None), state, places)[0]


# ---- the run ----


def begin():
    return tuple(jnp.array(x, copy=True) for x in (weights, jnp.zeros_like(weights), hyper))


def advance(state, inner, outer):
    """As many iterations as lie between two lines."""
    count = settings["iterations"]
    places = {"mixed": inner.take(count), "upper": outer.take(count)}
    if args.solver != "soba":
        places |= {"lower": inner.take(count, settings["steps"]), "solve": inner.take(count, settings["products"])}
    return jax.block_until_ready(train(state, places, lower_data, upper_data))


def main():
    generators = map(np.random.default_rng, np.random.SeedSequence(args.seed).spawn(2))
    inner, outer = (Places(data, generator) for data, generator in zip((lower_data, upper_data), generators))
    advance(advance(begin(), inner, outer), inner, outer)  # compiles
    test = read("test") if args.problem == "cleaning" else None
    state, seconds = begin(), 0.0
    for line in range(1, settings["lines"] + 1):
        start = time.perf_counter()
        state = advance(state, inner, outer)
        seconds += time.perf_counter() - start
        found = {"error": float(jnp.mean(jnp.argmax(test["x"] @ state[0].T, 1) != test["y"]))} if test else {"hyper": state[2].tolist()}
        print(json.dumps({"iterations": line * settings["iterations"], "seconds": seconds, **found}))


main()
