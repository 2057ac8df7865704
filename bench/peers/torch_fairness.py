"""models/fairness_*.hn in PyTorch, on the same rows for a seed and the same rays: one line of JSON a seed.

--rays 25 trains a Pareto hypernetwork, --rays 10 one plain network for each of ten rays."""
import argparse
import json
import time

import numpy as np
import torch

import fairness_tables
import torch_pareto

def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of the tables")
    parser.add_argument("--table", choices=fairness_tables.TABLES, required=True)
    parser.add_argument("--solver", choices=["linear", "epo", "smooth_tchebycheff"], required=True)
    parser.add_argument("--rays", type=int, choices=[10, 25], required=True)
    parser.add_argument("--width", type=int, help="of the hypernetwork's layers")
    parser.add_argument("--mu", type=float)
    parser.add_argument("--alpha", type=float, help="concentration of the rays")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def centroids(folds, both):
    """Of the triangles that cut the simplex `folds` times: the upright ones, and the inverted ones if `both`."""
    upright = [(3 * i + 1, 3 * j + 1, 3 * (folds - 1 - i - j) + 1) for i in range(folds) for j in range(folds - i)]
    inverted = [(3 * i + 2, 3 * j + 2, 3 * (folds - 2 - i - j) + 2) for i in range(folds - 1) for j in range(folds - 1 - i)]
    return np.array(upright + inverted * both, np.float32) / (3 * folds)


def hypervolume(points):
    """Exact, of three objectives, towards (1, 1, 1): slices along the last one, a staircase in each."""
    points = sorted((p for p in points.astype(float).tolist() if max(p) < 1), key=lambda p: p[2])
    tops = [p[2] for p in points[1:]] + [1]
    total = 0
    for i, (point, top) in enumerate(zip(points, tops)):
        area, height = 0, 1
        for x, y, _ in sorted(points[:i + 1]):
            area += (1 - x) * max(height - y, 0)
            height = min(height, y)
        total += (top - point[2]) * area
    return total


def uniformity(points, rays):
    """Mean of 1 - KL of the weighted losses from equal shares (Navon et al., ICLR 2021)."""
    shares = rays.astype(float) * np.maximum(points, 1e-12)
    shares /= shares.sum(1, keepdims=True)
    return np.mean(1 - (shares * np.log(3 * shares)).sum(1))


def train(net, part, draw, generator):
    features, cells = part
    batches = len(features) // args.batch
    trainer = torch_pareto.Trainer(net, args.solver, args.rate, args.epochs * batches, args.mu)
    for _ in range(args.epochs):
        order = torch.from_numpy(generator.permutation(len(features)))
        for i in range(batches):
            rows = order[i * args.batch:(i + 1) * args.batch]
            trainer.step(features[rows], cells[rows], draw())
    return args.epochs * batches, trainer.fallbacks


def evaluate(net, part, ray):
    with torch.no_grad():
        return torch_pareto.fairness_losses(net(part[0], torch.from_numpy(ray)), part[1])[0].tolist()


def run(seed, table):
    training, _, test = [tuple(map(torch.from_numpy, part)) for part in fairness_tables.split(*table, seed)]
    torch.manual_seed(seed)
    generator = np.random.default_rng(1000 + seed)
    features, rays = training[0].shape[1], centroids(5, True) if args.rays == 25 else centroids(4, False)
    begin = time.perf_counter()
    if args.rays == 25:
        nets = [torch_pareto.Hypernetwork(3, features, args.width)] * len(rays)
        counts = [train(nets[0], training, lambda: generator.dirichlet([args.alpha] * 3).astype(np.float32), generator)]
    else:
        nets = [torch_pareto.Plain(features) for _ in rays]
        counts = [train(net, training, lambda: ray, generator) for net, ray in zip(nets, rays)]
    seconds = time.perf_counter() - begin
    points = np.array([evaluate(net, test, ray) for net, ray in zip(nets, rays)])
    print(json.dumps({"seed": seed, "hypervolume": hypervolume(points), "uniformity": uniformity(points, rays),
                      "least": points.min(0).tolist(), "largest": points.max(0).tolist(), "seconds": seconds,
                      "steps": sum(c[0] for c in counts), "fallbacks": sum(c[1] for c in counts)}), flush=True)


args = parse()
torch.set_num_threads(args.threads)
table = fairness_tables.read_table(args.data, args.table)
for seed in args.seeds:
    run(seed, table)
