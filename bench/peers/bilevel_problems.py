"""The data of bench/bilevel.py's three problems, and how far hyperparameters are from the best ones.

    bilevel_problems.py make PROBLEM FOLDER [--mnist DIR]      writes an archive for each set of examples
    bilevel_problems.py measure PROBLEM FOLDER                 a JSON list of hyperparameters a line on stdin; a number a line on stdout

The measure of `quadratics` and `logistic` is the squared norm of the derivative of the value function: the weights that it needs are exact, in
double precision."""
import argparse
import json
import pathlib
import sys

import numpy as np

import harness

# ---- data ----


def directions(generator, size):
    """A random orthogonal matrix."""
    return np.linalg.qr(generator.standard_normal((size, size)))[0]


def correlated(generator, rows, spectrum):
    """Rows whose second moments are a matrix with these eigenvalues."""
    basis = directions(generator, len(spectrum))
    return generator.standard_normal((rows, len(spectrum))) @ (basis * np.sqrt(spectrum)) @ basis.T


def quadratic_terms(generator, rows, inner=100, outer=10, least=0.1, cross=0.1):
    """Samples of the terms (p·z)² / 2, (q·x)² / 2, (a·x)(b·z), l·z and m·x."""
    shared = generator.standard_normal((rows, inner))
    return {"p": correlated(generator, rows, np.geomspace(least, 1, inner)), "q": correlated(generator, rows, np.geomspace(least, 1, outer)),
            "a": cross * shared[:, :outer] @ directions(generator, outer), "b": shared @ directions(generator, inner),
            "l": generator.standard_normal((rows, inner)), "m": generator.standard_normal((rows, outer))}


def make_quadratics(options, generator):
    return {"inner": quadratic_terms(generator, 32768), "outer": quadratic_terms(generator, 1024)}


def make_logistic(options, generator, features=22):
    """Features of unequal scale. Every second one tells something."""
    scales, truth = np.geomspace(1, 0.2, features), 2 * generator.standard_normal(features) * (np.arange(features) % 2)

    def draw(rows):
        x = scales * generator.standard_normal((rows, features))
        return {"x": x, "y": np.where(generator.random(rows) < 1 / (1 + np.exp(1 - x @ truth)), 1, -1)}

    return {"train": draw(49990), "valid": draw(91701)}


def make_cleaning(options, generator, train=20000, valid=5000):
    """MNIST, each pixel scaled to mean 0 and deviation 1 over the training images. Half of the training labels are drawn anew."""
    images, labels = (harness.read_idx(options.mnist, f"train-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    parts = {"test": [harness.read_idx(options.mnist, f"t10k-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]}
    order = generator.permutation(len(images))
    for name, rows in {"train": order[:train], "valid": order[train:train + valid]}.items():
        parts[name] = images[rows], labels[rows]
    wrong = generator.random(train) < 0.5
    parts["train"][1][wrong] = generator.integers(10, size=wrong.sum())
    pixels = parts["train"][0].reshape(train, -1).astype(float)
    mean, deviation = pixels.mean(0), pixels.std(0)
    scaled = lambda images: (images.reshape(len(images), -1) - mean) / np.where(deviation > 0, deviation, 1)
    return {name: {"x": scaled(x), "y": y.astype(np.int32)} for name, (x, y) in parts.items()}


def make(options):
    for name, fields in globals()[f"make_{options.problem}"](options, np.random.default_rng(0)).items():
        single = {key: x.astype(np.float32) if x.dtype == float or options.problem == "logistic" else x for key, x in fields.items()}
        np.savez(pathlib.Path(options.folder) / name, **single)


# ---- how far from the best ----


def read(options, name):
    return {key: np.asarray(x, float) for key, x in np.load(pathlib.Path(options.folder) / f"{name}.npz").items()}


def measure_quadratics(options):
    inner, outer = read(options, "inner"), read(options, "outer")
    moments = lambda x, y: x.T @ y / len(x)
    lower, cross, linear = moments(inner["p"], inner["p"]), moments(inner["a"], inner["b"]), inner["l"].mean(0)
    upper, own, mixed = moments(outer["p"], outer["p"]), moments(outer["q"], outer["q"]), moments(outer["a"], outer["b"])

    def gradient(x):
        z = -np.linalg.solve(lower, cross.T @ x + linear)
        v = np.linalg.solve(lower, upper @ z + mixed.T @ x + outer["l"].mean(0))
        return own @ x + mixed @ z + outer["m"].mean(0) - cross @ v

    return gradient


def measure_logistic(options):
    """The derivative is that with respect to the logarithms of the decays."""
    train, valid = read(options, "train"), read(options, "valid")

    def slopes(w, d):
        """The first and the second derivative of the loss."""
        wrong = 1 / (1 + np.exp(d["y"] * (d["x"] @ w)))
        return -d["x"].T @ (d["y"] * wrong) / len(d["x"]), d["x"].T @ ((wrong * (1 - wrong))[:, None] * d["x"]) / len(d["x"])

    w = np.zeros(train["x"].shape[1])

    def gradient(decay):
        nonlocal w  # the last minimum is the first guess at the next
        for _ in range(50):
            first, second = slopes(w, train)
            move = np.linalg.solve(second + np.diag(decay), first + decay * w)
            w = w - move
            if np.abs(move).max() < 1e-9:
                return -decay * w * np.linalg.solve(second + np.diag(decay), slopes(w, valid)[0])
        raise RuntimeError(f"Newton's method found no minimum at the decays {decay}")

    return gradient


def measure(options):
    gradient = globals()[f"measure_{options.problem}"](options)
    for line in sys.stdin:
        found = gradient(np.array(json.loads(line)))
        print(found @ found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("make", "measure"))
    parser.add_argument("problem")
    parser.add_argument("folder")
    parser.add_argument("--mnist", help="folder of MNIST's idx files, for `make cleaning`")
    options = parser.parse_args()
    globals()[options.command](options)


if __name__ == "__main__":
    main()
