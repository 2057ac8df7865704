#!/usr/bin/env python3
"""Does a schedule of hyperparameters help, or the values at its end? models/stn_mlp.hn tunes itself, and its plain net is trained under the
schedule that it found, under its last values, these with a sine and with noise, and the first values: docs/results/schedules.md.

    bench/schedules.py --data fashion-mnist/ [--epochs N] [--seeds N]

What is finished is not run again.
"""
import argparse
import json
import math
import pathlib
import random
import statistics
import subprocess
import time

import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"
MODEL = ROOT / "models" / "stn_mlp.hn"
BOUNDS = {"lam.drop_in": (0, 0.9), "lam.drop_1": (0, 0.9), "lam.drop_2": (0, 0.9), "lam.decay": (1e-7, 1e-2)}
FIRST = {"lam.drop_in": 0.05, "lam.drop_1": 0.05, "lam.drop_2": 0.05, "lam.decay": 1e-5}
VALID, TEST = "fit(fashion.valid)", ("fit(fashion.test)", "err(fashion.test)")
ARMS = {
    "tuned": "the network that tunes itself",
    "replayed": "a plain one, by the schedule that it found",
    "last": "its last values, from the beginning on",
    "sine": "these times 1 + sin / 2, with a period of 10 epochs",
    "noise": "these times exp(z / 2), with a normal z for each epoch",
    "first": "the first values",
}


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of Fashion-MNIST (default: Debian's)")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--records", required=True, help="a file in the folder of the runs")
    return parser.parse_args()


def evaluations(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line.get("event") == "epoch"]


def within(values):
    """No value at an end of its interval."""
    return {name: min(max(value, BOUNDS[name][0] + 1e-9), BOUNDS[name][1] - 1e-9) for name, value in values.items()}


def schedule(arm, tuned, epochs, seed):
    """Per epoch the hyperparameters of an arm whose schedule is not a log."""
    generator = random.Random(seed)
    last = {name: tuned[-1][name] for name in BOUNDS}
    for epoch in range(epochs + 1):
        factor = {name: 1 + math.sin(2 * math.pi * epoch / 10) / 2 if arm == "sine" else math.exp(generator.gauss(0, 1) / 2) if arm == "noise" else 1
                  for name in BOUNDS}
        base = FIRST if arm == "first" else last
        yield {"event": "epoch", "epoch": epoch, **within({name: base[name] * factor[name] for name in BOUNDS})}


def train(flags, folder, name, arm, seed, *options):
    out = folder / f"{arm}-{seed}"
    if (out / "result.json").exists():
        return out
    subprocess.run([folder / name, "train", "--data", flags.data, "--out", out, "--seed", str(seed), "--epochs", str(flags.epochs), "--quiet",
                    *options, *(["--resume"] if (out / "last.safetensors").exists() else [])], check=True, stdout=subprocess.DEVNULL)
    return out


def run(flags, folder, arm, seed):
    """The folder of a finished run. The tuned one of the seed must be there."""
    if arm == "tuned":
        return train(flags, folder, "tune", arm, seed)
    log = folder / f"tuned-{seed}" / "metrics.jsonl"
    if arm != "replayed":
        lines = schedule(arm, evaluations(log.parent), flags.epochs, seed)
        log = folder / f"{arm}-{seed}.jsonl"
        log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    begun = (folder / f"{arm}-{seed}" / "last.safetensors").exists()
    return train(flags, folder, "again", arm, seed, *([] if begun else ["--schedule", log]))


def best(folder):
    return min(evaluations(folder), key=lambda line: line[VALID])


def document(flags, found):
    yield "# Schedules of hyperparameters\n"
    yield (f"`scripts/reproduce schedules --epochs {flags.epochs} --seeds {flags.seeds}`, {time.strftime('%-d %B %Y')}, {machine.processor()}, "
           "1 thread.\n")
    yield (f"`models/stn_mlp.hn` on Fashion-MNIST, {flags.epochs} epochs: three dropout rates and a decay. Its train `tune` finds a schedule; `again` trains the plain network, as wide and with the same "
           "optimizer, under it and under others. Cross-entropy at the evaluation with the least validation loss, medians over seeds, and the seeds.\n")
    yield "| hyperparameters | validation | of each seed | test loss | test error | best at epoch |"
    yield "|---|---|---|---|---|---|"
    for arm, what in ARMS.items():
        lines = [best(folder) for folder in found[arm]]
        middle = {name: statistics.median(line[name] for line in lines) for name in (VALID, *TEST, "epoch")}
        each = ", ".join(f"{line[VALID]:.4f}" for line in lines)
        yield f"| {what} | {middle[VALID]:.4f} | {each} | {middle[TEST[0]]:.4f} | {middle[TEST[1]]:.4f} | {middle['epoch']:.0f} |"
    order = sorted(ARMS, key=lambda arm: statistics.median(best(folder)[VALID] for folder in found[arm]))
    yield f"\nBy validation: {' < '.join(order)}.\n"
    yield "The last values:\n"
    yield "| seed | " + " | ".join(f"`{name}`" for name in BOUNDS) + " |"
    yield "|---" * (1 + len(BOUNDS)) + "|"
    for seed, folder in enumerate(found["tuned"]):
        yield f"| {seed} | " + " | ".join(f"{evaluations(folder)[-1][name]:.3g}" for name in BOUNDS) + " |"


def main():
    machine.clear_switches()
    flags = parse_flags()
    folder = pathlib.Path(flags.records).parent / f"schedules-{flags.epochs}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tune", "again"):
        subprocess.run([HNC, "build", MODEL, "--train", name, "--data", flags.data, "-o", folder / name], check=True)
    found = {arm: [] for arm in ARMS}
    for seed in range(flags.seeds):
        for arm in ARMS:
            found[arm].append(run(flags, folder, arm, seed))
    lines = list(document(flags, found))
    (ROOT / "docs" / "results" / "schedules.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
