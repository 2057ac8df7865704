"""W4 and W4u in PyTorch: an LSTM language model of 2 x 650 on Penn Treebank with tied embeddings, windows of 70 words of 40 streams. W4 is a
self-tuning network with seven hyperparameters, two lower steps to an upper one; W4u has the same dropout and no hyperparameters."""
import harness

args = harness.parse(__doc__, ["w4", "w4u"])
import torch
from hyper import Hyper
from torch_lm import Net, Stream, penalty
from torch_response import Hypers

torch.set_num_threads(args.threads)
torch.manual_seed(0)
STREAMS, LENGTH, SIZE = 40, 70, 650
TUNES = args.workload == "w4"
HYPERS = {name: Hyper(0, 1, 0.05, shared=name in ("word", "connect")) for name in ("alpha", "beta", "into", "between", "out", "word", "connect")}

numbers = {}
texts = [harness.read_streams(f"{args.data}/ptb.{name}.txt", numbers, STREAMS) for name in ("train", "valid")]
hypers = Hypers(HYPERS, deviation=1.0)
net = Net(len(numbers), SIZE, len(hypers) if TUNES else 0)
train, valid = (Stream(text, LENGTH, net) for text in texts)
optimizer = torch.optim.SGD(net.parameters(), lr=30, foreach=True)
hyper_optimizer = torch.optim.Adam([hypers.centre], lr=1e-2, fused=True)


def loss_of(stream, h, values, rates):
    loss, raw, out = stream.loss(h, rates)
    return loss + penalty(raw, out, values["alpha"], values["beta"])


def lower_step():
    h = hypers.sample(STREAMS).detach() if TUNES else hypers.centre.detach()
    values = hypers.for_batch(h)
    loss = loss_of(train, hypers.bounded(h), values, values)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 0.25)
    optimizer.step()
    return loss.detach()


def upper_step():
    loss = loss_of(valid, hypers.bounded(hypers.centre), hypers.natural(hypers.centre), None)
    hyper_optimizer.zero_grad()
    loss.backward(inputs=[hypers.centre])
    hyper_optimizer.step()


def cycle():
    for _ in range(2):
        loss = lower_step()
    upper_step()
    return loss


harness.serve(cycle if TUNES else lower_step, 3 if TUNES else 1, warmup=1)
