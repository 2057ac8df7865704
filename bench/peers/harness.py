"""What the peers share: flags, data, index batches, and the clock.

A peer is a process that bench/run keeps alive beside the others: for each line on stdin, a number of seconds, it trains on for
that long and prints one line of JSON. So all systems take turns within one run and none pays for its start."""
import argparse
import gzip
import json
import os
import sys
import time

import numpy as np

TRAIN, VALID = 50000, 10000
WARMUP_CYCLES = 5  # just-in-time compilers may compile twice


def parse(doc, workloads):
    """The flags; pins every thread pool that reads the environment, so call it before importing a framework."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--workload", choices=workloads, default=workloads[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", required=True, help="folder of the data files")
    parser.add_argument("--compile", action="store_true", help="torch.compile the step's forward and backward pass")
    args = parser.parse_args()
    for pool in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[pool] = str(args.threads)
    return args


def read_idx(folder, name):
    path = os.path.join(folder, name)
    with gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb") as file:
        raw = file.read()
    shape = np.frombuffer(raw, ">i4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def read_mnist(folder):
    """Images [60000, 784] between 0 and 1, and labels."""
    images = read_idx(folder, "train-images-idx3-ubyte").reshape(-1, 784).astype(np.float32) / 255
    return images, read_idx(folder, "train-labels-idx1-ubyte").astype(np.int64)


def read_streams(path, words, streams):
    """A text's tokens [time, streams], numbered in order of appearance."""
    with open(path) as file:
        tokens = [words.setdefault(word, len(words)) for word in file.read().replace("\n", " <eos> ").split()]
    part = len(tokens) // streams
    return np.ascontiguousarray(np.array(tokens[:part * streams]).reshape(streams, part).T)


def index_batches(first, rows, size, seed=0):
    """Rows [first, first + rows) in batches without end, in a fresh order each epoch."""
    generator = np.random.default_rng(seed)
    while True:
        order = first + generator.permutation(rows)
        for i in range(0, rows - size + 1, size):
            yield order[i:i + size]


def serve(cycle, steps, warmup=WARMUP_CYCLES):
    """Answers requests on stdin. `cycle` trains `steps` steps and returns a loss; the first `warmup` cycles are not timed."""

    def train_for(seconds):
        cycles, begin, cpu = 0, time.perf_counter(), time.process_time()
        while True:
            loss = cycle()
            cycles += 1
            passed = time.perf_counter() - begin
            if passed >= seconds:
                return {"steps": cycles * steps, "seconds": passed, "cpu": time.process_time() - cpu, "loss": float(loss)}

    for _ in range(warmup):
        cycle()
    for line in sys.stdin:
        print(json.dumps(train_for(float(line))), flush=True)
