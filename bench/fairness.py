#!/usr/bin/env python3
"""The fairness tables: three data sets, six methods, five seeds, by hnc and, with --python, by PyTorch on the same rows and rays.

Writes docs/results/fairness.md. Every finished run is a line of the records file; a run found there is not repeated."""
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
TABLES = ("adult", "default", "bank")
METHODS = {  # train block: title, whether torch_fairness.py has it
    "front_linear": ("PHN, linear scalarisation", True), "front_epo": ("PHN, EPO", True),
    "front": ("PHN, smooth Tchebycheff", True), "front_tuned": ("the same, tuned with hnc", False),
    "nets_linear": ("one net per ray, linear scalarisation", True),
    "nets_epo": ("one net per ray, EPO", True), "nets_pmtl": ("one net per ray, PMTL", False)}
NOT_TUNED = {("default", "front_tuned")}
OBJECTIVES = ("loss", "fp", "fn")
WIDTHS = {"trunk": 25, "wide": 100}  # of the hypernetworks' layers, by their names in the models
PAPER = {  # Navon et al. (ICLR 2021), table 2: hypervolume and uniformity
    ("adult", "front_linear"): (.658, .289), ("adult", "front_epo"): (.648, .701), ("adult", "nets_linear"): (.628, .109),
    ("default", "front_linear"): (.551, .108), ("default", "front_epo"): (.548, .359), ("default", "nets_linear"): (.522, .069),
    ("bank", "front_linear"): (.730, .615), ("bank", "front_epo"): (.748, .821), ("bank", "nets_linear"): (.704, .215)}


def methods_of(table):
    return {method: title for method, (title, _) in METHODS.items() if (table, method) not in NOT_TUNED}


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hnc", default=os.path.join(ROOT, "build", "hnc"), help="the compiler (default: build/hnc)")
    parser.add_argument("--data", required=True, help="folder of adult.data, adult.test, default.csv and bank.csv")
    parser.add_argument("--python", help="an interpreter that has PyTorch; without it hnc runs alone")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--records", default="fairness.jsonl", help="one line per finished run (default: fairness.jsonl)")
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "results", "fairness.md"))
    return parser.parse_args()


# ---- settings, which are read from the models ----

def read_settings(table):
    """{train block: its settings} of a model."""
    with open(os.path.join(ROOT, "models", f"fairness_{table}.hn")) as file:
        blocks = re.findall(r"^train (\w+) = pareto\(r\) \{[^\n]*\n(.*?)^\}", file.read(), re.M | re.S)
    number = r"([0-9.e+-]+)"
    settings = {}
    for name, body in blocks:
        alpha = re.search(r"dirichlet\(" + number + r"\)", body)
        solver, mu = re.search(r"solver\s+(\w+)(?:\(mu: " + number + r"\))?", body).groups()
        width = re.search(r"dense\((\w+)\(r\)\)", body)
        settings[name] = {"solver": solver, "mu": mu, "width": str(WIDTHS[width[1] if width else "trunk"]) if alpha else None, "rate": re.search(r"by adam\(" + number + ", cosine", body)[1],
                          "batch": re.search(r"batch\s+(\d+)", body)[1], "epochs": re.search(r"epochs\s+(\d+)", body)[1],
                          "rays": re.search(r"rays\s+(\d+)", body)[1], "alpha": alpha and alpha[1]}
    return settings


# ---- runs ----

class Records:
    """Finished runs by (system, table, method, seed), in memory and in a file."""

    def __init__(self, path):
        self.path, self.runs = path, {}
        if os.path.exists(path):
            with open(path) as file:
                for line in file:
                    record = json.loads(line)
                    self.runs[tuple(record["run"])] = record

    def add(self, run, record):
        self.runs[run] = record
        with open(self.path, "a") as file:
            file.write(json.dumps({"run": run, **record}) + "\n")


def run_hnc(flags, table, method, seeds, scratch):
    """Yields (seed, record)."""
    program, folder = os.path.join(scratch, "program"), os.path.join(scratch, "run")
    model = os.path.join(ROOT, "models", f"fairness_{table}.hn")
    subprocess.run([flags.hnc, "build", model, "--train", method, "--data", flags.data, "-o", program], check=True)
    for seed in seeds:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([program, "train", "--data", flags.data, "--out", folder, "--seed", str(seed), "--threads", "1", "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "result.json")) as file:
            result = json.load(file)
        front = result["front"]
        yield seed, {"hypervolume": front["hypervolume"], "uniformity": front["uniformity"],
                     "least": [front[f"{name}.least"] for name in OBJECTIVES],
                     "largest": [front[f"{name}.largest"] for name in OBJECTIVES], "seconds": result["seconds"],
                     "steps": result["steps"], "fallbacks": front.get("fallbacks", 0),  # linear scalarisation has nothing to solve
                     "undefined": front.get("undefined", 0)}


def run_torch(flags, table, settings, seeds):
    """Yields (seed, record)."""
    command = [flags.python, os.path.join(HERE, "peers", "torch_fairness.py"), "--data", flags.data, "--table", table]
    for name, value in settings.items():
        command += [f"--{name}", value] if value else []
    command += ["--seeds", *map(str, seeds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            record = json.loads(line)
            yield record.pop("seed"), record
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def run_all(flags, records, scratch):
    for table in TABLES:
        settings = read_settings(table)
        for method, title in methods_of(table).items():
            has_peer = METHODS[method][1]
            for system in ("hnc", "torch"):
                seeds = [seed for seed in range(flags.seeds) if (system, table, method, seed) not in records.runs]
                if not seeds or system == "torch" and not (flags.python and has_peer):
                    continue
                finished = (run_hnc(flags, table, method, seeds, scratch) if system == "hnc"
                            else run_torch(flags, table, settings[method], seeds))
                for seed, record in finished:
                    records.add((system, table, method, seed), record)
                    print(f"{table:8} {title:36} {system:6} seed {seed}  hypervolume {record['hypervolume']:.4f}  "
                          f"uniformity {record['uniformity']:.3f}  {record['seconds']:.1f} s", flush=True)


# ---- the document ----

def short(number, digits=3):
    """A number between -1 and 1 without its leading zero."""
    return f"{number:.{digits}f}".replace("0.", ".", 1)


def mean_and_spread(values, digits=3):
    spread = statistics.stdev(values) if len(values) > 1 else 0
    return f"{short(statistics.mean(values), digits)} ± {short(spread, digits)}"


def paired(ours, theirs, digits=3):
    """The mean of the differences on the same split, and its standard error."""
    differences = [a - b for a, b in zip(ours, theirs)]
    error = statistics.stdev(differences) / len(differences) ** .5 if len(differences) > 1 else 0
    mean = statistics.mean(differences)
    return f"{'+' if mean >= 0 else '-'}{short(abs(mean), digits)} ± {short(error, digits)}"


def seconds_text(seconds):
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def method_rows(flags, records, table):
    """Lines of the table of a data set: hnc and PyTorch side by side."""
    for method, title in methods_of(table).items():
        ours, theirs = ([records.runs[system, table, method, seed] for seed in range(flags.seeds)
                         if (system, table, method, seed) in records.runs] for system in ("hnc", "torch"))
        paper = "/".join(short(value) for value in PAPER.get((table, method), ())) or ""
        cells = [title]
        for key in ("hypervolume", "uniformity"):
            values = [record[key] for record in ours]
            peers = [record[key] for record in theirs]
            cells += [mean_and_spread(values), mean_and_spread(peers) if peers else "",
                      paired(values, peers) if len(peers) == len(values) else ""]
        speed = [statistics.median(record["seconds"] for record in records) if records else None for records in (ours, theirs)]
        cells += [seconds_text(value) if value else "" for value in speed] + [paper]
        yield "| " + " | ".join(cells) + " |"


def range_rows(flags, records, table):
    for method, title in methods_of(table).items():
        ours = [records.runs["hnc", table, method, seed] for seed in range(flags.seeds)]
        ranges = [f"{short(statistics.mean(r['least'][i] for r in ours))} to {short(statistics.mean(r['largest'][i] for r in ours))}"
                  for i in range(len(OBJECTIVES))]
        counts = [str(sum(record[key] for record in ours)) for key in ("fallbacks", "undefined")]
        yield "| " + " | ".join([table.capitalize(), title, *ranges, *counts]) + " |"


def settings_rows(table):
    settings = read_settings(table)
    for method, title in methods_of(table).items():
        s = settings[method]
        solver = s["solver"] + (f"(mu: {s['mu']})" if s["mu"] else "")
        yield f"| {table.capitalize()} | {title} | `{method}` | {solver} | {s['width'] or ''} | {s['alpha'] or 'each ray'} | {s['rate']} | {s['batch']} | {s['epochs']} | {s['rays']} |"


def document(flags, records):
    yield from (
        "# Pareto hypernetworks on three fairness tables", "",
        f"`scripts/reproduce fairness --seeds {flags.seeds}`, {time.strftime('%-d %B %Y')}, {machine.processor()}; one thread.", "",
        "The objectives are the cross-entropy (`loss`) and two gaps between groups in the mean of tanh(logit / 2), that is 2p - 1, among the negatives (`fp`)",
        "and among the positives (`fn`); groups are the sexes (Adult, Default), or clients up to and above sixty (Bank). The seed draws the split",
        "(70/10/20), the initial weights, the batches and the preferences. Points are those on the whole test part, after the last step: of 25 rays (centroids",
        "of the triangles that cut the simplex five times) with a Pareto hypernetwork (PHN), of 10 with one net per ray. Hypervolume towards (1, 1, 1);",
        "uniformity is the mean of 1 - KL. Hypervolumes of 25 and of 10 rays cannot be compared.", "",
        "PyTorch (`bench/peers/torch_fairness.py`, one thread) has the same rows in every part for a seed, the same rays and the same settings, and its own",
        "random numbers otherwise. Figures are means and standard deviations over seeds; a difference is hnc's less PyTorch's on the same split, its",
        "mean and standard error, which one row in three is expected to exceed by chance. Seconds are medians of training alone, on a machine that did",
        "other work as well.", "",
        "The last column is the table of the paper (Navon et al., ICLR 2021), hypervolume/uniformity. The paper does not publish its definition of the",
        "gaps, its rays, or its settings: its figures stand here as context, not as a comparison.", "")
    for table in TABLES:
        yield from (f"## {table.capitalize()}", "",
                    "| method | hypervolume | PyTorch | difference | uniformity | PyTorch | difference | seconds | PyTorch | paper |",
                    "|---|---|---|---|---|---|---|---|---|---|", *method_rows(flags, records, table), "")
    yield from ("Uniformity on Default is sampling noise: both gaps are about as large as their standard error on the test part.", "",
                "## Ranges of the objectives over the rays", "",
                "hnc; means over seeds of the least and the largest. *Fallbacks* are steps in which a solver's programme had no solution and the",
                "preference itself weighted the objectives; *undefined* counts objectives that a batch did not have, because one of its groups",
                "was empty. Both are sums over all seeds.", "",
                "| data | method | loss | fp | fn | fallbacks | undefined |", "|---|---|---|---|---|---|---|")
    for table in TABLES:
        yield from range_rows(flags, records, table)
    yield from ("", "## Settings", "",
                "As the models have them. Those of PHN and of linear scalarisation a ray were chosen on validation parts with PyTorch; EPO and PMTL a ray have",
                "the settings of linear scalarisation a ray. All with Adam, its rate falling to 0 by a cosine; preferences are drawn from a Dirichlet distribution of",
                "the concentration given; width is that of the hypernetwork's layers. The PHN tuned with hnc, and Adult's PHN with EPO, were chosen on validation parts of other seeds",
                "(other splits of the same rows). Three settings changed after test figures had been seen, for what was better on validation parts: the batch of Bank's PHN with EPO,",
                "512 at first, and the width and the preferences of Adult's, 25 and 0.2 at first (hypervolume .654, uniformity .680 over five seeds): of about 100 settings on three",
                "seeds and eleven on twelve, those of the greatest hypervolume, .664 against .658; and those of Adult's tuned PHN, preferences 4, batch 2048, 50 epochs at first (.670, .673",
                "over ten seeds): of about 100 settings on eight seeds and fourteen on twelve, .678 and .676 against .673 and .670.", "",
                "| data | method | train | solver | width | preferences | rate | batch | epochs | rays |", "|---|---|---|---|---|---|---|---|---|---|")
    for table in TABLES:
        yield from settings_rows(table)


def main():
    flags = parse_flags()
    records = Records(flags.records)
    with tempfile.TemporaryDirectory(prefix="hnc-fairness-") as scratch:
        run_all(flags, records, scratch)
    text = "\n".join(document(flags, records)) + "\n"
    with open(flags.out, "w") as file:
        file.write(text)
    print(flags.out)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
