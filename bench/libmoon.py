#!/usr/bin/env python3
"""LibMOON's concave toy by hnc: the hypervolume of five solvers beside LibMOON's published figures and those of the exact solutions.

Writes docs/results/libmoon.md. Takes about two minutes."""
import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
MODEL = os.path.join(HERE, "libmoon.hn")
RAYS = [(.01 + .98 * i / 19, .99 - .98 * i / 19) for i in range(20)]
SOLVERS = {  # as models write them: title, LibMOON's hypervolume
    "epo": ("EPO", .319), "tchebycheff": ("Tchebycheff", .319), "smooth_tchebycheff(mu: 0.1)": ("smooth Tchebycheff", .302),
    "cosmos(lambda: 8)": ("COSMOS", .318), "linear": ("linear scalarisation", .045)}


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hnc", default=os.path.join(ROOT, "build", "hnc"), help="the compiler (default: build/hnc)")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--records", help="not used: a run is short")
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "results", "libmoon.md"))
    return parser.parse_args()


# ---- exact solutions ----

def losses_at(t):
    """A point of the front: 0 <= t <= 1 leads from the least of the first loss to that of the second."""
    return 1 - math.exp(-4 * t * t), 1 - math.exp(-4 * (1 - t) ** 2)


def scalarised(solver, ray, losses):
    """What the solver makes least for a ray; for EPO, what is least where both weighted losses are equal."""
    weighted = [r * l for r, l in zip(ray, losses)]
    if solver.startswith("smooth"):
        return max(weighted) + .1 * math.log(sum(math.exp((w - max(weighted)) / .1) for w in weighted))
    if solver.startswith("cosmos"):
        return sum(weighted) - 8 * sum(weighted) / math.hypot(*ray) / math.hypot(*losses)
    return sum(weighted) if solver == "linear" else max(weighted)


def hypervolume(points):
    area, lowest = 0, 1
    for first, second in sorted(points):
        if first < 1 and second < lowest:
            area, lowest = area + (1 - first) * (lowest - second), second
    return area


def exact(solver):
    front = [losses_at(i / 20000) for i in range(20001)]
    return hypervolume([min(front, key=lambda losses: scalarised(solver, ray, losses)) for ray in RAYS])


# ---- runs ----

def run(flags, solver, scratch):
    """The figures of each seed."""
    model, program, folder = (os.path.join(scratch, name) for name in ("libmoon.hn", "libmoon", "run"))
    with open(MODEL) as source, open(model, "w") as copy:
        copy.write(re.sub(r"solver   \w+", f"solver   {solver}", source.read()))
    subprocess.run([flags.hnc, "build", model, "-o", program], check=True)
    for seed in range(flags.seeds):
        subprocess.run([program, "train", "--out", f"{folder}-{solver}-{seed}", "--seed", str(seed), "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(f"{folder}-{solver}-{seed}", "result.json")) as file:
            result = json.load(file)
        front = result["front"]
        print(f"{solver:28} seed {seed}  hypervolume {front['hypervolume']:.4f}", flush=True)
        yield {"hypervolume": front["hypervolume"], "uniformity": front["uniformity"], "seconds": result["seconds"]}


# ---- the document ----

def short(number, digits=4):
    """A number between 0 and 1 without its leading zero."""
    return f"{number:.{digits}f}".replace("0.", ".", 1)


def document(flags, results):
    yield from (
        "# LibMOON's concave toy", "",
        f"`scripts/reproduce libmoon --seeds {flags.seeds}`, {time.strftime('%-d %B %Y')}, {machine.processor()}; one thread.", "",
        "LibMOON (Zhang et al., NeurIPS 2024; github.com/xzhang2523/libmoon, commit b43d825) publishes figures for learning a whole front on VLMOP2,",
        "`l1 = 1 - exp(-|x - 1/sqrt(n)|²)`, `l2 = 1 - exp(-|x + 1/sqrt(n)|²)`, in `script/rebuttal/psl/VLMOP2/indicator_mean_std.csv`. Their settings",
        "are those of `run_syn_psl.py`, `core_psl.py`, `scalarization.py` and `constant.py` there:", "",
        "| | LibMOON | `bench/libmoon.hn` |", "|---|---|---|",
        "| problem | n = 10, x in [-1, 1] | the same |",
        "| model | one network from the preference to x: 4 hidden layers of 256, relu; a sigmoid, scaled to [-1, 1] | the same, by `weights point = dense(trunk(r))` |",
        "| preferences | Dirichlet(1) | the same |",
        "| steps | 1,000 of 128 preferences | 10,000 of one preference |",
        "| optimizer | Adam 1e-3, gradients clipped to norm 1 | Adam 1e-3, its rate falling to 0 by a cosine |",
        "| evaluation | 20 preferences, evenly from (.01, .99) to (.99, .01); hypervolume to (1, 1) | the same |",
        "| smooth Tchebycheff | mu .1 | the same |",
        "| COSMOS | 8 times the cosine, the preference scaled to length 1 | `cosmos(lambda: 8)`, the preference with the sum 1 |", "",
        "The front does not depend on n. The column *exact* is the hypervolume if each of the 20 points were the one that minimises the scalarised loss",
        "(for EPO, the one where the weighted losses are equal). Except for linear scalarisation, the published figures are those of the exact",
        "solutions, to three digits.", "",
        "| solver | hypervolume: mean | least | largest | exact | LibMOON | uniformity | seconds |", "|---|---|---|---|---|---|---|---|")
    for solver, runs in results.items():
        title, theirs = SOLVERS[solver]
        values = [r["hypervolume"] for r in runs]
        cells = [title, short(statistics.mean(values)), short(min(values)), short(max(values)), short(exact(solver)), short(theirs, 3),
                 short(statistics.mean(r["uniformity"] for r in runs), 3), f"{statistics.median(r['seconds'] for r in runs):.1f}"]
        yield "| " + " | ".join(cells) + " |"
    yield from ("", "Linear scalarisation finds only the ends of a concave front. A network is continuous in the preference, so between the rays that ask for",
                "one end and those that ask for the other it also passes through points that no ray asks for; the rays there decide about the last digits.")


def main():
    flags = parse_flags()
    with tempfile.TemporaryDirectory(prefix="hnc-libmoon-") as scratch:
        results = {solver: list(run(flags, solver, scratch)) for solver in SOLVERS}
    with open(flags.out, "w") as file:
        file.write("\n".join(document(flags, results)) + "\n")
    print(flags.out)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
