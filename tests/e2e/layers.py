"""Layers of the standard library beside PyTorch's: layers.py HNC [SEED]. On random shapes, what each layer gives and the gradients of all
of its weights (the change of one step of SGD at rate 1) agree to 1e-5 of the largest number."""
import os
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F

from kit import read_weights, run

HNC = os.path.abspath(sys.argv[1])
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
torch.set_default_dtype(torch.float64)
models = 0  # compared so far


def by_hnc(name, shape, call, x):
    """The results of all rows, the weights before one step of SGD, and their gradients of the mean of all results' squares."""
    global models
    models += 1
    name = f"{name}-{models}"
    np.save("x.npy", x.astype(np.float32))
    dims = ", ".join(map(str, shape))
    n = len(x)
    with open(f"{name}.hn", "w") as file:
        file.write(f"""data d = npy("x.npy") {{ fields x: f32[{dims}]
  split train {n - 1}, valid 1 }}
net f(x: f32[{dims}]) -> f32[n] {{
  {call}
  return flatten(y)
}}
layer scale(x: f32[..s]) -> f32[..s] {{
  weight g: f32[..s] ~ uniform(1)
  return x * g
}}
layer energy(y: f32[n]) -> f32 {{ return sum(square(y)) }}
objective loss(d) = mean(energy(f(d.x)))
const rate = 1e-30
train step = fit {{ minimise loss(d.train) by sgd(rate)
  batch {n - 1}
  epochs 1 }}
export y(x) = f(x)
""")
    run(HNC, "build", f"{name}.hn", "-o", name)
    weights = []
    for rate in "1e-30", "1":
        run(f"./{name}", "train", "--out", f"{name}-{rate}", "--seed", str(SEED), "--quiet", "--set", f"rate={rate}")
        found = read_weights(f"{name}-{rate}/last.safetensors")
        weights.append({key[2:]: np.array(numbers, np.float32).reshape(shape) for key, (shape, numbers) in found.items()
                        if key.startswith("f.")})
    lines = run(f"./{name}", "predict", "--weights", f"{name}-1e-30/last.safetensors", "x.npy").splitlines()
    results = np.array([[float(number) for number in line.split(",")[1:]] for line in lines[1:]])
    gradients = {key: weights[0][key] - weights[1][key] for key in weights[0]}
    return results, weights[0], gradients


def agree(what, ours, theirs):
    theirs = theirs.detach().numpy().reshape(ours.shape)
    largest = max(1e-3, np.abs(theirs).max())
    worst = np.abs(ours - theirs).max() / largest
    if not worst < 1e-5:
        raise SystemExit(f"FAILED: {what} differs by {worst:.2g} of the largest number")
    return worst


def compare(name, shape, call, reference):
    generator = np.random.default_rng(SEED)
    x = generator.standard_normal((17, *shape)).astype(np.float32)
    results, weights, gradients = by_hnc(name, shape, call, x)
    given = {key: torch.tensor(value.astype(np.float64), requires_grad=True) for key, value in weights.items()}
    y = reference(torch.tensor(x.astype(np.float64)), lambda key: given[key if "." in key else f"{name}1.{key}"])
    worst = agree(f"{name}{tuple(shape)}: the result", results, y)
    rows = y[:16].reshape(16, -1)  # those of the split train
    (rows * rows).sum(1).mean().backward()
    largest = max(value.grad.abs().max() for value in given.values())
    for key, value in given.items():
        # a step changes weights in f32: the difference has the error of the weights; and sums that vanish have that of their parts
        slack = np.abs(weights[key]).max() * 2e-7 + largest * 1e-6
        theirs = value.grad.numpy()
        error = np.abs(gradients[key] - theirs).max()
        if not error < 1e-5 * np.abs(theirs).max() + slack:
            raise SystemExit(f"FAILED: {name}{tuple(shape)}: the gradient of {key} differs by {error:.2g} of {np.abs(theirs).max():.2g}")
    print(f"{name}{tuple(shape)}: {worst:.1e}")


def recurrent(module, gates, two_biases):
    def reference(x, w):
        n, m = x.shape[2], w("wh").shape[1]
        net = module(n, m, batch_first=True)
        zero = torch.zeros(gates * m)
        named = {"weight_ih_l0": w("wx"), "weight_hh_l0": w("wh"), "bias_ih_l0": w("bx") if two_biases else w("b"),
                 "bias_hh_l0": w("bh") if two_biases else zero}
        return torch.func.functional_call(net, named, (x,))[0]
    return reference


def attention(heads, causal):
    def reference(x, w):
        n, t = x.shape[2], x.shape[1]
        mask = torch.triu(torch.ones(t, t, dtype=torch.bool), 1) if causal else None
        stacked = torch.cat([w("wq"), w("wk"), w("wv")]), torch.cat([w("bq"), torch.zeros_like(w("bq")), w("bv")])
        x = x.transpose(0, 1)
        return F.multi_head_attention_forward(x, x, x, n, heads, *stacked, None, None, False, 0.0, w("wo"), w("bo"), attn_mask=mask,
                                              need_weights=False)[0].transpose(0, 1)
    return reference


def main():
    dice = random.Random(SEED)
    d = lambda a, b: dice.randint(a, b)
    c, h, w, m, k, stride, padding, dilation = d(1, 5), d(9, 14), d(9, 14), d(1, 9), d(1, 4), d(1, 3), d(0, 2), d(1, 2)
    compare("conv2d", [c, h, w], f"y = conv2d(x, {m}, kernel: {k}, stride: {stride}, padding: {padding}, dilation: {dilation})",
            lambda x, g: F.conv2d(x, g("w"), g("b"), stride, padding, dilation))
    compare("conv1d", [c, w], f"y = conv1d(x, {m}, kernel: {k}, stride: {stride}, padding: {padding}, dilation: {dilation})",
            lambda x, g: F.conv1d(x, g("w"), g("b"), stride, padding, dilation))
    groups = d(2, 3)
    options = f"kernel: {k}, stride: {stride}, padding: {padding}, dilation: {dilation}, groups: {groups}"
    compare("conv2d", [c * groups, h, w], f"y = conv2d(x, {m * groups}, {options})",
            lambda x, g: F.conv2d(x, g("w"), g("b"), stride, padding, dilation, groups))
    compare("conv1d", [c * groups, w], f"y = conv1d(x, {m * groups}, {options}, bias: false)",
            lambda x, g: F.conv1d(x, g("w"), None, stride, padding, dilation, groups))
    compare("max_pool", [c, h, w], f"y = max_pool(scale(x), kernel: {k}, stride: {stride})",
            lambda x, g: F.max_pool2d(x * g("scale1.g"), k, stride))
    compare("avg_pool", [c, h, w], f"y = avg_pool(scale(x), kernel: {k}, stride: {stride})",
            lambda x, g: F.avg_pool2d(x * g("scale1.g"), k, stride))
    t, n, m = d(1, 9), d(1, 7), d(1, 9)
    compare("rnn", [t, n], f"y, h = rnn(x, {m})", recurrent(torch.nn.RNN, 1, False))
    compare("lstm", [t, n], f"y, h, c = lstm(x, {m})", recurrent(torch.nn.LSTM, 4, False))
    compare("gru", [t, n], f"y, h = gru(x, {m})", recurrent(torch.nn.GRU, 3, True))
    heads = d(1, 3)
    n = heads * d(1, 4)
    compare("attention", [t, n], f"y = attention(x, {heads}, causal: true)", attention(heads, True))
    compare("layernorm", [t, n], "y = layernorm(x)", lambda x, g: F.layer_norm(x, [n], g("gamma"), g("beta")))
    compare("rmsnorm", [t, n], "y = rmsnorm(x)", lambda x, g: g("gamma") * x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6))
    groups = d(1, 3)
    c = groups * d(1, 3)
    compare("groupnorm", [c, h, w], f"y = groupnorm(x, {groups})", lambda x, g: F.group_norm(x, groups, g("gamma"), g("beta")))


main()
