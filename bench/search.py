#!/usr/bin/env python3
"""Bayesian search beside Optuna's, on two functions that are customary for it, and on the training of a perceptron: docs/results/search.md.

    bench/search.py [--seeds N] [--python PYTHON] [--data DIR]

PYTHON has Optuna and what its GPSampler needs; without it hnc runs alone. DIR: Fashion-MNIST, by default Debian's.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"
FUNCTIONS = {"branin": ("Branin", 2, 30, "the least value is 0.397887"), "hartmann": ("Hartmann", 6, 50, "the least value is -3.32237"),
             "mlp": ("A perceptron on Fashion-MNIST", 5, 30, "each a training of 300 steps, judged by its least validation loss")}  # numbers, trials


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--python", help="an interpreter that has Optuna")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of Fashion-MNIST's idx files")
    parser.add_argument("--records", help="not used")
    return parser.parse_args()


def build(name, kind, folder):
    """The program of bench/NAME.hn with trials of that kind."""
    text = (ROOT / "bench" / f"{name}.hn").read_text()
    model = pathlib.Path(folder) / f"{name}.hn"
    model.write_text("".join(f"  trials   {kind}\n" if line.lstrip().startswith("trials") else line for line in text.splitlines(True)))
    real = "f32" if name == "mlp" else "f64"
    subprocess.run([HNC, "build", f"--float={real}", model, "-o", f"{folder}/search"], check=True)
    return f"{folder}/search"


def run_hnc(flags, name, kind):
    """The best values of the seeds, and the seconds of all."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        program = build(name, kind, folder)
        begin = time.monotonic()
        for seed in range(flags.seeds):
            out = pathlib.Path(folder) / str(seed)
            subprocess.run([program, "train", "--data", flags.data, "--out", out, "--seed", str(seed), "--quiet"], check=True,
                           stdout=subprocess.DEVNULL)
            found.append(json.loads((out / "result.json").read_text())["trials"]["value"])
        return found, time.monotonic() - begin


def run_optuna(flags, name, trials):
    """Optuna proposes; the perceptron is trained by hnc, a search of one given point."""
    with tempfile.TemporaryDirectory() as folder:
        program = build(name, "random(1)", folder) if name == "mlp" else ""
        begin = time.monotonic()
        said = subprocess.run([flags.python, ROOT / "bench" / "peers" / "optuna_search.py", name, str(trials), str(flags.seeds), program, flags.data],
                              check=True, capture_output=True, text=True)
        return json.loads(said.stdout), time.monotonic() - begin


def row(who, found, seconds, trials):
    median = statistics.median(found)
    return f"| {who} | {median:.5g} | {min(found):.5g} | {max(found):.5g} | {1000 * seconds / trials / len(found):.3g} ms |"


def document(flags):
    yield "# Bayesian search\n"
    yield (f"`scripts/reproduce search --seeds {flags.seeds}{' --python PYTHON' * bool(flags.python)}`, {time.strftime('%-d %B %Y')}, {machine.processor()}. "
           "The best value of each seed. `bayes` and Optuna both begin with the model's own values. Time per trial is that of the whole program.\n")
    for name, (title, numbers, trials, least) in FUNCTIONS.items():
        yield f"{title} (`bench/{name}.hn`): {numbers} numbers, {trials} trials, {least}.\n"
        yield "| | median | best seed | worst seed | per trial |"
        yield "|---|---|---|---|---|"
        yield row("`bayes`", *run_hnc(flags, name, f"bayes({trials}, initial: 10)"), trials)
        if flags.python:
            yield row("Optuna, `GPSampler`", *run_optuna(flags, name, trials), trials)
        for kind in ("sobol", "random"):
            yield row(f"`{kind}`", *run_hnc(flags, name, f"{kind}({trials})"), trials)
        yield ""


def main():
    machine.clear_switches()
    flags = parse_flags()
    lines = list(document(flags))
    (ROOT / "docs" / "results" / "search.md").write_text("\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
