#!/usr/bin/env python3
"""models/pareto_lenet.hn, two digits in one image, by linear scalarisation and by EPO, beside the figures of Navon et al. (ICLR 2021):
docs/results/digits.md.

    bench/digits.py --data DIR [--epochs N] [--seeds N] [--threads N]      DIR holds the idx files of MNIST

A run that is interrupted goes on where it was, and what is finished is not run again.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time

import machine
import records

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"
MODEL = ROOT / "models" / "pareto_lenet.hn"
PUBLISHED = {"linear": ("PHN-LS", 2.90, 0.901), "epo": ("PHN-EPO", 2.78, 0.920)}  # table 1, Multi-MNIST
OWN_RATE, PUBLISHED_RATE, PUBLISHED_EPOCHS = "adam(5e-4, cosine)", "adam(1e-4)", 150


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--records", required=True, help="the file of finished runs, one line of JSON each; the runs lie beside it")
    return parser.parse_args()


def build(flags, folder, name, train, *changes):
    """The program of the model with other texts in the place of some."""
    text, model, program = MODEL.read_text(), folder / f"{name}.hn", folder / name
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    model.write_text(text)
    subprocess.run([HNC, "build", model, "--train", train, "--data", flags.data, "-o", program], check=True)
    return program


def on_training_pairs(flags, folder, name, train, out):
    """The hypervolume of the trained net on the pairs that it has seen."""
    program = build(flags, folder, f"{name}-seen", train, ("on pairs.test  rays 25", "on pairs.train  rays 5"))
    said = subprocess.run([program, "eval", "--data", flags.data, "--weights", out / "last.safetensors", "--json"], check=True, capture_output=True,
                          text=True)
    return json.loads(said.stdout)["hypervolume"]


def run(flags, folder, arm, seed):
    train, epochs = ("linear", PUBLISHED_EPOCHS) if arm == "published" else (arm, flags.epochs)
    name, out = f"pareto_lenet-{arm}", folder / f"digits-{arm}-{seed}-{epochs}"
    program = build(flags, folder, name, train, *([(OWN_RATE, PUBLISHED_RATE)] if arm == "published" else []))
    command = [program, "train", "--data", flags.data, "--out", out, "--seed", str(seed), "--epochs", str(epochs), "--threads",
               str(flags.threads), "--quiet"]
    subprocess.run(command + (["--resume"] if (out / "last.safetensors").exists() else []), check=True, stdout=subprocess.DEVNULL)
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    return {"seen": on_training_pairs(flags, folder, name, train, out),
            **{name: last[name] for name in ("hypervolume", "uniformity", "seconds")}}


def results(flags):
    path = pathlib.Path(flags.records)
    for arm in (*PUBLISHED, "published"):
        for seed in range(flags.seeds if arm in PUBLISHED else 1):
            epochs = PUBLISHED_EPOCHS if arm == "published" else flags.epochs
            yield records.once(path, {"train": arm, "seed": seed, "epochs": epochs}, lambda: run(flags, path.parent, arm, seed))


def document(flags, runs):
    yield "# Two digits in one image\n"
    yield (f"`scripts/reproduce digits --data DIR --epochs {flags.epochs} --seeds {flags.seeds}`, {time.strftime('%-d %B %Y')}, "
           f"{machine.processor()}, {flags.threads} thread{'s' * (flags.threads > 1)}.\n")
    yield "`models/pareto_lenet.hn`: hypervolume up to (2, 2) of 25 preferences on 20,000 test pairs, and uniformity. Published are those of Navon et al., after"
    yield "150 epochs with the rate 1e-4 and no schedule, on pairs of their own, whose digits are drawn and laid over each other in another way: the"
    yield "losses of the two sets of pairs are alike, not the same.\n"
    yield "| train | hypervolume | of each seed | on training pairs | uniformity | minutes | published hypervolume | published uniformity |"
    yield "|---" * 8 + "|"
    for train, (name, hypervolume, uniformity) in PUBLISHED.items():
        own = [r for r in runs if r["train"] == train]
        median = {key: statistics.median(r[key] for r in own) for key in ("hypervolume", "uniformity", "seconds", "seen")}
        each = ", ".join(f"{r['hypervolume']:.3f}" for r in own)
        yield (f"| `{train}` ({name}) | {median['hypervolume']:.3f} | {each} | {median['seen']:.3f} | {median['uniformity']:.3f} | {median['seconds'] / 60:.0f} | "
               f"{hypervolume:.2f} | {uniformity:.3f} |")
    yield "\nMinutes are those of a processor that other programs used, too."
    published = next(r for r in runs if r["train"] == "published")
    yield (f"\nOn the pairs that they were trained on, the networks have far larger hypervolumes than on test pairs: what keeps `linear` below the published 2.90 is not the optimizer. With the published settings "
           f"(150 epochs, the rate 1e-4, no schedule; seed 0) `linear` has {published['hypervolume']:.3f} on test pairs and {published['seen']:.3f} on training pairs, so that the model's own "
           "settings are better on these pairs. Whether pairs that are made as the published ones would give 2.90 is open: no file of them was at hand.")


def main():
    machine.clear_switches()
    flags = parse_flags()
    lines = list(document(flags, list(results(flags))))
    (ROOT / "docs" / "results" / "digits.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
