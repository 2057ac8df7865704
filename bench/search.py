#!/usr/bin/env python3
"""Bayesian search beside Optuna's, on two functions that are customary for it: docs/results/search.md.

    bench/search.py [--seeds N] [--python PYTHON]

PYTHON has Optuna and what its GPSampler needs; without it hnc runs alone.
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
FUNCTIONS = {"branin": ("Branin", 2, 30, 0.397887), "hartmann": ("Hartmann", 6, 50, -3.32237)}  # numbers, trials, the least value


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--python", help="an interpreter that has Optuna")
    parser.add_argument("--records", help="not used")
    return parser.parse_args()


def run_hnc(name, kind, seeds):
    """The best values of the seeds, and the seconds of all."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        text = (ROOT / "bench" / f"{name}.hn").read_text()
        model = pathlib.Path(folder) / f"{name}.hn"
        model.write_text("".join(f"  trials   {kind}\n" if line.lstrip().startswith("trials") else line for line in text.splitlines(True)))
        subprocess.run([HNC, "build", "--float=f64", model, "-o", f"{folder}/search"], check=True)
        begin = time.monotonic()
        for seed in range(seeds):
            out = pathlib.Path(folder) / str(seed)
            subprocess.run([f"{folder}/search", "train", "--out", out, "--seed", str(seed), "--quiet"], check=True, stdout=subprocess.DEVNULL)
            found.append(json.loads((out / "result.json").read_text())["trials"]["value"])
        return found, time.monotonic() - begin


def run_optuna(flags, name, trials):
    begin = time.monotonic()
    said = subprocess.run([flags.python, ROOT / "bench" / "peers" / "optuna_search.py", name, str(trials), str(flags.seeds)], check=True,
                          capture_output=True, text=True)
    return json.loads(said.stdout), time.monotonic() - begin


def row(who, found, seconds, trials):
    median = statistics.median(found)
    return f"| {who} | {median:.5g} | {min(found):.5g} | {max(found):.5g} | {1000 * seconds / trials / len(found):.3g} ms |"


def document(flags):
    yield "# Bayesian search\n"
    yield (f"`scripts/reproduce search --seeds {flags.seeds}{' --python PYTHON' * bool(flags.python)}`, {time.strftime('%-d %B %Y')}, {machine.processor()}. "
           "The best value of each seed; time per trial is that of the whole program.\n")
    for name, (title, numbers, trials, least) in FUNCTIONS.items():
        yield f"{title} (`bench/{name}.hn`): {numbers} numbers, {trials} trials, the least value is {least:g}.\n"
        yield "| | median | best seed | worst seed | per trial |"
        yield "|---|---|---|---|---|"
        yield row("`bayes`", *run_hnc(name, f"bayes({trials}, initial: 10)", flags.seeds), trials)
        if flags.python:
            yield row("Optuna, `GPSampler`", *run_optuna(flags, name, trials), trials)
        for kind in ("sobol", "random"):
            yield row(f"`{kind}`", *run_hnc(name, f"{kind}({trials})", flags.seeds), trials)
        yield ""


def main():
    machine.clear_switches()
    flags = parse_flags()
    lines = list(document(flags))
    (ROOT / "docs" / "results" / "search.md").write_text("\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
