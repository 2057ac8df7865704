#!/usr/bin/env python3
"""Continual learning: polynomials, permuted and split MNIST, a hundred tasks, and an ensemble on Fashion-MNIST.

Writes docs/results/continual.md. Every run keeps its folder; one that is finished is not repeated, one that was interrupted goes on.
A part whose runs are not there yet keeps the section that the document has of it."""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TRAINS = {  # train block: how the tables call it
    "remember": "output regulariser", "plain": "the same, without lookahead", "forget": "fine-tuning", "ewc": "EWC", "si": "SI",
    "together": "all tasks together", "alone": "each task alone, from first values"}
PUBLISHED = {  # von Oswald et al. (ICLR 2020): accuracy in %, task known and, of split MNIST, inferred by entropy
    "permuted": "97.35 ± .02", "split": "99.79 ± .01", "inferred": "69.48 ± .80"}
HUNDRED = 100


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hnc", default=os.path.join(ROOT, "build", "hnc"), help="the compiler (default: build/hnc)")
    parser.add_argument("--data", required=True, help="folder of MNIST's idx files")
    parser.add_argument("--fashion", default="/usr/share/datasets/fashion-mnist", help="folder of Fashion-MNIST's (default: %(default)s)")
    parser.add_argument("--parts", default=",".join(PARTS), help="which are run, of %(default)s")
    parser.add_argument("--trains", help="of these parts only these trains")
    parser.add_argument("--seeds", type=int, default=10, help="of the polynomials (default: 10)")
    parser.add_argument("--split-seeds", type=int, default=3, help="of split MNIST (default: 3)")
    parser.add_argument("--hundred-steps", type=int, default=100, help="steps per task of the hundred tasks (default: 100)")
    parser.add_argument("--quick", action="store_true", help="short runs, whose figures mean nothing, and no document")
    parser.add_argument("--write", action="store_true", help="run nothing: write the document from the runs that are there")
    parser.add_argument("--records", default="continual.jsonl", help="the runs' folder is named after this file (default: %(default)s)")
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "results", "continual.md"))
    flags = parser.parse_args()
    flags.parts = flags.parts.split(",")
    flags.trains = flags.trains.split(",") if flags.trains else None
    flags.runs = os.path.splitext(flags.records)[0] + ("-quick" if flags.quick else "")
    if flags.quick:
        flags.seeds, flags.split_seeds, flags.hundred_steps = 2, 1, 2
    return flags


# ---- runs ----

class Runs:
    def __init__(self, flags, scratch):
        self.flags, self.scratch, self.programs = flags, scratch, {}

    def folder(self, part, train, seed):
        return os.path.join(self.flags.runs, f"{part}-{train}-{seed}")

    def build(self, part, train):
        """The program of a train block; a hundred tasks are those of permuted_mnist.hn, with 32 earlier ones in each step."""
        spec = PARTS[part]
        program = os.path.join(self.scratch, f"{part}-{train}")
        if program in self.programs:
            return program
        model = os.path.join(ROOT, "models", spec["model"])
        if spec.get("edit"):
            with open(model) as source, open(os.path.join(self.scratch, spec["model"]), "w") as copy:
                text = source.read()
                for old, new in spec["edit"]:
                    text = text.replace(old, new)
                copy.write(text)
            model = copy.name
        command = [model, "--train", train, *spec.get("constants", [])]
        subprocess.run([self.flags.hnc, "build", *command, "-o", program], check=True)
        explained = subprocess.run([self.flags.hnc, "explain", *command], check=True, capture_output=True, text=True).stdout
        self.programs[program] = explained
        return program

    def run(self, part, train, seed):
        """Trains, unless the run is there; returns its result.json."""
        flags, folder = self.flags, self.folder(part, train, seed)
        if not self.has(part, train, seed):
            program = self.build(part, train)
            resume = os.path.exists(os.path.join(folder, "config.json"))
            short = PARTS[part]["quick"] if flags.quick else ["--steps", str(flags.hundred_steps)] if part == "hundred" else []
            data = {"mnist": ["--data", flags.data], "fashion": ["--data", flags.fashion]}.get(PARTS[part].get("data"), [])
            subprocess.run([program, "train", *data, "--out", folder, "--threads", "1", "--quiet",
                            *(["--resume"] if resume else ["--seed", str(seed), *short])], check=True, stdout=subprocess.DEVNULL)
            with open(os.path.join(folder, "explain.txt"), "w") as file:
                file.write(self.programs[program])
        return self.read(part, train, seed)

    def has(self, part, train, seed):
        return os.path.exists(os.path.join(self.folder(part, train, seed), "result.json"))

    def read(self, part, train, seed):
        with open(os.path.join(self.folder(part, train, seed), "result.json")) as file:
            return json.load(file)

    def finished(self, part, train):
        """The results of all seeds that are there."""
        seed, results = 0, []
        while self.has(part, train, seed):
            results.append(self.read(part, train, seed))
            seed += 1
        return results

    def explained(self, part, train):
        path = os.path.join(self.folder(part, train, 0), "explain.txt")
        if not os.path.exists(path):  # a run from elsewhere
            return self.programs[self.build(part, train)]
        with open(path) as file:
            return file.read()


def run_all(flags, runs):
    seeds = {"polynomials": flags.seeds, "split": flags.split_seeds, "permuted": 1, "hundred": 1}
    for part in flags.parts:
        for train in PARTS[part]["trains"]:
            if flags.trains and train not in flags.trains:
                continue
            for seed in range(seeds.get(part) or (8 if train == "single" else 1)):
                result = runs.run(part, train, seed)
                print(f"{part:12} {train:9} seed {seed}  {result['seconds']:8.1f} s  {summary(result)}", flush=True)


# ---- figures ----

def metrics_of(result):
    return (result.get("tasks") or result.get("members"))["metrics"]


def values_of(result, metric):
    """At the end, one per task or member."""
    figures = next(figures for name, figures in metrics_of(result).items() if name.startswith(metric + "("))
    return figures.get("final") or figures["each"]


def matrix_of(result, metric):
    return next(figures for name, figures in metrics_of(result).items() if name.startswith(metric + "(")).get("matrix")


def diagonal(result, metric):
    """Right after each task."""
    return [row[i] for i, row in enumerate(matrix_of(result, metric))]


def forgotten(result, metric):
    """How much worse each task but the last became after it was learned; None if all were learned together."""
    if not matrix_of(result, metric):
        return None
    return [after - before for after, before in zip(values_of(result, metric)[:-1], diagonal(result, metric))]


def metric_at_end(result, name, which="best"):
    value = result[which]["metrics"][name]
    return statistics.mean(value) if isinstance(value, list) else value


def summary(result):
    if "tasks" in result:
        name = next(iter(metrics_of(result))).split("(")[0]
        return f"mean {statistics.mean(values_of(result, name)):.5f}" + (
            f", right after each task {statistics.mean(diagonal(result, name)):.5f}" if matrix_of(result, name) else "")
    return "  ".join(f"{name} {metric_at_end(result, name):.4f}" for name in result["best"]["metrics"])


def percent(number):
    return f"{100 * number:.2f}".replace("-0.00", "0.00")


def spread(numbers, shown=percent):
    text = shown(statistics.mean(numbers))
    return text if len(numbers) == 1 else f"{text} ± {shown(statistics.stdev(numbers))}"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


# ---- the document ----

def polynomials(runs):
    yield from (
        "`models/polynomials.hn`: 100 noisy points each of three curves on three pieces of the axis; 4,000 steps per task. The hypernetwork makes the",
        "141 weights of a network 1-10-10-1. Test points have no noise. Columns are over tasks and seeds: of each seed the mean over the tasks, the largest",
        "error of any task, and the largest increase of the error of a task after it was learned. The last two count the seeds with less than .01 and .005.", "",
        row("", "seeds", "mean squared error", "largest", "largest increase", "all tasks below .01", "no increase above .005"), row(*["---"] * 7))
    for train, title in TRAINS.items():
        results = runs.finished("polynomials", train)
        if not results:
            continue
        measure = diagonal if train == "alone" else values_of
        ends = [measure(result, "fit") for result in results]
        lost = [forgotten(result, "fit") for result in results]
        has_lost = lost[0] is not None and train != "alone"
        yield row(title, str(len(results)), f"{statistics.mean(statistics.mean(end) for end in ends):.5f}", f"{max(map(max, ends)):.5f}",
                  f"{max(map(max, lost)):.5f}" if has_lost else "", str(sum(max(end) < .01 for end in ends)),
                  str(sum(max(l) < .005 for l in lost)) if has_lost else "")
    yield from ("", "*Alone* is measured right after each task, since the next one begins with first values. EWC and SI protect the weights of the",
                "hypernetwork itself, which all tasks share.", "")


def hnet_ratio(explained):
    return re.search(r"trained / made ([\d,]+) / ([\d,]+) = ([\d.]+)", explained).groups()


def image_rows(runs, part, inferred):
    for train, title in TRAINS.items():
        results = runs.finished(part, train)
        if not results:
            continue
        measure = diagonal if train == "alone" else values_of
        right = [1 - statistics.mean(measure(result, "error")) for result in results]
        lost = [forgotten(result, "error") for result in results]
        cells = [title, str(len(results)), spread(right)]
        if inferred:
            cells.append("" if train == "alone" else spread([1 - statistics.mean(values_of(result, "unknown")) for result in results]))
        cells += ["" if train == "alone" or lost[0] is None else spread([statistics.mean(l) for l in lost]),
                  percent(min(1 - max(measure(result, "error")) for result in results)),
                  f"{statistics.median(result['seconds'] for result in results):.0f}",
                  f"{statistics.median(1000 * result['seconds'] / result['steps'] for result in results):.1f}"]
        yield row(*cells)


def permuted(runs):
    trained, made, ratio = hnet_ratio(runs.explained("permuted", "remember"))
    yield from (
        "`models/permuted_mnist.hn`: 5,000 steps per task, the settings of von Oswald et al. (their P10-CL2). The hypernetwork has",
        f"{trained} trained numbers, and the network whose weights it makes has {made}: a ratio of {ratio}. Accuracies in %, forgetting in points.", "",
        row("", "seeds", "mean accuracy", "forgetting", "worst task", "seconds", "ms per step"), row(*["---"] * 7))
    yield from image_rows(runs, "permuted", False)
    yield from ("", f"Published with the output regulariser: {PUBLISHED['permuted']}.", "")


def split(runs):
    trained, made, ratio = hnet_ratio(runs.explained("split", "remember"))
    yield from (
        "`models/split_mnist.hn`: 2,000 steps per task, a head per task, the settings of von Oswald et al. (their S-CL3, which has those of S-CL1).",
        f"The hypernetwork has {trained} trained numbers for {made} weights ({ratio}). *Inferred*: nobody says which task an image belongs to; the task whose",
        "head has the least entropy answers, and task and class must be right. Accuracies in %, forgetting in points; ± is the deviation over seeds.", "",
        row("", "seeds", "task known", "task inferred", "forgetting", "worst task", "seconds", "ms per step"), row(*["---"] * 8))
    yield from image_rows(runs, "split", True)
    yield from ("", f"Published with the output regulariser: {PUBLISHED['split']} if the task is known, {PUBLISHED['inferred']} if it is inferred. The authors'",
                "later repository, posterior_replay_cl, reports 63.41 and 74.43 for two other networks.", "")


def hundred(runs):
    result, explained = runs.read("hundred", "remember", 0), runs.explained("hundred", "remember")
    after = diagonal(result, "error")
    learned = result["steps"] // HUNDRED >= 100 # with fewer steps per task, accuracies mean nothing
    flops = re.search(r"remember\.minimise\s+([\d.]+)", explained)[1]
    memory = re.search(r"^memory: .*", explained, re.M)[0].split(" (")[0]
    yield from (
        f"`models/permuted_mnist.hn` with `-D tasks={HUNDRED}` and `remember outputs(0.1, tasks: 32)`, {result['steps'] // HUNDRED} steps per task. A step regularises 32 earlier",
        "tasks, drawn anew. What they should be is computed from a copy of the hypernetwork, not stored, so memory does not grow with the number of tasks: the",
        f"weights of 99 tasks would be {99 * int(hnet_ratio(explained)[1].replace(',', '')) * 4 / 1e6:.0f} MB.", "",
        row("", ""), row("---", "---"),
        row("time per step", f"{1000 * result['seconds'] / result['steps']:.1f} ms"), row("work per step", f"{flops} Mflop"),
        row("memory", memory.removeprefix("memory: ")), row("largest memory of the process", f"{result['peak_rss_bytes'] / 1e6:.0f} MB"),
        *([row("accuracy right after each task, mean (500 images that are not trained on)", percent(1 - statistics.mean(after)) + " %"),
           row("accuracy of all tasks at the end, mean", percent(1 - statistics.mean(values_of(result, "error"))) + " %")]
          if learned else []), "", *([] if learned else ["So few steps show time and memory; they say nothing of accuracy.", ""]))


def ensemble(runs):
    together, singles = runs.read("ensemble", "together", 0), runs.finished("ensemble", "single")
    loss, error, ece = ([metric_at_end(s, f"{name}(fashion.test)") for s in singles] for name in ("loss", "error", "calibration"))
    yield from (
        f"`models/ensemble.hn`: eight members in one network, and {len(singles)} single nets trained one after the other (seeds 0 to {len(singles) - 1}) with the same settings,",
        "each at the evaluation that was best on the validation split. Test split. *ECE* is the expected calibration error, with 15 bins;",
        "*disagreement* the share of images on which a member differs from the vote.", "",
        row("", "cross-entropy", "error in %", "ECE", "disagreement", "seconds of training"), row(*["---"] * 6),
        row("vote of the ensemble", *(f"{metric_at_end(together, f'vote_{name}(fashion.test)'):.4f}" if name == "loss" else
                                      percent(metric_at_end(together, "vote_error(fashion.test)")) for name in ("loss", "error")),
            f"{metric_at_end(together, 'vote_calibration(fashion.test)'):.4f}", f"{metric_at_end(together, 'disagreement(fashion.test)'):.4f}",
            f"{together['seconds']:.1f}"),
        row("its members, mean", f"{metric_at_end(together, 'loss(fashion.test)'):.4f}", percent(metric_at_end(together, "error(fashion.test)")),
            f"{metric_at_end(together, 'calibration(fashion.test)'):.4f}", "", ""),
        row("single nets, mean", f"{statistics.mean(loss):.4f}", percent(statistics.mean(error)), f"{statistics.mean(ece):.4f}", "",
            f"{sum(s['seconds'] for s in singles):.1f}, all {len(singles)}"),
        row("single nets, best", f"{min(loss):.4f}", percent(min(error)), f"{min(ece):.4f}", "", ""), "")


PARTS = {  # title in the document, model, trains, the arguments of a quick run
    "polynomials": {"title": "Three polynomials", "model": "polynomials.hn", "trains": TRAINS, "write": polynomials,
                    "quick": ["--steps", "200"]},
    "split": {"title": "Split MNIST, five tasks", "model": "split_mnist.hn", "trains": [t for t in TRAINS if t != "plain"],
              "write": split, "quick": ["--steps", "20"], "data": "mnist"},
    "ensemble": {"title": "An ensemble on Fashion-MNIST", "model": "ensemble.hn", "trains": ["together", "single"], "write": ensemble,
                 "quick": ["--epochs", "1"], "data": "fashion"},
    "hundred": {"title": "A hundred tasks", "model": "permuted_mnist.hn", "trains": ["remember"], "write": hundred,
                "quick": ["--steps", "2"], "data": "mnist",
                "constants": ["-D", f"tasks={HUNDRED}"], # measured after each of them on 500 images: all that were learned
                "edit": (("outputs(0.1)", "outputs(0.1, tasks: 32)"), (".test)", ".valid)"),
                         ("  test   idx(", "  split  train 59500, valid 500\n  test   idx("))},
    "permuted": {"title": "Permuted MNIST, ten tasks", "model": "permuted_mnist.hn", "trains": [t for t in TRAINS if t != "plain"],
                 "write": permuted, "quick": ["--steps", "20"], "data": "mnist"}}


def is_there(runs, part):
    return any(runs.has(part, train, 0) for train in PARTS[part]["trains"]) and (part != "ensemble" or runs.has(part, "single", 0))


def sections_of(text):
    """{title: lines} of a document."""
    sections, title = {}, None
    for line in text.splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
            sections[title] = []
        elif title:
            sections[title].append(line)
    return sections


def document(runs, before):
    """`before`: the document that is replaced, whose sections stay where no runs are there."""
    old = sections_of(before)
    yield from ("# Continual learning and ensembles", "",
                "`scripts/reproduce continual --data DIR`, one thread. Times are those of training, without evaluation, beside whatever else ran on the",
                "machine. Each section says when and where its runs were made.", "")
    for part, spec in PARTS.items():
        if is_there(runs, part):
            yield from (f"## {spec['title']}", "", f"{time.strftime('%-d %B %Y')}, {machine.processor()}.", "")
            yield from spec["write"](runs)
        elif spec["title"] in old:
            yield f"## {spec['title']}"
            yield from old[spec["title"]]
            yield ""


def main():
    flags = parse_flags()
    if flags.quick:
        shutil.rmtree(flags.runs, ignore_errors=True)
    os.makedirs(flags.runs, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hnc-continual-") as scratch:
        runs = Runs(flags, scratch)
        if not flags.write:
            run_all(flags, runs)
        before = ""
        if os.path.exists(flags.out) and not flags.quick:
            with open(flags.out) as file:
                before = file.read()
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(document(runs, before))).rstrip("\n") + "\n"
    if flags.quick:
        print(text, end="")
        return
    with open(flags.out, "w") as file:
        file.write(text)
    print(flags.out)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
