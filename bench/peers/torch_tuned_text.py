"""models/stn_lstm.hn in PyTorch: an LSTM on Penn Treebank that tunes its dropouts and penalties, or has them fixed. Its weights respond to the
hyperparameters within their bounds."""
import math
import os

import harness
import tuned

flags = tuned.parse(__doc__)
import torch
from hyper import Hyper
from torch_lm import Net, Stream, penalty
from torch_response import Hypers

torch.set_num_threads(flags.threads)
torch.manual_seed(flags.seed)
TUNES = flags.arm == "tuned"
STREAMS, TEST_STREAMS, LENGTH, SIZE = 40, 10, 70, 200
START, WINDOW, CUT, CLIP = 0.05, 5, 0.25, 0.25
HYPERS = {"alpha": Hyper(0, math.inf, START), "beta": Hyper(0, math.inf, START), "into": Hyper(0, 1, START), "between": Hyper(0, 1, START),
          "out": Hyper(0, 1, START), "word": Hyper(0, 1, START, shared=True), "connect": Hyper(0, 1, START, shared=True)}

numbers = {}
texts = {name: harness.read_streams(os.path.join(flags.data, f"ptb.{name}.txt"), numbers, streams)
         for name, streams in (("train", STREAMS), ("valid", STREAMS), ("test", TEST_STREAMS))}
hypers = Hypers(HYPERS, deviation=1.0)
net = Net(len(numbers), SIZE, len(hypers) if TUNES else 0)
optimizer = torch.optim.SGD(net.parameters(), lr=30, fused=True)
hyper_optimizer = torch.optim.Adam([hypers.centre], lr=1e-2, fused=True)
lower_text, upper_text = (Stream(texts[name], LENGTH, net) for name in ("train", "valid"))
losses = []  # of the evaluations, on the validation text


def lower():
    h = hypers.sample(STREAMS).detach() if TUNES else hypers.centre.detach()
    values = hypers.for_batch(h)
    loss, raw, out = lower_text.loss(hypers.bounded(h), values)
    optimizer.zero_grad()
    (loss + penalty(raw, out, values["alpha"], values["beta"])).backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
    optimizer.step()


def upper():
    loss, _, _ = upper_text.loss(hypers.bounded(hypers.centre), None)
    hyper_optimizer.zero_grad()
    loss.backward(inputs=[hypers.centre])
    hyper_optimizer.step()


@torch.no_grad()
def loss_on(name):
    text = Stream(texts[name], LENGTH, net)
    return sum(text.loss(hypers.bounded(hypers.centre), None)[0].item() for _ in range(text.windows)) / text.windows


def evaluate():
    """Where the loss is above its least value before the last WINDOW evaluations, the rate falls."""
    loss = loss_on("valid")
    if loss > min(losses[:-WINDOW], default=math.inf):
        optimizer.param_groups[0]["lr"] *= CUT
    losses.append(loss)
    event = {"fit(ptb.valid)": loss, "perplexity(ptb.valid)": math.exp(loss), "perplexity(ptb.test)": math.exp(loss_on("test"))}
    return {**event, **(hypers.logged() if TUNES else {})}


if __name__ == "__main__":
    tuned.train(flags, lower_text.windows, lower, evaluate, upper if TUNES else None, warmup=1)
