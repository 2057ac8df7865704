#!/usr/bin/env python3
"""Inference of a Pareto hypernetwork on Adult (models/fairness_adult.hn, train front_tuned), one person at a time, by an object of
`hnc aot`, PyTorch, and ONNX Runtime on the specialised net; systems take turns in one run, on one thread.

    generate   the weights for a preference, then one score
    cached     one score with weights that are there
    fixed      one score by a net whose preference was fixed when it was compiled

Medians over the repetitions, in microseconds, with the range; PyTorch runs as it is and as a frozen trace, and the faster counts.

    bench/inference.py --hnc build/hnc --tables DIR          (needs torch; onnxruntime if it is there)
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "adult.h"
#include "fixed.h"
static _Alignas(64) unsigned char workspace[ADULT_WORKSPACE_BYTES + FIXED_WORKSPACE_BYTES], weights[ADULT_GENERATE_WEIGHTS_BYTES];
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}
int main(int argc, char **argv)
{
    double budget = 1e6 * atof(argv[argc - 1]);
    float x[ADULT_SCORE_X_SIZE], r[3] = {1, 1, 1}, y = 0, sum = 0;
    for (int i = 0; i < ADULT_SCORE_X_SIZE; i++)
        x[i] = (float)(i * 37 % 11) / 11 - 0.5f;
    adult_generate(r, weights, workspace);
    for (int kind = 0; kind < 3; kind++) {
        double begin = now(), end = begin;
        long calls = 0;
        for (; end - begin < budget; end = now())
            for (int i = 0; i < 100; i++, calls++) {
                if (kind == 0)
                    adult_score(x, r, &y, workspace);
                else if (kind == 1)
                    adult_score_with(weights, x, &y, workspace);
                else
                    fixed_score(x, &y, workspace);
                sum += y;
            }
        printf("%.6g ", (end - begin) / (double)calls);
    }
    printf("%.9g\n", y + 0 * sum);
    return 0;
}
"""


def build(hnc, tables, folder):
    model = os.path.join(HERE, "..", "models", "fairness_adult.hn")
    environment = dict(os.environ, HNC_DATA=os.path.abspath(tables))
    run = lambda *words: subprocess.run(words, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    train = ["--train", "front_tuned", "--cpu=native"]
    run(hnc, "build", model, "-o", "model", *train)
    run("./model", "train", "--quiet", "--out", "run", "--steps", "20", "--data", environment["HNC_DATA"])
    weights = ["--weights", "run/last.safetensors"]
    run(hnc, "aot", model, "-o", "adult", *weights, *train)
    run(hnc, "aot", model, "-o", "fixed", *weights, *train, "--fix", "r=1,1,1", "--emit=header,object,onnx")
    with open(os.path.join(folder, "measure.c"), "w") as file:
        file.write(PROGRAM)
    run("cc", "-O2", "-std=gnu11", "measure.c", "adult.o", "fixed.o", "-o", "measure", "-lm")


def measure_hnc(folder, seconds):
    output = subprocess.run(["./measure", str(seconds)], check=True, cwd=folder, capture_output=True, text=True).stdout
    return dict(zip(("generate", "cached", "fixed"), map(float, output.split())))


def timed(call, seconds):
    for _ in range(20):
        call()
    begin, calls = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        for _ in range(20):
            call()
        calls += 20
    return 1e6 * (time.perf_counter() - begin) / calls


def torch_calls(features):
    import torch
    sys.path.insert(0, os.path.join(HERE, "peers"))
    import torch_pareto
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = torch_pareto.Hypernetwork(3, features, 100).eval().requires_grad_(False)
    x, ray = torch.randn(1, features), torch.full((3,), 1 / 3)

    class Cached(torch.nn.Module):
        """The target with the weights of one preference."""

        def __init__(self):
            super().__init__()
            code = net.trunk(ray)
            weights = [head(code).view(shape).detach().clone() for head, shape in zip(net.heads, net.shapes)]
            self.weights = torch.nn.ParameterList(torch.nn.Parameter(w, requires_grad=False) for w in weights)

        def forward(self, x):
            w = self.weights
            for i in range(0, 6, 2):
                x = torch.nn.functional.linear(x, w[i], w[i + 1])
                x = torch.relu(x) if i < 4 else x
            return torch.sigmoid(x[:, 0])

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, ray):
            return torch.sigmoid(self.net(x, ray))

    calls = {}
    for name, module, inputs in (("generate", Whole().eval(), (x, ray)), ("cached", Cached().eval(), (x,))):
        with torch.no_grad():
            traced = torch.jit.freeze(torch.jit.trace(module, inputs))
        calls[name] = [lambda module=module, inputs=inputs: module(*inputs) for module in (module, traced)]
    return torch, calls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hnc", default="hnc")
    parser.add_argument("--tables", required=True, help="folder of adult.data and adult.test")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each figure in each repetition")
    flags = parser.parse_args()
    machine.clear_switches()
    with tempfile.TemporaryDirectory(prefix="hnc-bench-") as folder:
        build(os.path.abspath(flags.hnc), flags.tables, folder)
        torch, calls = torch_calls(105)
        session = feed = None
        try:
            import numpy
            import onnxruntime
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            session = onnxruntime.InferenceSession(os.path.join(folder, "fixed.onnx"), options, providers=["CPUExecutionProvider"])
            feed = {"x": numpy.zeros(105, numpy.float32)}
        except ImportError:
            print("onnxruntime is not there: left out")
        figures = {}
        note = lambda system, case, value: figures.setdefault((system, case), []).append(value)
        for _ in range(flags.repetitions):
            for case, value in measure_hnc(folder, flags.seconds).items():
                note("hnc", case, value)
            with torch.inference_mode():
                for case, ways in calls.items():
                    note("PyTorch " + torch.__version__.split("+")[0], case, min(timed(way, flags.seconds) for way in ways))
            if session:
                note("ONNX Runtime " + onnxruntime.__version__, "fixed", timed(lambda: session.run(None, feed), flags.seconds))
    print(f"{machine.processor()}, one thread")
    own = {case: statistics.median(values) for (system, case), values in figures.items() if system == "hnc"}
    for (system, case), values in figures.items():
        median = statistics.median(values)
        print(f"{case:9} {system:22} {median:9.3f} us  [{min(values):.3f}, {max(values):.3f}]"
              + ("" if system == "hnc" else f"  {median / own[case]:6.1f} x hnc"))


if __name__ == "__main__":
    main()
