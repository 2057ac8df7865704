"""The workloads: files, and the least work of a step.

Operations count each multiplication and addition of the published algorithm, without algebraic shortcuts. Bytes are compulsory
traffic: weights and optimizer state read and written once an update, weights read again where the backward pass needs them."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    name: str
    summary: str
    model: str  # of bench/
    peer: str  # bench/peers/{torch,jax}_PEER.py
    data: str  # mnist; tables: Adult; words: Penn Treebank; none: the model makes its examples
    flops: float  # a step, averaged over lower and upper ones
    traffic: float  # bytes a step
    footprint: int  # bytes of weights and optimizer state
    train: str = ""  # the block of the model, where it has several
    calibration: int = 50  # lower steps after which the rate is known well enough
    tasks: int = 1  # how many the model learns one after the other, by the constant `tasks`; a step costs the same in each

    def limit(self, gflops, gbytes):
        """Steps per second that the machine allows: the lower of its two roofs."""
        return min(1e9 * gflops / self.flops, 1e9 * gbytes / self.traffic)


def forward_flops(batch, sizes):
    return sum(2 * batch * i * o for i, o in zip(sizes, sizes[1:]))


def weight_count(*sizes):
    return sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))


def global_response():
    generated = weight_count(784, 10)
    weights = weight_count(1, 50, generated)
    regression = 2 * forward_flops(100, (784, 10))  # forward, and the gradient of its generated weights
    hypernet = 3 * forward_flops(1, (50, generated))
    adam = 10 * weights
    return Workload("W1", "global best response, 784x10 regression, hypernetwork 1-50-7850, batch 100, Adam", "w1.hn", "global", "mnist",
                    regression + hypernet + adam, 4 * weights * (3 * 2 + 2), 4 * 3 * weights)


def self_tuning(name, width, optimizer, states, update_flops, model):
    """Two products for each of the plain net's: with W_elem and with W_hyper."""
    sizes = (784, width, width, 10)
    weights = 2 * weight_count(*sizes)
    forward = 2 * forward_flops(128, sizes)
    to_inputs = 2 * forward_flops(128, sizes[1:])  # gradients of activations; the images need none
    lower = 2 * forward + to_inputs + update_flops * weights
    upper = forward + to_inputs
    traffic = 4 * weights * (5 * (2 * states + 2) + 2) / 6
    return Workload(name, f"self-tuning network 784-{width}-{width}-10, batch 128, 5 lower : 1 upper, {optimizer}", model, "stn",
                    "mnist", (5 * lower + upper) / 6, traffic, 4 * states * weights)


def language(name, tunes):
    """An LSTM of 2 x 650 on windows of 70 words of 40 streams, its embeddings tied; tuned, each weight of the LSTM is two."""
    words, size, rows, copies = 10000, 650, 70 * 40, 2 if tunes else 1
    decoder, lstm = 2 * rows * size * words, 2 * 2 * copies * 2 * rows * size * 4 * size  # two layers, two matrices of each
    weights = size * words + 4 * copies * 4 * size * size
    lower, upper = 3 * (decoder + lstm) + 4 * weights, 2 * (decoder + lstm)
    flops = (2 * lower + upper) / 3 if tunes else lower
    summary = "self-tuning LSTM, 7 hyperparameters, 2 lower : 1 upper" if tunes else "LSTM"
    return Workload(name, f"{summary}, 2 x 650, Penn Treebank, 70 words of 40 streams, SGD", "w4.hn", "stn_lstm", "words", flops,
                    4 * weights * (4 if tunes else 5), 4 * weights, "tune" if tunes else "untuned", calibration=2)


def pareto(name, solver, objectives_passes):
    """A hypernetwork 3-100-100-100 for Adult's 105-40-20-1, a ray a batch of 256. EPO: a backward pass for each of three objectives,
    and the products of their gradients."""
    sizes = (105, 40, 20, 1)
    generated = weight_count(*sizes)
    weights = weight_count(3, 100, 100, 100, generated)
    forward = forward_flops(256, sizes) + forward_flops(1, (3, 100, 100, 100, generated))
    backward = forward_flops(256, sizes) + forward_flops(256, sizes[1:]) + 2 * forward_flops(1, (100, 100, 100, generated))
    products = 0 if objectives_passes == 1 else (objectives_passes * (objectives_passes + 1) + 2 * objectives_passes) * weights
    return Workload(name, f"Pareto hypernetwork, Adult, three objectives, {solver}", "w5.hn", "phn", "tables",
                    forward + objectives_passes * backward + products + 10 * weights, 4 * weights * (3 * 2 + 2), 4 * 3 * weights, solver)


def continual(name, old):
    """A chunked hypernetwork 32-25-25-78000 makes 784-1000-1000-10 of the task at hand and, for the regulariser, of all old ones."""
    sizes = (784, 1000, 1000, 10)
    chunks = -(-weight_count(*sizes) // 78000)
    weights = weight_count(32, 25, 25, 78000) + chunks * 8
    target = 2 * forward_flops(128, sizes) + forward_flops(128, sizes[1:])  # the images need no gradient
    generate = 3 * forward_flops(chunks, (32, 25, 25, 78000))
    adam = 2 * 10 * weights  # the step ahead, and the step
    return Workload(name, f"permuted MNIST after {old} other task{'s' if old > 1 else ''}, chunked hypernetwork, batch 128, Adam, lookahead",
                    "w6.hn", "continual", "mnist", target + (old + 1) * generate + adam, 4 * weights * (3 * 2 + 2), 4 * 3 * weights,
                    tasks=old + 1)


CONVOLUTIONS = ((3, 64, 16), (64, 192, 8), (192, 384, 4), (384, 256, 4), (256, 256, 4))  # channels in and out, side of the output


def images(name, tunes):
    """A network like AlexNet; tuned, two products for each of the plain net's, as in self_tuning."""
    sizes, copies = (1024, 4096, 4096, 10), 2 if tunes else 1
    weights = copies * (sum((9 * i + 1) * o for i, o, _ in CONVOLUTIONS) + weight_count(*sizes))
    convolutions = [2 * 128 * 9 * i * o * side * side for i, o, side in CONVOLUTIONS]
    forward = copies * (sum(convolutions) + forward_flops(128, sizes))
    to_inputs = copies * (sum(convolutions[1:]) + forward_flops(128, sizes))
    lower, upper = 2 * forward + to_inputs + 4 * weights, forward + to_inputs
    flops, updates = ((5 * lower + upper) / 6, 5 / 6) if tunes else (lower, 1)
    summary = "self-tuning network like AlexNet, 15 hyperparameters, 5 lower : 1 upper" if tunes else "network like AlexNet"
    return Workload(name, f"{summary}, batch 128, SGD with momentum", "w3.hn", "cnn", "none", flops,
                    4 * weights * (updates * 2 * 2 + 2), 4 * 2 * weights, "tune" if tunes else "untuned", calibration=10)


def pareto_images(name, solver, backward_passes):
    """A hypernetwork 2-100-100-100 for a LeNet of two tasks on 36x36 images, a ray a batch of 256."""
    generated, batch, hidden = 31910, 256, (2, 100, 100, 100)
    weights = weight_count(*hidden, generated)
    first, second = 2 * batch * 10 * 28 * 28 * 81, 2 * batch * 20 * 10 * 10 * 250
    full = forward_flops(batch, (500, 50, 20))
    generate = forward_flops(1, (*hidden, generated))
    forward = first + second + full + generate
    backward = first + 2 * second + 2 * full + 2 * generate  # the images need no gradient
    products = 0 if backward_passes == 1 else (backward_passes * (backward_passes + 1) + 2 * backward_passes) * weights
    return Workload(name, f"Pareto hypernetwork, LeNet with two tasks, {solver}", "w5c.hn", "lenet", "none",
                    forward + backward_passes * backward + products + 10 * weights, 4 * weights * (3 * 2 + 2), 4 * 3 * weights, solver)


def gradient_flops(batch, sizes):
    """Of a loss with respect to the weights; what goes in needs none."""
    return 2 * forward_flops(batch, sizes) + forward_flops(batch, sizes[1:])


def second_flops(batch, sizes):
    """Of the derivative of that gradient along a direction of the weights, or of a product with it: two products for each of the gradient's, but
    one where what goes in has no derivative."""
    return 2 * forward_flops(batch, sizes) + 4 * forward_flops(batch, sizes[1:])


def hypergradient(name, method, train):
    """A perceptron with a weight decay per layer. Ten steps, then the derivative of the upper loss through the minimum, by a Neumann series of five
    products, or through the steps."""
    sizes = (784, 200, 200, 10)
    weights, implicit = weight_count(*sizes), train == "neumann"
    steps = 10 * (gradient_flops(128, sizes) + 4 * weights) + gradient_flops(500, sizes)
    through = gradient_flops(128, sizes) + 5 * second_flops(128, sizes) if implicit else 10 * second_flops(128, sizes)
    count = 12 if implicit else 11
    return Workload(name, f"perceptron 784-200-200-10, a decay per layer tuned {method}, batch 128, SGD with momentum", "w8.hn", "hypergradient", "mnist",
                    (steps + through) / count, 4 * weights * 6 * 10 / count, 4 * 2 * weights, train)


def meta_learning():
    sizes, points, curves, steps = (1, 40, 40, 1), 10, 25, 5
    weights = weight_count(*sizes)
    adapted = steps * (gradient_flops(points, sizes) + second_flops(points, sizes) + 2 * weights) + gradient_flops(points, sizes)
    return Workload("W9", "MAML on sines, five steps on ten points, 25 curves a batch, 1-40-40-1, Adam", "w9.hn", "maml", "none",
                    curves * adapted + 10 * weights, 4 * weights * (3 * 2 + 2), 4 * 3 * weights)


WORKLOADS = (global_response(),
             self_tuning("W2", 1200, "SGD with momentum", 2, 4, "w2.hn"),
             self_tuning("W2s", 300, "Adam, weight decay", 3, 10, "w2s.hn"),
             images("W3", True),
             images("W3u", False),
             language("W4", True),
             language("W4u", False),
             pareto("W5a", "linear", 1),
             pareto("W5b", "epo", 3),
             pareto_images("W5c", "linear", 1),
             pareto_images("W5d", "epo", 2),
             continual("W6a", 1),
             continual("W6b", 9),
             continual("W6c", 99),
             hypergradient("W8a", "by implicit differentiation, a Neumann series of 5 terms", "neumann"),
             hypergradient("W8b", "through 10 steps", "reverse"),
             meta_learning())
