#!/usr/bin/env python3
"""Nets that tune themselves beside the same nets with fixed hyperparameters, for equal seconds of training: docs/results/images.md (models/stn_cnn.hn,
CIFAR-10) and docs/results/sequences.md (models/stn_lstm.hn, Penn Treebank). Fixed are those with which tuning begins, "untuned", and, of the
CNN, a usual choice, "by hand". With an interpreter that has PyTorch, the same tuned and untuned runs by PyTorch stand beside them.

    bench/tuning.py images --data cifar-10-batches-bin/ [--seconds S] [--seeds N] [--threads N] [--python PYTHON]
    bench/tuning.py sequences --data ptb/

A run of hnc that is interrupted goes on where it was, one of PyTorch begins anew, and what is finished is not run again.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import time

import machine
import records

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"
TASKS = {
    "images": {
        "model": "stn_cnn", "peer": "torch_tuned_images", "title": "A self-tuning CNN on CIFAR-10",
        "valid": "fit(cifar.valid)", "test": "fit(cifar.test)",
        "figure": "cross-entropy", "more": ("err(cifar.valid)", "err(cifar.test)"),
        "settings": "The small network of the authors' code (15,750 weights), 11 hyperparameters, batches of 128, SGD with rate 0.01 and momentum 0.9, "
                    "warm-up of 5 epochs.",
        "by hand": ("start=0.15", "side=8"), "choice": "dropout and jitter of 0.15, one hole of 8 x 8",
        "full": "The paper's network is the AlexNet of `-D alexnet=1` with 15 hyperparameters, trained until the validation loss has not improved for 75 "
                "epochs.",
    },
    "sequences": {
        "model": "stn_lstm", "peer": "torch_tuned_text", "title": "A self-tuning LSTM on Penn Treebank",
        "valid": "perplexity(ptb.valid)", "test": "perplexity(ptb.test)",
        "figure": "perplexity", "more": (),
        "settings": "Two layers of 200, 7 hyperparameters, windows of 70 words, 40 streams, SGD with rate 30, clipped to norm 0.25, warm-up of one epoch.",
        "full": "The paper has 650 units, and trains until the validation loss has not improved for 20 epochs: some seven hours of its graphics card.",
    },
}
ARMS = {"tuned": "tune", "untuned": "untuned", "by hand": "untuned"}  # the model's train
PEER_ARMS = {"tuned, PyTorch": "tuned", "untuned, PyTorch": "untuned"}  # the peer's --arm


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", required=True)
    parser.add_argument("--seconds", type=int, default=3600, help="of training, per run (default: 3600)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--python", help="an interpreter that has PyTorch; without it hnc runs alone")
    parser.add_argument("--records", required=True, help="the file of finished runs, one line of JSON each; the runs lie beside it")
    return parser.parse_args()


def arms(flags):
    return [*(arm for arm in ARMS if arm != "by hand" or arm in TASKS[flags.task]), *(PEER_ARMS if flags.python else ())]


def evaluations(path):
    lines = map(json.loads, path.read_text().splitlines())
    return [line for line in lines if line.get("event") == "epoch"]


def hypers(line):
    """Name -> number; of a vector, one per entry."""
    found = {}
    for name, value in line.items():
        if name.startswith("lam.") and not name.endswith(".sigma"):
            found.update({f"{name}[{i}]": entry for i, entry in enumerate(value)} if isinstance(value, list) else {name: value})
    return found


def places(flags, task, arm, seed):
    """The program of a run, and its folder."""
    folder, name = pathlib.Path(flags.records).parent, arm.replace(",", "").replace(" ", "-")
    return folder / f"{task['model']}-{name}", folder / f"{flags.task}-{name}-{seed}-{flags.seconds}"


def run_hnc(flags, task, arm, seed):
    """The file of the run's evaluations."""
    program, out = places(flags, task, arm, seed)
    constants = [word for constant in task.get(arm, ()) for word in ("-D", constant)]
    subprocess.run([HNC, "build", ROOT / "models" / f"{task['model']}.hn", "--train", ARMS[arm], *constants, "--data", flags.data, "-o", program],
                   check=True)
    command = [program, "train", "--data", flags.data, "--out", out, "--seed", str(seed), "--seconds", str(flags.seconds), "--epochs", "100000",
               "--threads", str(flags.threads), "--quiet"]
    subprocess.run(command + (["--resume"] if (out / "last.safetensors").exists() else []), check=True, stdout=subprocess.DEVNULL)
    return out / "metrics.jsonl"


def run_peer(flags, task, arm, seed):
    """The file of the run's evaluations."""
    _, out = places(flags, task, arm, seed)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "metrics.jsonl"
    subprocess.run([flags.python, ROOT / "bench" / "peers" / f"{task['peer']}.py", "--data", flags.data, "--arm", PEER_ARMS[arm], "--seconds",
                    str(flags.seconds), "--seed", str(seed), "--threads", str(flags.threads), "--out", path], check=True)
    return path


def run(flags, task, arm, seed):
    """The evaluations of a run: what is best by validation, and the hyperparameters over time."""
    seen = evaluations((run_hnc if arm in ARMS else run_peer)(flags, task, arm, seed))
    best = min(seen, key=lambda line: line[task["valid"]])
    names = (task["valid"], task["test"], *task["more"])
    return {"epochs": seen[-1]["epoch"], "best": {name: best[name] for name in names}, "best_epoch": best["epoch"],
            "hypers": [hypers(line) for line in seen]}


def results(flags, task):
    same = {"task": flags.task, "seconds": flags.seconds, "threads": flags.threads}
    return {(arm, seed): records.once(flags.records, {**same, "arm": arm, "seed": seed}, lambda: run(flags, task, arm, seed))
            for seed in range(flags.seeds) for arm in arms(flags)}


def table(flags, task, found):
    names = (task["valid"], task["test"], *task["more"])
    yield "| | seed | epochs | best at | " + " | ".join(f"`{name}`" for name in names) + " |"
    yield "|---" * (4 + len(names)) + "|"
    for arm in arms(flags):
        for seed in range(flags.seeds):
            record = found[arm, seed]
            figures = " | ".join(f"{record['best'][name]:.4g}" for name in names)
            yield f"| {arm} | {seed} | {record['epochs']:.4g} | {record['best_epoch']:.4g} | {figures} |"
        medians = " | ".join(f"{statistics.median(found[arm, seed]['best'][name] for seed in range(flags.seeds)):.4g}" for name in names)
        yield f"| **{arm}, median** | | | | {medians} |"


def schedules(found):
    """The hyperparameters of seed 0 at a quarter, a half, three quarters and the end."""
    values = found["tuned", 0]["hypers"]
    at = [values[min(len(values) - 1, len(values) * k // 4)] for k in range(4)] + [values[-1]]
    yield "| | begin | a quarter | half | three quarters | end |"
    yield "|---|---|---|---|---|---|"
    for name in at[0]:
        yield f"| `{name}` | " + " | ".join(f"{line[name]:.3g}" for line in at) + " |"


def pytorch_version(python):
    return subprocess.run([python, "-c", "import torch; print(torch.__version__)"], check=True, capture_output=True, text=True).stdout.strip()


def document(flags, task, found):
    day, by_hand = time.strftime("%-d %B %Y"), f" By hand: {task['choice']}." if "choice" in task else ""
    yield f"# {task['title']}\n"
    yield (f"`scripts/reproduce {flags.task} --data DIR --seconds {flags.seconds} --seeds {flags.seeds}{' --python PYTHON' * bool(flags.python)}`, {day}, {machine.processor()}, "
           f"{flags.threads} thread{'s' * (flags.threads > 1)}.\n")
    yield f"`models/{task['model']}.hn`, its trains `tune` and `untuned`, {flags.seconds} seconds of training each. {task['settings']}{by_hand} The"
    yield f"{task['figure']} is that of the evaluation with the best validation. {task['full']}\n"
    if flags.python:
        yield (f"PyTorch {pytorch_version(flags.python)} runs the same nets with the same data, settings and seconds (`bench/peers/{task['peer']}.py`), "
               "eagerly and with random numbers of its own.\n")
    yield from table(flags, task, found)
    yield "\nWhat the hyperparameters were, seed 0:\n"
    yield from schedules(found)
    yield f"\n![The run over time]({flags.task}.svg)"


def draw(flags, task):
    """The losses and hyperparameters of the tuned run of seed 0, over time. Needs gnuplot."""
    program, out = places(flags, task, "tuned", 0)
    subprocess.run([program, "plot", out], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(out / "curves.svg", ROOT / "docs" / "results" / f"{flags.task}.svg")


def main():
    machine.clear_switches()
    flags = parse_flags()
    task = TASKS[flags.task]
    lines = list(document(flags, task, results(flags, task)))
    draw(flags, task)
    (ROOT / "docs" / "results" / f"{flags.task}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
