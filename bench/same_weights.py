#!/usr/bin/env python3
"""Whether two builds of hnc train the same weights, bit for bit: every train of models/ and bench/, 50 steps at two seeds, on one thread and
on two. Compares the tensors of last.safetensors; what the file says beside them may differ.

    bench/same_weights.py OLD/hnc NEW/hnc --mnist DIR --fairness DIR [--only TEXT]
"""
import argparse
import glob
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FASHION = "/usr/share/datasets/fashion-mnist"
STEPS, SEEDS, THREADS = 50, (0, 1), (1, 2)


def tensors(path):
    """Of a safetensors file: name -> (type, shape, bytes)."""
    with open(path, "rb") as file:
        content = file.read()
    size, = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8:8 + size]), content[8 + size:]
    return {name: (entry["dtype"], tuple(entry["shape"]), data[slice(*entry["data_offsets"])])
            for name, entry in header.items() if name != "__metadata__"}


def first_difference(old, new):
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            return f"only one has {name}"
        if old[name] != new[name]:
            return f"{name} differs"
    return None


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def programs(arguments):
    """Every (file, train, folder of data)."""
    for path in sorted(glob.glob(f"{ROOT}/models/*.hn") + glob.glob(f"{ROOT}/bench/*.hn")):
        with open(path) as file:
            text = file.read()
        data = FASHION if "fashion" in text else arguments.mnist if "mnist" in text else arguments.fairness
        for train in re.findall(r"^train (\w+)", text, re.MULTILINE):
            if not arguments.only or arguments.only in f"{path} {train}":
                yield path, train, data


def compare(folder, compilers, path, train, data):
    """How many runs were compared and how many of them differ, and says so."""
    shown, count, different = f"{os.path.relpath(path, ROOT)} {train}", 0, 0
    for which, compiler in compilers.items():
        run(compiler, "build", path, "--train", train, "--data", data, "-o", f"{folder}/{which}")
    for seed in SEEDS:
        for threads in THREADS:
            results = {}
            for which in compilers:
                out = f"{folder}/{which}-{seed}-{threads}"
                run("rm", "-rf", out)
                run(f"{folder}/{which}", "train", "--quiet", "--data", data, "--out", out, "--steps", str(STEPS), "--seed", str(seed),
                    "--threads", str(threads))
                results[which] = tensors(f"{out}/last.safetensors")
            difference = first_difference(results["old"], results["new"])
            count, different = count + 1, different + bool(difference)
            if difference:
                print(f"{shown}, seed {seed}, {threads} threads: {difference}", flush=True)
    if not different:
        print(f"{shown}: {len(results['old'])} tensors of {count} runs are the same", flush=True)
    return count, different


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--fairness", required=True)
    parser.add_argument("--only", help="programs whose file and train hold this text")
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("OPENBLAS_", "OMP_"))]:
        del os.environ[name]
    compilers = {"old": os.path.abspath(arguments.old), "new": os.path.abspath(arguments.new)}
    count = different = 0
    with tempfile.TemporaryDirectory() as folder:
        for program in programs(arguments):
            runs, differing = compare(folder, compilers, *program)
            count, different = count + runs, different + differing
    print(f"{count} runs of {STEPS} steps, {different} differ")
    return 1 if different or not count else 0


if __name__ == "__main__":
    sys.exit(main())
