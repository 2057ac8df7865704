"""A language model over streams beside PyTorch's: text.py HNC. From the same weights, an epoch of SGD with clipping over the windows of five
streams, whose state goes on from window to window without gradients, leaves the same weights and the same perplexity."""
import os
import random
import sys

import numpy as np
import torch

from kit import read_weights, run

HNC = os.path.abspath(sys.argv[1])
MODEL = """data d = text("train-lm.txt", unit: word, length: 6, streams: 5) { valid text("valid-lm.txt", streams: 3) }
net lm(tokens: class[v][t]) -> f32[t, v] {
  carried h: f32[8], c: f32[8]
  xs = each(word in tokens) { embedding(word, 5) }
  hs, h1, c1 = lstm(xs, 8, h, c)
  update h = h1, c = c1
  return each(x in hs) { linear(x, v) }
}
layer nll(logits: f32[t, v], next: class[v][t]) -> f32 { return mean(each(z in logits, label in next) { cross_entropy(z, label) }) }
objective fit(e) = mean(nll(lm(e.tokens), e.next))
objective perplexity(e) = exp(mean(nll(lm(e.tokens), e.next)))
train go = fit {
  minimise fit(d.train) by sgd(2, clip: 0.1)
  report perplexity(d.valid), fit(d.train)
  batch 5
  epochs 3
}
"""
NAMES = {"embedding.weight": "embedding1.table", "lstm.weight_ih_l0": "lstm1.wx", "lstm.weight_hh_l0": "lstm1.wh", "lstm.bias_ih_l0": "lstm1.b",
         "linear.weight": "linear1.w", "linear.bias": "linear1.b"}


def weights_after(epochs):
    run("./lm", "train", "--quiet", "--out", f"lm-{epochs}", "--epochs", str(epochs))
    found = read_weights(f"lm-{epochs}/last.safetensors")
    return {theirs: np.array(found["lm." + ours][1]).reshape(found["lm." + ours][0]) for theirs, ours in NAMES.items()}


class Net(torch.nn.Module):
    def __init__(self, words):
        super().__init__()
        self.embedding, self.lstm, self.linear = torch.nn.Embedding(words, 5), torch.nn.LSTM(5, 8), torch.nn.Linear(8, words)

    def forward(self, tokens, state):
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.linear(hidden), state


def streams(name, count, vocabulary):
    words = open(name).read().replace("\n", " <eos> ").split()
    numbers = torch.tensor([vocabulary.setdefault(word, len(vocabulary)) for word in words])
    return numbers[:len(numbers) // count * count].view(count, -1).t()


def losses(net, rows):
    state = None
    for begin in range(0, (len(rows) - 1) // 6 * 6, 6):
        logits, state = net(rows[begin:begin + 6], state)
        state = tuple(part.detach() for part in state)
        yield torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[begin + 1:begin + 7].flatten())


def main():
    random.seed(2)
    for name, lines in ("train-lm.txt", 80), ("valid-lm.txt", 30):
        with open(name, "w") as file:
            file.writelines(" ".join(f"w{random.randrange(11)}" for _ in range(random.randrange(3, 9))) + "\n" for _ in range(lines))
    open("lm.hn", "w").write(MODEL)
    run(HNC, "build", "--data", ".", "lm.hn", "-o", "lm")
    before, after, vocabulary = weights_after(1), weights_after(2), {}
    train, valid = streams("train-lm.txt", 5, vocabulary), streams("valid-lm.txt", 3, vocabulary)
    net = Net(len(vocabulary)).double()
    net.load_state_dict({"lstm.bias_hh_l0": torch.zeros(32), **{name: torch.tensor(value) for name, value in before.items()}})
    net.lstm.bias_hh_l0.requires_grad_(False)  # one bias, as ours
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    for loss in losses(net, train):
        for weight in trained:
            weight.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 0.1)
        with torch.no_grad():
            for weight in trained:
                weight -= 2 * weight.grad
    for name, value in net.state_dict().items():
        if name in after and not np.abs(value.numpy() - after[name]).max() < 1e-5:
            raise SystemExit(f"FAILED: {name} differs by {np.abs(value.numpy() - after[name]).max():.2g} after an epoch")
    said = dict(line.split() for line in run("./lm", "eval", "--weights", "lm-2/last.safetensors").splitlines())
    with torch.no_grad():
        mean = torch.stack(list(losses(net, valid))).mean().exp().item()
    if not abs(float(said["perplexity(d.valid)"]) / mean - 1) < 1e-5:
        raise SystemExit(f"FAILED: the perplexity is {said['perplexity(d.valid)']}, not {mean:.7g}")
    print("an LSTM over streams: an epoch and a perplexity as PyTorch's")


main()
