#!/usr/bin/env python3
"""Every way to tune hyperparameters on one network, data set and clock: docs/results/hyperparameters*.md.

    bench/hyperparameters.py [--on clothes|images|text] --data DIR [--seconds S] [--seeds N]

On a perceptron (models/hyperparameters.hn, Fashion-MNIST), a convolutional network (hyperparameters_images.hn, CIFAR-10) or an LSTM
(hyperparameters_text.hn, Penn Treebank). What is finished is not run again.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import time
from dataclasses import dataclass

import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"


@dataclass(frozen=True)
class Problem:
    model: str  # of models/; the document and the picture have its name, too
    what: str
    tested: tuple  # of the test part: the loss and what is reported beside it
    headings: tuple
    grid: str
    trial: str


PROBLEMS = {
    "clothes": Problem("hyperparameters", "a perceptron of two layers of 200 on 5,000 images of Fashion-MNIST, five hyperparameters (three decays, noise "
                       "of the input, smoothing of labels)", ("fit(fashion.test)", "err(fashion.test)"), ("test loss", "test error"),
                       "`grid(3)`: 243 points", "3,000 steps"),
    "images": Problem("hyperparameters_images", "a network of three convolutions (10, 20 and 40 channels) on 10,000 images of CIFAR-10, eight "
                      "hyperparameters (four decays, noise of pixels, channels and contrast, smoothing of labels)", ("fit(cifar.test)", "err(cifar.test)"),
                      ("test loss", "test error"), "`grid(2)`: 256 points", "2,000 steps"),
    "text": Problem("hyperparameters_text", "an LSTM of 100 on the characters of a hundredth of Penn Treebank, six hyperparameters (three decays, noise of "
                    "what goes into the LSTM and out of it, smoothing of labels)", ("fit(ptb.test)", "bits(ptb.test)"), ("test loss", "test bits per character"),
                    "`grid(2)`: 64 points", "2,500 steps"),
}
METHODS = {  # trains; a model need not have all
    "untuned": "none: training goes on with the first values",
    "grid": "`search`, {grid}, of which the time allows the first",
    "random": "`search`, `random`",
    "bayes": "`search`, `bayes`, 5 initial trials",
    "stn": "`bilevel`, `stn`: a self-tuning network",
    "delta_stn": "`bilevel`, `delta_stn`: its responses trained apart",
    "identity": "`implicit`, `identity` (T1-T2)",
    "neumann": "`implicit`, `neumann(5)`",
    "conjugate": "`implicit`, `cg(5)`, ridge .1, warm",
    "steps": "`unrolled`, `reverse(10)`",
}


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=PROBLEMS, default="clothes")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of the data (default: Debian's of Fashion-MNIST)")
    parser.add_argument("--seconds", type=int, default=60, help="of training, per run (default: 60)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--records", required=True, help="a file in the folder of the runs")
    return parser.parse_args()


def model_of(problem):
    return ROOT / "models" / f"{problem.model}.hn"


def methods_of(problem):
    text = model_of(problem).read_text()
    return [method for method in METHODS if f"train {method} =" in text]


def run(flags, problem, folder, method, seed):
    """The folder of a finished run."""
    out, program = folder / f"{method}-{seed}", folder / method
    if (out / "result.json").exists():
        return out
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([HNC, "build", model_of(problem), "--train", method, "--data", flags.data, "-o", program], check=True)
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


def document(flags, problem, found, runs):
    yield "# Hyperparameters: every method on one clock\n"
    on = f" --on {flags.on} --data DIR" if flags.on != "clothes" else ""
    yield (f"`scripts/reproduce hyperparameters{on} --seconds {flags.seconds} --seeds {flags.seeds}`, {time.strftime('%-d %B %Y')}, {machine.processor()}, "
           "1 thread.\n")
    yield (f"`models/{problem.model}.hn`: {problem.what} that begin where hardly anything is regularised, {flags.seconds} seconds of training for each "
           f"method and seed. A trial of a search is {problem.trial}. "
           "The numbers are medians over seeds of the least validation loss so far, and what the test part had then.\n")
    yield "| method | " + " | ".join(f"{second:.3g} s" for second in found["seconds"]) + f" | {' | '.join(problem.headings)} | trials |"
    yield "|---|---|---|---|---|---|---|"
    groups = {group["group"].split(" (")[0]: group for group in found["groups"]}
    for method in runs:
        least, then = groups[method]["least"], groups[method]["then"]
        what = METHODS[method].format(grid=problem.grid)
        yield f"| {what} | {numbers(least)} | {numbers(then[name] for name in problem.tested)} | {trials(runs[method])} |"
    order = " < ".join(sorted(runs, key=lambda method: groups[method]["least"][-1]))
    yield f"\nBy the last column of seconds: {order}.\n"
    yield f"![The least validation loss over time]({problem.model}.svg)"


def main():
    machine.clear_switches()
    flags = parse_flags()
    problem = PROBLEMS[flags.on]
    folder = pathlib.Path(flags.records).parent / f"{problem.model}-{flags.seconds}"
    folder.mkdir(parents=True, exist_ok=True)
    runs = {method: [run(flags, problem, folder, method, seed) for seed in range(flags.seeds)] for method in methods_of(problem)}
    found = compare(folder, [path for paths in runs.values() for path in paths])
    lines = list(document(flags, problem, found, runs))
    shutil.copy(folder / "best.svg", ROOT / "docs" / "results" / f"{problem.model}.svg")
    (ROOT / "docs" / "results" / f"{problem.model}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
