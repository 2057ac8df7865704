#!/usr/bin/env python3
"""The best values that Optuna's GPSampler finds: optuna_search.py branin|hartmann|mlp TRIALS SEEDS [PROGRAM DATA] prints them, one per seed.
PROGRAM is bench/mlp.hn with one trial, which trains at a point that it is given."""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy
import optuna

HEIGHTS = numpy.array([1, 1.2, 3, 3.2])
SLOPES = numpy.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
CENTRES = numpy.array([[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
                       [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]])


def branin(trial, seed):
    u = [trial.suggest_float(f"u{i}", 0, 1) for i in range(2)]
    x, y = 15 * u[0] - 5, 15 * u[1]
    inner = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return inner * inner + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann(trial, seed):
    u = numpy.array([trial.suggest_float(f"u{i}", 0, 1) for i in range(6)])
    return -float((HEIGHTS * numpy.exp(-(SLOPES * (u - CENTRES) ** 2).sum(1))).sum())


def mlp(trial, seed):
    """A decay of 1e-7 to 1e-1 for each layer, noise of 1e-3 to 1 and smoothing of 0 to 0.5."""
    values = {"lam.decay": [trial.suggest_float(f"decay{i}", 1e-7, 1e-1, log=True) for i in range(3)],
              "lam.noise": trial.suggest_float("noise", 1e-3, 1, log=True), "lam.smooth": trial.suggest_float("smooth", 0, 0.5)}
    with tempfile.TemporaryDirectory() as folder:
        points, out = pathlib.Path(folder) / "points.jsonl", pathlib.Path(folder) / "run"
        points.write_text(json.dumps(values) + "\n")
        subprocess.run([sys.argv[4], "train", "--data", sys.argv[5], "--out", out, "--points", points, "--seed", str(seed), "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        return json.loads((out / "result.json").read_text())["trials"]["value"]


def main():
    function, first = {"branin": (branin, {f"u{i}": 0.5 for i in range(2)}), "hartmann": (hartmann, {f"u{i}": 0.5 for i in range(6)}),
                       "mlp": (mlp, {"decay0": 1e-5, "decay1": 1e-5, "decay2": 1e-5, "noise": 0.01, "smooth": 0.01})}[sys.argv[1]]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = []
    for seed in range(int(sys.argv[3])):
        study = optuna.create_study(sampler=optuna.samplers.GPSampler(seed=seed))
        study.enqueue_trial(first)  # the model's own values, with which hnc begins, too
        study.optimize(lambda trial: function(trial, seed), n_trials=int(sys.argv[2]))
        found.append(study.best_value)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
