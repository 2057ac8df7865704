#!/usr/bin/env python3
"""Three stochastic bilevel solvers on three problems, by hnc and by JAX: docs/results/bilevel.md.

    bench/bilevel.py --data mnist/ --python PYTHON [--seeds N]

PYTHON has JAX and NumPy. Needs gnuplot. What is finished is not run again. All systems use one processor, the first one that this script may use.
"""
import argparse
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"
PEERS = ROOT / "bench" / "peers"
PROBLEMS = {"quadratics": "lam.x", "logistic": "lam.decay", "cleaning": None}  # the hyperparameter that is judged; of `cleaning` it is the error
ERROR = "err(valid.test)"
SOLVERS = {"amigo": "AmIGO", "stocbio": "stocBiO", "soba": "SOBA"}
SYSTEMS = {"hnc": "hnc", "jax": "JAX"}
CASES = [(problem, solver) for problem in PROBLEMS for solver in SOLVERS]


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of MNIST's idx files")
    parser.add_argument("--python", required=True, help="an interpreter that has JAX and NumPy")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--records", required=True, help="a file in the folder of the runs")
    return parser.parse_args()


# ---- runs ----


def model(problem):
    return ROOT / "bench" / f"bilevel_{problem}.hn"


def settings(problem, solver):
    """What the model's train says, for the peer."""
    block = re.search(rf"^train {solver} = .*?^\}}", model(problem).read_text(), re.M | re.S)[0]
    number = lambda pattern: float(re.search(pattern, block)[1])
    steps, evaluate = int(number(r"every +(\d+) lower")), int(number(r"evaluate steps\((\d+)"))
    return {"lower": number(r"lower .*by sgd\(([\d.]+)"), "upper": number(r"upper .*by sgd\(([\d.]+)"), "solve": number(r"rate: ([\d.]+)"), "steps": steps,
            "products": int(number(r"solver +\w+\((\d+)")) if solver != "soba" else 1, "batch": int(number(r"batch +(\d+)")), "iterations": evaluate // steps,
            "lines": int(number(r"\bsteps +(\d+)")) // evaluate}


def prepare(flags, folder):
    """The data and the programs."""
    for problem in PROBLEMS:
        data = folder / problem
        if not (data / "made").exists():
            data.mkdir(parents=True, exist_ok=True)
            subprocess.run([flags.python, PEERS / "bilevel_problems.py", "make", problem, data, "--mnist", flags.data], check=True)
            (data / "made").touch()
        for solver in SOLVERS:
            subprocess.run([HNC, "build", model(problem), "--train", solver, "--data", data, "-o", data / solver], check=True)


def run_hnc(folder, problem, solver, seed, out):
    data, run = folder / problem, out.with_suffix("")
    shutil.rmtree(run, ignore_errors=True)
    subprocess.run([data / solver, "train", "--data", data, "--out", run, "--seed", str(seed), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()):
        found = {"hyper": line[PROBLEMS[problem]]} if PROBLEMS[problem] else {"error": line[ERROR]}
        yield {"iterations": line["steps.upper"], "seconds": line["seconds"], **found}


def run_jax(flags, folder, problem, solver, seed):
    said = subprocess.run([flags.python, PEERS / "jax_bilevel.py", problem, solver, folder / problem, json.dumps(settings(problem, solver)),
                           "--seed", str(seed)], check=True, capture_output=True, text=True)
    for line in map(json.loads, said.stdout.splitlines()):
        if problem == "logistic":
            line["hyper"] = [math.exp(x) for x in line["hyper"]]
        yield line


def run(flags, folder, system, problem, solver, seed):
    """The lines of a finished run, with what was found at each."""
    out = folder / f"{system}-{problem}-{solver}-{seed}.json"
    if not out.exists():
        lines = list(run_hnc(folder, problem, solver, seed, out) if system == "hnc" else
                     run_jax(flags, folder, problem, solver, seed))
        out.write_text(json.dumps(lines))
    return json.loads(out.read_text())


def judge(flags, folder, problem, lines):
    """Puts `value` into the lines: the suboptimality, or the error."""
    if PROBLEMS[problem] is None:
        values = [line["error"] for line in lines]
    else:
        text = "\n".join(json.dumps(line["hyper"]) for line in lines)
        said = subprocess.run([flags.python, PEERS / "bilevel_problems.py", "measure", problem, folder / problem], input=text, check=True,
                              capture_output=True, text=True)
        values = map(float, said.stdout.split())
    return [{"iterations": line["iterations"], "seconds": line["seconds"], "value": value} for line, value in zip(lines, values)]


# ---- figures ----


def last(curve):
    """The median of the last quarter."""
    return statistics.median(line["value"] for line in curve[-(len(curve) // 4):])


def middle(curves, figure):
    return statistics.median(figure(curve) for curve in curves)


def level_of(curves):
    """Nine tenths of the way from the first evaluation to the end of the worst system, on a logarithmic scale."""
    begin = max(middle(found, lambda curve: curve[0]["value"]) for found in curves.values())
    end = max(middle(found, last) for found in curves.values())
    return begin ** 0.1 * end ** 0.9


def seconds_to(level, curve):
    """When the curve first reaches the level; between two evaluations it is a line on logarithmic scales of the value."""
    before = None
    for line in curve:
        if line["value"] <= level:
            if before is None:
                return line["seconds"]
            share = math.log(before["value"] / level) / math.log(before["value"] / line["value"])
            return before["seconds"] + share * (line["seconds"] - before["seconds"])
        before = line
    return math.inf


def pace(curve):
    return 1e6 * curve[-1]["seconds"] / curve[-1]["iterations"]


def short(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"


def row(case, figures, *more):
    """The figure of each system, and its ratio to that of hnc."""
    problem, solver = case
    cells = [short(figures["hnc"])]
    for system in list(SYSTEMS)[1:]:
        cells += [short(figures[system]), f"{figures[system] / figures['hnc']:.2f}"]
    return "| " + " | ".join([f"{problem}, {SOLVERS[solver]}", *cells, *more]) + " |"


def medians(table):
    ratio = statistics.median(figures["jax"] / figures["hnc"] for figures in table.values())
    return f"| **median** | | | {ratio:.2f} |"


HEAD = "| | hnc | JAX | JAX / hnc |"


def document(flags, curves):
    paces = {case: {system: middle(found, pace) for system, found in systems.items()} for case, systems in curves.items()}
    levels = {case: level_of(systems) for case, systems in curves.items()}
    waits = {case: {system: middle(found, lambda curve: seconds_to(levels[case], curve)) for system, found in systems.items()}
             for case, systems in curves.items()}
    ends = {case: {system: middle(found, last) for system, found in systems.items()} for case, systems in curves.items()}
    yield "# Stochastic bilevel solvers\n"
    yield (f"`scripts/reproduce bilevel --data mnist/ --python PYTHON --seeds {flags.seeds}`, {time.strftime('%-d %B %Y')}, {machine.processor()}, "
           "1 thread on 1 processor for each system. The systems take turns. Every figure is a median over the seeds. A ratio above 1 says that hnc is faster.\n")
    yield "Microseconds per upper iteration, evaluations not counted:\n"
    yield HEAD + "\n|---|---|---|---|"
    yield from (row(case, figures) for case, figures in paces.items())
    yield medians(paces) + "\n"
    yield "Seconds of training to the same level:\n"
    yield HEAD + " level | last, hnc | last, JAX |\n|---|---|---|---|---|---|---|"
    yield from (row(case, figures, *map(short, (levels[case], *ends[case].values()))) for case, figures in waits.items())
    yield medians(waits) + " | | | |\n"
    yield from explanation()
    yield "\n![The measure over seconds of training, seed 0](bilevel.svg)"


def explanation():
    yield """The measure of `quadratics` and `logistic` is the squared norm of the derivative of the value function at the hyperparameters that a run has: the
lower problem is solved anew, in double precision. That of `cleaning` is the error on the 10,000 test images. `last` is its median over the last quarter of a run. The level lies
nine tenths of the way from the first evaluation to the `last` of the system whose `last` is largest, on a logarithmic scale. So every system reaches it.

The problems are those of [benchmark_bilevel](https://github.com/benchopt/benchmark_bilevel) (Dagréou et al. 2022), batches are of 64 examples:

| problem | lower | upper | hyperparameters | data |
|---|---|---|---|---|
| `bench/bilevel_quadratics.hn` | a mean of 32,768 quadratics of 100 numbers | a mean of 1,024 quadratics | 10 numbers, which begin at -2 | random terms of rank one, whose mean second derivatives have eigenvalues from 0.1 to 1 (in the benchmark, that of the upper loss also has a 0) |
| `bench/bilevel_logistic.hn` | logistic regression of 22 features, 49,990 examples | the loss on 91,701 examples | the decay of each feature, which begins at 0.5 | random, in the sizes of ijcnn1; every second feature tells something |
| `bench/bilevel_cleaning.hn` | softmax regression of 784 pixels, 20,000 examples, half of whose labels were drawn anew | the loss on 5,000 examples with right labels | how much each of the 20,000 examples counts, which begins at sigmoid(-2) | MNIST |

The solvers take one step of the hyperparameters in each iteration:

| | steps of the weights | for the derivative | |
|---|---|---|---|
| AmIGO | 10 | 10 steps of v | Arbel & Mairal 2022 |
| stocBiO | 10 | 10 terms of a Neumann series | Ji, Yang & Liang 2021 |
| SOBA | 1 | 1 step of v | Dagréou et al. 2022; here with constant rates |

Both systems take the rates from the models. Those of AmIGO and stocBiO are the ones that the benchmark found best, with two exceptions: on `quadratics`, the hyperparameters have a smaller rate, so that
there is less noise at the end; for stocBiO on `logistic`, they have a larger one, so that the run is shorter. The benchmark lets the rates of SOBA decrease. Its constant rates here were chosen by runs of hnc.

hnc and JAX differ in their batches. In JAX, each step of the weights, each product with the second derivative and the mixed derivative have a batch of their own, as in the papers. In hnc, the products of an iteration and its mixed derivative share one batch, and the steps of the weights come first and have
their own. As in the benchmark, both read batches that lie side by side in memory, in an order that each epoch draws anew.
JAX runs as many iterations as lie between two evaluations in one compiled loop. Compiling counts for no system."""


# ---- picture ----


def draw(curves, path):
    """A panel for each problem and solver: the curves of seed 0."""
    blocks, plots = [], []
    for case, systems in curves.items():
        problem, solver = case
        names = {system: f"$d{len(blocks) + i}" for i, system in enumerate(systems)}
        for system, name in names.items():
            lines = "\n".join(f"{line['seconds']:.5g} {line['value']:.4g}" for line in systems[system][0])
            blocks.append(f"{name} << end\n{lines}\nend")
        plots.append(f"set title '{problem}, {SOLVERS[solver]}'\nplot " + ", ".join(
            f"{name} with lines lw 1.5 title '{SYSTEMS[system]}'" for system, name in names.items()))
    text = "\n".join([f"set terminal svg size 1080,900 background 'white'\nset output '{path}'", *blocks, "set multiplot layout 3,3",
                      "set logscale y\nset format y '10^{%T}'\nset xlabel 'seconds'\nset key top right", *plots[:6], "unset logscale y\nset format y '%g'", *plots[6:]])
    subprocess.run(["gnuplot"], input=text, text=True, check=True)


def main():
    machine.clear_switches()
    flags = parse_flags()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    folder = pathlib.Path(flags.records).resolve().parent / "bilevel"
    prepare(flags, folder)
    curves = {case: {system: [] for system in SYSTEMS} for case in CASES}
    for seed in range(flags.seeds):
        for problem, solver in CASES:
            for system in SYSTEMS:
                lines = run(flags, folder, system, problem, solver, seed)
                curves[problem, solver][system].append(judge(flags, folder, problem, lines))
    lines = list(document(flags, curves))
    draw(curves, ROOT / "docs" / "results" / "bilevel.svg")
    (ROOT / "docs" / "results" / "bilevel.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
