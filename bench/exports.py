#!/usr/bin/env python3
"""Exports beside `OUT eval`: for every model of models/ that has an export, code of `hnc aot` for each target computes the whole test
set, and the metrics of these results are compared with those that the built program prints.

A model is trained for a few steps. Each target's program reads arguments as bytes, and rows of tables as the files have them. NumPy makes
the metrics in double precision, and the order of rows and pixels from the numbers that docs/runtime.md documents. Writes
docs/results/exports.md. Every finished target of a model is a line of the records file; what is found there is not repeated."""
import argparse
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy as np

import machine
from exports_models import MODELS, read_idx
from exports_programs import make_program, run_program

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BOUND = 1e-5
REFERENCE = "x86-64-v3"  # the target whose results those of the others are compared with
TARGETS = {  # flags of hnc aot, the compiler of the program around the object, what runs it
    "x86-64-v3": (["--cpu=x86-64-v3"], "cc", []), "x86-64": (["--cpu=x86-64"], "cc", []), "x86-64-v4": (["--cpu=x86-64-v4"], "cc", []),
    "wasm32": (["--target=wasm32", "--emit=header,shared"], None, ["node"]),
    "aarch64": (["--target=aarch64"], "aarch64-linux-gnu-gcc", ["qemu-aarch64"]),
    "riscv64": (["--target=riscv64"], "riscv64-linux-gnu-gcc", ["qemu-riscv64"])}
EMULATED = ("aarch64", "riscv64")


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hnc", default=os.path.join(ROOT, "build", "hnc"), help="the compiler (default: build/hnc)")
    parser.add_argument("--tables", required=True, help="folder of adult.data, adult.test, default.csv and bank.csv")
    parser.add_argument("--mnist", required=True, help="folder of MNIST's idx files")
    parser.add_argument("--fashion", default="/usr/share/datasets/fashion-mnist", help="folder of Fashion-MNIST's (default: %(default)s)")
    parser.add_argument("--models", default=",".join(MODELS), help="which are run, of %(default)s")
    parser.add_argument("--records", default="exports.jsonl",
                        help="one line per model and target; trained weights lie in the folder of that name (default: %(default)s)")
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "results", "exports.md"))
    flags = parser.parse_args()
    flags.hnc, flags.runs = os.path.abspath(flags.hnc), os.path.splitext(flags.records)[0]
    return flags


def targets_here():
    """Those whose compiler, emulator and processor are here."""
    with open("/proc/cpuinfo") as file:
        features = file.read().split()
    needs = {"x86-64-v4": "avx512f", "x86-64-v3": "avx2"}
    here = {}
    for target, (flags, compiler, runner) in TARGETS.items():
        tools = [compiler or "wasm-ld-19", *runner]
        missing = [tool for tool in tools if not shutil.which(tool)] + [need for need in [needs.get(target)] if need and need not in features]
        if missing:
            print(f"{target} is left out: there is no {' and no '.join(missing)}", flush=True)
        else:
            here[target] = (flags, compiler, runner)
    return here


class Model:
    """A model with trained weights, and what eval says of them; of the whole test set, or of a part."""

    def __init__(self, flags, key, part=None):
        spec = MODELS[key]
        self.key, self.name, self.batch, self.case = key, spec.get("model", key), spec.get("batch", 1), spec["case"]
        self.part, self.which = "".join(f"{kind} {value}" for kind, value in (part or {}).items()), (part or {}).get("which")
        self.home = os.path.abspath(os.path.join(flags.runs, key))
        self.folder = os.path.join(self.home, re.sub(r"\W+", "-", self.part).strip("-")) if part else self.home
        os.makedirs(self.folder, exist_ok=True)
        self.data = os.path.abspath(getattr(flags, spec["data"])) if "data" in spec else self.home
        self.source, self.weights = os.path.join(self.home, f"{self.name}.hn"), os.path.join(self.home, "run", "last.safetensors")
        self.write_source(spec.get("edits", []))
        if not os.path.exists(os.path.join(self.home, "run", "result.json")):
            self.train(flags, spec.get("steps", 100))
        with open(self.weights, "rb") as file:
            self.hash = hashlib.sha1(file.read()).hexdigest()
        if "every" in (part or {}):
            self.thin(part["every"])
        self.read_eval(self.evaluate())

    def write_source(self, edits):
        with open(os.path.join(ROOT, "models", f"{self.name}.hn")) as file:
            text = file.read()
        for pattern, replacement in edits:
            text, count = re.subn(pattern, replacement, text, count=1, flags=re.M)
            if not count:
                raise ValueError(f"models/{self.name}.hn has nothing like {pattern}")
        with open(self.source, "w") as file:
            file.write(text)

    def train(self, flags, steps):
        program, run = os.path.join(self.home, "program"), os.path.join(self.home, "run")
        subprocess.run([flags.hnc, "build", self.source, "--data", self.data, "-o", program], check=True)
        shutil.rmtree(run, ignore_errors=True)
        subprocess.run([program, "train", "--quiet", "--data", self.data, "--out", run, "--threads", "1", "--steps", str(steps)],
                       check=True, stdout=subprocess.DEVNULL)

    def thin(self, every):
        """A folder of the same data with every n-th test image alone."""
        data, self.data = self.data, os.path.join(self.folder, "data")
        os.makedirs(self.data, exist_ok=True)
        for kind in ("images-idx3", "labels-idx1"):
            for end in ("", ".gz"):
                name = f"train-{kind}-ubyte{end}"
                if os.path.exists(os.path.join(data, name)) and not os.path.lexists(os.path.join(self.data, name)):
                    os.symlink(os.path.join(data, name), os.path.join(self.data, name))
            kept = read_idx(data, f"t10k-{kind}-ubyte")[::every]
            with open(os.path.join(self.data, f"t10k-{kind}-ubyte"), "wb") as file:
                file.write(struct.pack(f">4B{kept.ndim}i", 0, 0, 8, kept.ndim, *kept.shape) + kept.tobytes())

    def evaluate(self):
        path = os.path.join(self.folder, "eval.json")
        if not os.path.exists(path):
            with open(path + ".tmp", "w") as file:
                subprocess.run([os.path.join(self.home, "program"), "eval", "--json", "--weights", self.weights, "--data", self.data],
                               check=True, stdout=file)
            os.replace(path + ".tmp", path)
        with open(path) as file:
            return json.load(file)

    def read_eval(self, said):
        """{metric: numbers, one per ray, task or member}."""
        self.rays = said.get("rays")
        if self.rays:
            metrics = {**dict(zip(said["objectives"], np.array(said["points"]).T)), **said.get("metrics", {})}
        else:
            metrics = {name: next(m[key] for key in ("final", "each", "value") if key in m) if isinstance(m, dict) else m
                       for name, m in said.get("metrics", said).items()}
        metrics = {name.split("(")[0] if self.rays else name: np.atleast_1d(np.array(values, float)) for name, values in metrics.items()}
        self.points = max(map(len, metrics.values()))  # rays, tasks or members
        if self.which:
            metrics = {name: values[self.which] for name, values in metrics.items()}
            self.rays = self.rays and [self.rays[i] for i in self.which]
        self.metrics = metrics


# ---- comparisons ----

def compare_metrics(model, judged):
    """{metric: [kind, difference, how many numbers]}: the largest relative difference of a `number`; by how much the `count`s of wrong
    examples differ together; the largest difference, as it is, of a `gap`."""
    found = {}
    for name, numbers, total in judged:
        expected, numbers = model.metrics[name], np.atleast_1d(np.array(numbers, float))
        if total is None:
            found[name] = ["number", float(np.max(np.abs(numbers - expected) / np.abs(expected))), len(numbers)]
        elif total == "gap":
            apart = np.abs(numbers - expected)
            found[name] = ["gap", float(apart.max()), len(numbers), float((apart / np.abs(expected)).max())]
        else:
            wrong_here = int(np.abs(numbers - np.round(expected * total)).sum())
            found[name] = ["count", wrong_here + (found[name][1] if name in found else 0), len(numbers)]
    return found


def compare_results(work, results, reference):
    """The largest difference of an element relative to the largest of its export; of whole numbers, how many differ."""
    difference, other = 0, 0
    for name in dict.fromkeys(name for name, _, _ in work):
        a, b = (np.concatenate([r for (n, _, _), r in zip(work, those) if n == name]) for those in (results, reference))
        if a.dtype.kind == "f":
            difference = max(difference, float(np.abs(a.astype(float) - b).max() / np.abs(b).max()))
        else:
            other += int((a != b).sum())
    return difference, other


class Records:
    """What is finished, by (model, target, weights, part), in memory and in a file."""

    def __init__(self, path):
        self.path, self.found = path, {}
        if os.path.exists(path):
            with open(path) as file:
                for record in map(json.loads, file):
                    self.found[self.key(record)] = record

    @staticmethod
    def key(record):
        return record["model"], record["target"], record["weights"], record["part"]

    def add(self, record):
        """What disagrees is not finished: it is tried again."""
        if not agrees(record):
            return
        self.found[self.key(record)] = record
        with open(self.path, "a") as file:
            file.write(json.dumps(record) + "\n")


def run_target(flags, model, target, spec, reference):
    """A record, and the results."""
    work, judge = model.case(model)
    with tempfile.TemporaryDirectory(prefix="hnc-exports-") as folder:
        exports, command = make_program(flags, model, spec, folder)
        begin = time.time()
        results = run_program(command, exports, work, model.batch, folder)
        seconds = time.time() - begin
    record = {"model": model.key, "target": target, "weights": model.hash, "part": model.part, "exports": list(exports), "calls": len(work),
              "results": sum(map(len, results)), "seconds": seconds, "metrics": compare_metrics(model, judge(results))}
    if reference:
        record["difference"], record["other"] = compare_results(work, results, reference)
    return record, results


def reference_of(flags, model, spec):
    """The results of the reference target, which are kept."""
    path = os.path.join(model.folder, f"{REFERENCE}-{model.hash[:8]}.npz")
    if not os.path.exists(path):
        np.savez(path, *run_target(flags, model, REFERENCE, spec, None)[1])
    with np.load(path) as saved:
        return [saved[f"arr_{i}"] for i in range(len(saved.files))]


def run_all(flags, records, targets):
    """Yields the records of each model, by target."""
    for key in flags.models.split(","):
        whole, here, part = Model(flags, key), {}, None
        for target, spec in targets.items():
            model = whole
            if target in EMULATED and "part" in MODELS[key]:
                model = part = part or Model(flags, key, MODELS[key]["part"])
            finished = (key, target, model.hash, model.part)
            if finished not in records.found:
                reference = reference_of(flags, model, targets[REFERENCE]) if target != REFERENCE else None
                try:
                    record, _ = run_target(flags, model, target, spec, reference)
                except (OSError, subprocess.CalledProcessError) as error:
                    if target == REFERENCE:
                        raise
                    here[target] = {"target": target, "error": (getattr(error, "stderr", None) or str(error)).splitlines()[0]}
                    print(f"{key:20} {target:10} FAILED: {here[target]['error']}", flush=True)
                    continue
                records.add(record)
                here[target] = record
                print(f"{key:20} {target:10} {record['results']:8} results in {record['seconds']:6.1f} s  {summary(record)}"
                      + ("" if agrees(record) else "  DISAGREES"), flush=True)
            here[target] = here.get(target) or records.found[finished]
        yield whole, here


def worst(record, kind):
    return max((metric[1] for metric in record["metrics"].values() if metric[0] == kind), default=0)


def agrees(record):
    return worst(record, "number") <= BOUND and record.get("difference", 0) <= BOUND and not worst(record, "count") and not record.get("other")


def summary(record):
    shown = lambda kind, value: f"{value} counted otherwise" if kind == "count" else f"{value:.1e}"
    return ", ".join([*(f"{name} {shown(*metric[:2])}" for name, metric in record["metrics"].items()),
                      *([f"results {record['difference']:.1e}"] if "difference" in record else [])])


# ---- the document ----

def row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def wrapped(text):
    return textwrap.fill(" ".join(text.split()), 150, break_long_words=False, break_on_hyphens=False).split("\n")


def title_of(key):
    spec = MODELS[key]
    return f"`{spec.get('model', key)}`" + (f", {spec['batch']} images a call" if "batch" in spec else "")


def part_of(model):
    """What emulated machines compute, in words; nothing if it is the whole."""
    part = MODELS[model.key].get("part")
    if not part:
        return ""
    return f"every {part['every']}th image" if "every" in part else f"{len(part['which'])} of {model.points} {'rays' if model.rays else 'tasks'}"


def result_cell(model, record):
    """How far results of a target are from those of the reference."""
    if "error" in record:
        return "**no program**"
    text = (f"{record['difference']:.0e}" if record["difference"] else "equal") + (f", {record['other']} others" if record["other"] else "")
    part = part_of(model) if record["target"] in EMULATED else ""
    return (text if agrees(record) else f"**{text}**") + (f" ({part})" if part else "")


def table(found, targets):
    others = [target for target in targets if target != REFERENCE]
    yield row("model", "exports", "results", "metrics", "difference to `eval`", "counts of errors", *others)
    yield row(*["---"] * (6 + len(others)))
    for model, here in found:
        records = [record for record in here.values() if "error" not in record and agrees(record)]
        metrics = dict.fromkeys(name.split("(")[0] for name, metric in here[REFERENCE]["metrics"].items() if metric[0] != "gap")
        counts = sum(metric[2] for record in records for metric in record["metrics"].values() if metric[0] == "count")
        yield row(title_of(model.key), ", ".join(f"`{name}`" for name in here[REFERENCE]["exports"]), f"{here[REFERENCE]['results']:,}",
                  ", ".join(f"`{name}`" for name in metrics), f"{max((worst(record, 'number') for record in records), default=np.nan):.0e}",
                  f"{counts} equal" if counts else "", *(result_cell(model, here[target]) for target in others))


def problems(found):
    """What does not agree, one line each."""
    for model, here in found:
        for target, record in here.items():
            if "error" in record:
                yield f"- {title_of(model.key)}, {target}: {re.sub(r'[.]wasm[.][^:]*', '.wasm', record['error'])}"
            elif not agrees(record):
                yield f"- {title_of(model.key)}, {target}: {summary(record)}"


def emulation(found):
    """How long the largest net takes."""
    model, here = max(found, key=lambda one: one[1][REFERENCE]["seconds"])
    slow = [here[target] for target in EMULATED if "seconds" in here.get(target, {})]
    if slow and part_of(model):
        took = " and ".join(f"{record['seconds']:.0f} s under `qemu-{record['target']}`" for record in slow)
        yield from wrapped(f"""Emulated machines are slow: {slow[0]['results']:,} of the {here[REFERENCE]['results']:,} results of
            {title_of(model.key)}, weights included, took {took}. Where brackets say so, they compute a part of the test set; `eval` is then
            given the same part, and so is {REFERENCE}.""")


def gaps(found):
    metrics = [metric for _, here in found for record in here.values() for metric in record.get("metrics", {}).values() if metric[0] == "gap"]
    if metrics:
        yield from wrapped(f"""The gaps `fp` and `fn` of the fairness models are differences of two means. `eval` adds in single
            precision, so that few digits of a small gap are right. Compared to 1e-5 are therefore the four means, which a copy of the
            model reports; the gaps themselves differ by at most {max(metric[1] for metric in metrics):.0e}, which is up to
            {max(metric[3] for metric in metrics):.0e} of a gap.""")


NOTES = (
    """Tables: the program gets rows as the files have them, numbers and text, and encodes them by the object's `_encode`. The test split
    is found by the documented [shuffle](../runtime.md#shuffled-data-sets) under seed 0.""",
    """Tasks that `permute` makes: images are put into the order of their task by the documented [draw](../runtime.md#families), and each
    task's metrics compared with those that `eval` prints for it.""",
    """Copies of models, in which `eval` or the object has more to compare: the reports `loss` and `fit` in `hypermask`, `split_mnist` and
    `permuted_mnist`, which report errors alone; the four means in the fairness models; `error(digits.train)` in `implicit_images`; and an
    export `opinion` of one member in `ensemble`.""",
    """`implicit_images` has no test set: its 25 images are those that it learned, with codes from the weights' file.""",
    """`unknown` of `split_mnist` is counted twice, from `digit`, and from `infer` and `predict`.""",
    """Not compared: hypervolume, uniformity, `average` and `forgetting`, which follow from what is; trains other than the first; `--fix`,
    `--external-weights`, `--blas=openblas` and f64. `pareto_toy` has no export.""")


def document(found, targets):
    records = [record for _, here in found for record in here.values() if "error" not in record]
    wrong = list(problems(found))
    good = [record for record in records if agrees(record)]
    numbers = sum(metric[2] for record in good for metric in record["metrics"].values() if metric[0] == "number")
    counts = sum(metric[2] for record in good for metric in record["metrics"].values() if metric[0] == "count")
    names = len({model.name for model, _ in found})
    yield "# Exports beside `eval`"
    yield ""
    yield from wrapped(f"""Code of [`hnc aot`](../aot.md) gives the metrics that `OUT eval`
        prints{', but for what is listed below' if wrong else ''}: on {len(targets)} targets ({', '.join(targets)}), for the {names}
        models of `models/` that have an export, on the whole test set or, where the table says so, a part of
        it. Of {numbers:,} losses and means, none differs by more than a relative
        {max(worst(record, 'number') for record in good):.0e}, and {counts:,} counts of errors are equal. Of any export, no single result
        of one target differs from that of {REFERENCE} by more than {max(record.get('difference', 0) for record in good):.0e} of the
        export's largest. The bound is 1e-5.""")
    yield ""
    if wrong:
        yield from ("What does not agree:", "", *wrong, "")
    yield from table(found, targets)
    yield ""
    yield from wrapped(f"""*Results* are those of all exports for the whole test set, at every ray, task or member. *Difference to `eval`*
        is the largest relative one of a metric, over all targets that agree and over rays, tasks and members. The last columns are the
        largest difference of a result to that of {REFERENCE}, relative to the largest result of the export.""")
    yield ""
    yield from emulation(found)
    yield ""
    yield from gaps(found)
    yield ""
    yield "## What was done"
    yield ""
    yield from wrapped("""Each model is built with its first train and trained for a few steps. A program around the object reads
        arguments as bytes, for wasm32 a program of node around the module. Weights are generated once for each ray, task or member; for
        the first three examples of each, the function that does all at once must give the same bits. Metrics are made of the results in
        double precision, with labels from the files.""")
    yield ""
    for line in NOTES:
        first, *more = wrapped(line)
        yield "- " + first
        yield from ("  " + text for text in more)
    yield ""
    yield from wrapped(f"""`scripts/reproduce exports --tables DIR --mnist DIR --fashion DIR`, {time.strftime('%F')},
        {machine.processor()}; one thread. Programs ran for {sum(record['seconds'] for record in records) / 60:.0f} minutes, of which
        {sum(r['seconds'] for r in records if r['target'] in EMULATED) / 60:.0f} under emulation, beside whatever else ran on the machine.""")


def main():
    flags = parse_flags()
    machine.clear_switches()
    os.makedirs(flags.runs, exist_ok=True)
    targets = targets_here()
    found = list(run_all(flags, Records(flags.records), targets))
    wrong = list(problems(found))
    if flags.models == ",".join(MODELS):
        with open(flags.out, "w") as file:
            file.write(re.sub(r"\n{3,}", "\n\n", "\n".join(document(found, targets))) + "\n")
        print(flags.out)
    print(f"{len(found)} models, {len(targets)} targets: " + (f"{len(wrong)} do not agree" if wrong else "all agree"))
    return bool(wrong)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
