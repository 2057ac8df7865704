"""As score.c, in Python: hnc aot fairness_adult.hn --weights last.safetensors -o adult --emit=python; python3 score.py 3 1 1 < rows.csv"""
import sys

import numpy as np

import adult

rows = np.loadtxt(sys.stdin, np.float32, delimiter=",", ndmin=2)
for score in adult.score(rows, [float(number) for number in sys.argv[1:]]):
    print(f"{score:.9g}")
