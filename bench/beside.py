#!/usr/bin/env python3
"""How a run fares beside other programs: the seconds of `PROGRAM train`, start included, alone and beside one and two processes that keep a
processor busy each. Programs take turns within each repetition; the table gives the median, and in brackets the range.

    bench/beside.py --data DIR [--steps N] [--repetitions N] PROGRAM:THREADS...
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time

BUSY = (0, 1, 2)


def seconds(program, threads, flags, busy):
    with tempfile.TemporaryDirectory() as folder:
        others = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(busy)]
        try:
            begin = time.monotonic()
            subprocess.run([program, "train", "--quiet", "--data", flags.data, "--out", folder, "--steps", str(flags.steps), "--threads", threads],
                           check=True, stdout=subprocess.DEVNULL)
            return time.monotonic() - begin
        finally:
            for other in others:
                other.kill()
                other.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("programs", nargs="+", metavar="PROGRAM:THREADS")
    flags = parser.parse_args()
    times = {}
    for _ in range(flags.repetitions):
        for busy in BUSY:
            for name in flags.programs:
                program, threads = name.rsplit(":", 1)
                times.setdefault((name, busy), []).append(seconds(os.path.abspath(program), threads, flags, busy))
    for name in flags.programs:
        cells = [f"{statistics.median(t):.2f} s ({min(t):.2f} to {max(t):.2f})" for t in (times[name, busy] for busy in BUSY)]
        print(f"{name}: alone {cells[0]}, beside one {cells[1]}, beside two {cells[2]}")


if __name__ == "__main__":
    main()
