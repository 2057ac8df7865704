"""What the peers of bench/tuning.py share: flags, and a run of so many seconds that writes what hnc's metrics.jsonl has."""
import argparse
import json
import os
import time


def parse(doc):
    """The flags; pins every thread pool that reads the environment, so call it before importing a framework."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--data", required=True, help="folder of the data files")
    parser.add_argument("--arm", choices=("tuned", "untuned"), required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of training, in which evaluation does not count")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True, help="the file of evaluations, one line of JSON each")
    flags = parser.parse_args()
    for pool in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[pool] = str(flags.threads)
    return flags


def train(flags, epoch_steps, lower, evaluate, upper=None, warmup=0, every=2):
    """Calls `lower`, and after `warmup` epochs `upper` behind every so many of them, until the seconds are over. An evaluation, {metric: value},
    follows every epoch and the last step."""
    seconds, step, over = 0.0, 0, False
    with open(flags.out, "w") as file:
        while not over:
            begin = time.perf_counter()
            lower()
            step += 1
            since = step - warmup * epoch_steps
            if upper and since > 0 and since % every == 0:
                upper()
            seconds += time.perf_counter() - begin
            over = seconds >= flags.seconds
            if over or step % epoch_steps == 0:
                event = {"event": "epoch", "step": step, "epoch": step / epoch_steps, "seconds": seconds, **evaluate()}
                file.write(json.dumps(event) + "\n")
                file.flush()
