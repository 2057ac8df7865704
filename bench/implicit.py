#!/usr/bin/env python3
"""models/implicit_images.hn: 25 images by one generator beside 25 networks that are trained alone, and what a step costs whose
images have weights of their own. Two minutes.

    bench/implicit.py --data DIR       the idx files of MNIST or Fashion-MNIST
"""
import argparse
import gzip
import json
import os
import pathlib
import struct
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HNC = ROOT / "build" / "hnc"
IMAGES, PIXELS = 25, 28 * 28


def read(folder, name):
    path = pathlib.Path(folder) / name
    return path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()


def build(text, folder, name, train, data, *more):
    source = pathlib.Path(folder) / f"{name}.hn"
    source.write_text(text)
    program = pathlib.Path(folder) / name
    subprocess.run([HNC, "build", source, "--train", train, "--data", data, "-o", program, *more], check=True)
    return program


def run(program, data, out, *more):
    subprocess.run([program, "train", "--data", data, "--out", out, "--quiet", *more], check=True, stdout=subprocess.DEVNULL)
    return json.loads((pathlib.Path(out) / "metrics.jsonl").read_text().splitlines()[-1])


def split(data, folder):
    """One folder per image, with files that hold it alone."""
    images, labels = read(data, "train-images-idx3-ubyte")[16:], read(data, "train-labels-idx1-ubyte")[8:]
    for i in range(IMAGES):
        alone = pathlib.Path(folder) / f"image{i}"
        alone.mkdir()
        pixels = images[i * PIXELS:(i + 1) * PIXELS]
        (alone / "train-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, 1, 28, 28) + pixels)
        (alone / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, 1) + labels[i:i + 1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--records", help="a file to which the figures are added, one line of JSON")
    options = parser.parse_args()
    model = (ROOT / "models" / "implicit_images.hn").read_text()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        split(options.data, folder)
        alone = build(model, folder, "alone", "alone", f"{folder}/image0", "-D", "images=1")
        errors = [run(alone, f"{folder}/image{i}", f"{folder}/run{i}")["loss.minimise"] for i in range(IMAGES)]
        many = run(build(model, folder, "many", "many", options.data), options.data, f"{folder}/many.run")["loss.minimise"]
        # every image at places of its own: with one set of weights and the same places, one network would do for all images
        own = model.replace("grid(28)) {", "grid(28) + uniform([784, 2]) / 14) {")
        seconds = {}
        for name, text, train in ("many", own, "many"), ("shared", own, "alone"):
            program = build(text, folder, f"step_{name}", train, options.data)
            seconds[name] = min(run(program, options.data, f"{folder}/{name}{k}", "--steps", "300")["seconds"] / 300 for k in range(3))
    mean = sum(errors) / IMAGES
    print(f"error of 25 networks alone        {mean:.5f}")
    print(f"error of 25 by one generator      {many:.5f}  ({many / mean:.2f} times)")
    print(f"a step with one set of weights    {1e3 * seconds['shared']:.2f} ms")
    print(f"a step with 25 sets of weights    {1e3 * seconds['many']:.2f} ms  ({seconds['many'] / seconds['shared']:.2f} times)")
    if options.records:
        record = {"alone": errors, "generator": many, "seconds": seconds}
        with open(options.records, "a") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
