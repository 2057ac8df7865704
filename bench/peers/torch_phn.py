"""W5a and W5b in PyTorch: a Pareto hypernetwork on Adult, by linear scalarisation or by EPO."""
import harness

args = harness.parse(__doc__, ["w5a", "w5b"])
import numpy as np
import torch
import torch._functorch.config as compiler_config

import fairness_tables
import torch_pareto

BATCH, WIDTH, RATE, ALPHA = 256, 100, 1e-4, 0.2
torch.set_num_threads(args.threads)
torch.manual_seed(0)
features, cells = map(torch.from_numpy, fairness_tables.split(*fairness_tables.read_table(args.data, "adult"), 0)[0])
batches = harness.index_batches(0, len(features), BATCH)
generator = np.random.default_rng(0)
net = torch_pareto.Hypernetwork(3, features.shape[1], WIDTH)
if args.compile:
    compiler_config.donated_buffer = False  # EPO goes back through a graph more than once
    net = torch.compile(net)
trainer = torch_pareto.Trainer(net, "epo" if args.workload == "w5b" else "linear", RATE)


def step():
    rows = torch.from_numpy(next(batches))
    return trainer.step(features[rows], cells[rows], generator.dirichlet([ALPHA] * 3).astype(np.float32)).sum()


harness.serve(step, 1)
