#!/usr/bin/env python3
"""The best values that Optuna's GPSampler finds: optuna_search.py branin|hartmann TRIALS SEEDS prints them, one per seed."""
import json
import math
import sys

import numpy
import optuna

HEIGHTS = numpy.array([1, 1.2, 3, 3.2])
SLOPES = numpy.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
CENTRES = numpy.array([[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
                       [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]])


def branin(u):
    x, y = 15 * u[0] - 5, 15 * u[1]
    inner = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return inner * inner + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann(u):
    return -float((HEIGHTS * numpy.exp(-(SLOPES * (numpy.array(u) - CENTRES) ** 2).sum(1))).sum())


def main():
    function, numbers = {"branin": (branin, 2), "hartmann": (hartmann, 6)}[sys.argv[1]]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = []
    for seed in range(int(sys.argv[3])):
        study = optuna.create_study(sampler=optuna.samplers.GPSampler(seed=seed))
        study.optimize(lambda trial: function([trial.suggest_float(f"u{i}", 0, 1) for i in range(numbers)]), n_trials=int(sys.argv[2]))
        found.append(study.best_value)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
