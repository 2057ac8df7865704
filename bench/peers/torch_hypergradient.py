"""W8a and W8b in PyTorch: a tuned weight decay per layer, by implicit differentiation (a Neumann series of 5 products by double
backward, after each 10 steps) and by differentiating through 10 steps."""
import harness

args = harness.parse(__doc__, ["w8a", "w8b"])
import torch
import torch.nn.functional as F

torch.set_num_threads(args.threads)
torch.manual_seed(0)
BATCH, UPPER_BATCH, RATE, MOMENTUM, TERMS, STEPS = 128, 500, 0.05, 0.9, 5, 10
SIZES = (784, 200, 200, 10)

images, labels = map(torch.from_numpy, harness.read_mnist(args.data))
lower_batches = harness.index_batches(0, harness.TRAIN, BATCH)
upper_batches = harness.index_batches(harness.TRAIN, harness.VALID, UPPER_BATCH)
decays = torch.full((3,), 1e-5).log().requires_grad_()
hyper_optimizer = torch.optim.Adam([decays], lr=0.03)
weights = []
for inputs, outputs in zip(SIZES, SIZES[1:]):
    weights += [torch.empty(outputs, inputs), torch.empty(outputs)]
    for weight in weights[-2:]:
        torch.nn.init.uniform_(weight, -inputs ** -0.5, inputs ** -0.5).requires_grad_()
optimizer = torch.optim.SGD(weights, lr=RATE, momentum=MOMENTUM, fused=True)


def fit(w, batches):
    i = torch.from_numpy(next(batches))
    x = images[i]
    for k in range(0, 6, 2):
        x = F.linear(x, w[k], w[k + 1])
        x = F.relu(x) if k < 4 else x
    return F.cross_entropy(x, labels[i])


def decayed(w):
    squares = torch.stack([w[k].square().sum() + w[k + 1].square().sum() for k in range(0, 6, 2)])
    return fit(w, lower_batches) + (decays.exp() * squares).sum()


def lower_step():
    loss = decayed(weights)
    optimizer.zero_grad()
    loss.backward(inputs=weights)
    optimizer.step()
    return loss.detach()


def implicit_step():
    right = torch.autograd.grad(fit(weights, upper_batches), weights)
    gradient = torch.autograd.grad(decayed(weights), weights, create_graph=True)
    left, solution = list(right), [RATE * r for r in right]
    for _ in range(TERMS):
        products = torch.autograd.grad(gradient, weights, left, retain_graph=True)
        torch._foreach_sub_(left, products, alpha=RATE)
        torch._foreach_add_(solution, left, alpha=RATE)
    decays.grad = -torch.autograd.grad(gradient, decays, solution)[0]
    hyper_optimizer.step()


def implicit_cycle():
    for _ in range(STEPS):
        loss = lower_step()
    implicit_step()
    return loss


def unrolled_cycle():
    """The steps go on from where the last ones ended, velocities included."""
    global weights, velocities
    w, v = weights, velocities
    for _ in range(STEPS):
        loss = decayed(w)
        gradient = torch.autograd.grad(loss, w, create_graph=True)
        v = [MOMENTUM * a + g for a, g in zip(v, gradient)]
        w = [a - RATE * b for a, b in zip(w, v)]
    decays.grad = torch.autograd.grad(fit(w, upper_batches), decays)[0]
    hyper_optimizer.step()
    weights = [a.detach().requires_grad_() for a in w]
    velocities = [a.detach() for a in v]
    return loss.detach()


velocities = [torch.zeros_like(w) for w in weights]
if args.workload == "w8a":
    harness.serve(implicit_cycle, STEPS + 2)  # the steps, the derivative of the upper loss, and the solve
else:
    harness.serve(unrolled_cycle, STEPS + 1)
