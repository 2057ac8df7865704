"""Pareto hypernetworks in PyTorch (Navon et al., ICLR 2021): the network, the objectives of fairness, and a step of each solver."""
import itertools

import numpy as np
import torch
import torch.nn.functional as F

HIDDEN = (40, 20)  # layers of the target
BALANCED = 1e-4  # non-uniformity under which EPO counts the losses as on the ray


class Generator(torch.nn.Module):
    """A preference to weights of these shapes: two hidden layers, a third linear one, and a linear head a tensor."""

    def __init__(self, objectives, shapes, width):
        super().__init__()
        self.shapes = shapes
        self.trunk = torch.nn.Sequential(torch.nn.Linear(objectives, width), torch.nn.ReLU(), torch.nn.Linear(width, width),
                                         torch.nn.ReLU(), torch.nn.Linear(width, width))
        self.heads = torch.nn.ModuleList(torch.nn.Linear(width, int(np.prod(shape))) for shape in self.shapes)

    def forward(self, ray):
        code = self.trunk(ray)
        return [head(code).view(shape) for head, shape in zip(self.heads, self.shapes)]


class Hypernetwork(torch.nn.Module):
    """A preference to an MLP."""

    def __init__(self, objectives, features, width):
        super().__init__()
        sizes = (features, *HIDDEN, 1)
        self.generator = Generator(objectives, [shape for i, o in zip(sizes, sizes[1:]) for shape in ((o, i), (o,))], width)

    def forward(self, x, ray):
        weights = self.generator(ray)
        for i in range(0, len(weights), 2):
            x = F.linear(x, weights[i], weights[i + 1])
            x = F.relu(x) if i + 2 < len(weights) else x
        return x[:, 0]


class Plain(torch.nn.Module):
    """The target with weights of its own."""

    def __init__(self, features):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(features, HIDDEN[0]), torch.nn.ReLU(),
                                          torch.nn.Linear(*HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN[1], 1))

    def forward(self, x, ray):
        return self.layers(x)[:, 0]


def fairness_losses(logits, cells):
    """Cross-entropy, and the gaps between the groups among negatives and positives [3]; and which of them exist."""
    counts = cells.sum(0)
    means = (torch.tanh(logits / 2) @ cells) / counts.clamp(min=1)
    full = (counts > 0).tolist()
    entropy = F.binary_cross_entropy_with_logits(logits, cells[:, 2] + cells[:, 3])
    return (torch.stack([entropy, (means[0] - means[1]).abs(), (means[2] - means[3]).abs()]),
            [True, full[0] and full[1], full[2] and full[3]])


# ---- EPO (Mahapatra & Rajan, ICML 2020) ----

def best_vertex(cost, rows, bounds):
    """max cost.a over the simplex of m with rows a >= bounds, by all vertices; None where there is no such a."""
    m = len(cost)
    sides, levels = np.vstack([np.eye(m), rows]), np.concatenate([np.zeros(m), bounds])
    pairs = np.array(list(itertools.combinations(range(len(levels)), m - 1)))
    systems = np.concatenate([sides[pairs], np.ones((len(pairs), 1, m))], 1)
    regular = np.abs(np.linalg.det(systems)) > 1e-12
    targets = np.concatenate([levels[pairs[regular]], np.ones((regular.sum(), 1))], 1)
    vertices = np.linalg.solve(systems[regular], targets[..., None])[..., 0]
    slack = vertices @ sides.T - levels
    vertices = vertices[(slack > -1e-9 * (1 + np.abs(sides).sum(1))).all(1)]
    return vertices[np.argmax(vertices @ cost)] if len(vertices) else None


def epo_weights(losses, ray, gram):
    """Weights of the m losses, their sum m, or None where the linear programme has no solution."""
    losses, ray = np.maximum(losses, 1e-12), np.maximum(ray, 1e-12)
    m = len(losses)
    gram = gram * m / max(np.trace(gram), 1e-300)
    weighted = ray * losses
    share = weighted / weighted.sum()
    logs = np.log(m * share)
    mu = share @ logs
    adjustments = ray * (logs - mu)
    progress = gram @ adjustments
    if mu > BALANCED:
        bounds = np.where(progress > 0, -np.inf, progress) if (progress > 0).any() else np.zeros(m)
        bounds[weighted == weighted.max()] = 0
        used = np.isfinite(bounds)
        found = best_vertex(progress, gram[used], bounds[used])
    else:
        found = best_vertex(gram.sum(1), np.vstack([progress, gram]), np.append(min(progress.max(), 0), np.zeros(m)))
    return None if found is None else m * found


# ---- a step ----

class Trainer:
    """Adam on one solver's direction. `fallbacks` counts EPO's steps that took the ray's weights instead. `losses` makes the losses of what
    the net returns and the targets, and says which of them exist."""

    def __init__(self, net, solver, rate, steps=None, mu=None, losses=fairness_losses):
        self.losses = losses
        self.net, self.solver, self.mu, self.fallbacks = net, solver, mu, 0
        self.parameters = list(net.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=rate, fused=True)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps) if steps else None

    def set_epo_gradients(self, losses, ray):
        """Of the losses, weighted by EPO: a backward pass each."""
        gradients = torch.stack([torch.cat([g.flatten() for g in torch.autograd.grad(loss, self.parameters, retain_graph=i + 1 < len(losses))])
                                 for i, loss in enumerate(losses)])
        gram = (gradients @ gradients.T).double().numpy()
        weights = epo_weights(losses.detach().double().numpy(), ray.astype(float), gram)
        if weights is None:
            self.fallbacks += 1
            weights = len(ray) * ray
        direction = torch.from_numpy(weights.astype(np.float32)) @ gradients
        for parameter, piece in zip(self.parameters, direction.split([p.numel() for p in self.parameters])):
            parameter.grad = piece.view_as(parameter)

    def step(self, x, targets, ray):
        """One batch; `ray` is a NumPy vector. Returns the losses."""
        tensor = torch.from_numpy(ray)
        losses, exist = self.losses(self.net(x, tensor), targets)
        if self.solver == "epo" and all(exist):
            self.set_epo_gradients(losses, ray)
        else:
            self.fallbacks += self.solver == "epo"
            weighted = (tensor * losses)[torch.tensor(exist)]
            loss = self.mu * torch.logsumexp(weighted / self.mu, 0) if self.solver == "smooth_tchebycheff" else weighted.sum()
            self.optimizer.zero_grad()
            loss.backward()
        self.optimizer.step()
        if self.schedule:
            self.schedule.step()
        return losses.detach()
