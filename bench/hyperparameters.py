#!/usr/bin/env python3
"""Every way to tune hyperparameters on one network, data set and clock: docs/results/hyperparameters.md (models/hyperparameters.hn, Fashion-MNIST).

    bench/hyperparameters.py --data fashion-mnist/ [--seconds S] [--seeds N]

What is finished is not run again.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import time

import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"
MODEL = ROOT / "models" / "hyperparameters.hn"
METHODS = {  # the model's trains
    "untuned": "none: training goes on with the first values",
    "grid": "`search`, `grid(3)`: 243 points, of which the time allows the first",
    "random": "`search`, `random`",
    "bayes": "`search`, `bayes`, 5 initial trials",
    "stn": "`bilevel`, `stn`: a self-tuning network",
    "delta_stn": "`bilevel`, `delta_stn`: its responses trained apart",
    "identity": "`implicit`, `identity` (T1-T2)",
    "neumann": "`implicit`, `neumann(5)`",
    "conjugate": "`implicit`, `cg(5)`, ridge .1, warm",
    "steps": "`unrolled`, `reverse(10)`",
}
TEST = "fit(fashion.test)", "err(fashion.test)"


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of Fashion-MNIST (default: Debian's)")
    parser.add_argument("--seconds", type=int, default=60, help="of training, per run (default: 60)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--records", required=True, help="a file in the folder of the runs")
    return parser.parse_args()


def run(flags, folder, method, seed):
    """The folder of a finished run."""
    out, program = folder / f"{method}-{seed}", folder / method
    if (out / "result.json").exists():
        return out
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([HNC, "build", MODEL, "--train", method, "--data", flags.data, "-o", program], check=True)
    subprocess.run([program, "train", "--data", flags.data, "--out", out, "--seed", str(seed), "--seconds", str(flags.seconds), "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)
    return out


def compare(folder, runs):
    """What `compare` says, and best.svg in the folder."""
    said = subprocess.run([folder / "untuned", "compare", *runs, "--out", folder, "--json"], check=True, capture_output=True, text=True)
    return json.loads(said.stdout)


def numbers(values, digits=4):
    return " | ".join("-" if value is None else f"{value:.{digits}g}" for value in values)


def trials(runs):
    """How many trials the runs have finished, of those that have some."""
    counts = [json.loads((run / "result.json").read_text()).get("trials") for run in runs]
    return ", ".join(str(count["finished"]) for count in counts) if counts[0] else "-"


def document(flags, found, runs):
    yield "# Hyperparameters: every method on one clock\n"
    yield (f"`scripts/reproduce hyperparameters --seconds {flags.seconds} --seeds {flags.seeds}`, {time.strftime('%-d %B %Y')}, {machine.processor()}, "
           "1 thread.\n")
    yield (f"`models/hyperparameters.hn`: a perceptron of two layers of 200 on 5,000 images of Fashion-MNIST, five hyperparameters (three decays, noise of the "
           f"input, smoothing of labels) that begin where hardly anything is regularised, {flags.seconds} seconds of training for each method and seed. A trial of a search is 3,000 steps. "
           "The numbers are medians over seeds of the least validation loss so far, and what the test images had then.\n")
    yield "| method | " + " | ".join(f"{second:.3g} s" for second in found["seconds"]) + " | test loss | test error | trials |"
    yield "|---|---|---|---|---|---|---|"
    for method, what in METHODS.items():
        group = next(g for g in found["groups"] if g["group"].split(" (")[0] == method)
        yield f"| {what} | {numbers(group['least'])} | {numbers(group['then'][name] for name in TEST)} | {trials(runs[method])} |"
    last = {method: next(g for g in found["groups"] if g["group"].split(" (")[0] == method)["least"][-1] for method in METHODS}
    order = " < ".join(sorted(last, key=last.get))
    yield f"\nBy the last column of seconds: {order}.\n"
    yield "![The least validation loss over time](hyperparameters.svg)"


def main():
    machine.clear_switches()
    flags = parse_flags()
    folder = pathlib.Path(flags.records).parent / f"hyperparameters-{flags.seconds}"
    folder.mkdir(parents=True, exist_ok=True)
    runs = {method: [run(flags, folder, method, seed) for seed in range(flags.seeds)] for method in METHODS}
    found = compare(folder, [path for paths in runs.values() for path in paths])
    lines = list(document(flags, found, runs))
    shutil.copy(folder / "best.svg", ROOT / "docs" / "results" / "hyperparameters.svg")
    (ROOT / "docs" / "results" / "hyperparameters.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
