"""As score.c, in Python: hnc aot fairness_adult.hn --weights last.safetensors -o adult --emit=python; python3 score.py 3 1 1 < adult.test"""
import csv
import sys

import adult

people = list(csv.DictReader(sys.stdin, skipinitialspace=True))
weights = adult.generate([float(number) for number in sys.argv[1:]])
for score in adult.score_with(weights, adult.score_encode(people)):
    print(f"{score:.9g}")
