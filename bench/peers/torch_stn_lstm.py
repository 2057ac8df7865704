"""W4 and W4u in PyTorch: an LSTM language model of 2 x 650 on Penn Treebank with tied embeddings, windows of 70 words of 40 streams. W4 is a
self-tuning network with seven hyperparameters, two lower steps to an upper one; W4u has the same dropout and no hyperparameters."""
import harness

args = harness.parse(__doc__, ["w4", "w4u"])
import torch
import torch.nn.functional as F

torch.set_num_threads(args.threads)
torch.manual_seed(0)
STREAMS, LENGTH, SIZE = 40, 70, 650
TUNES = args.workload == "w4"
ALPHA, BETA, INTO, BETWEEN, OUT, WORD, CONNECT = range(7)
PLAIN = 0.05


def read_streams(name, words):
    """Tokens [time, streams], numbered in order of appearance."""
    with open(f"{args.data}/ptb.{name}.txt") as file:
        tokens = [words.setdefault(word, len(words)) for word in file.read().replace("\n", " <eos> ").split()]
    part = len(tokens) // STREAMS
    return torch.tensor(tokens[:part * STREAMS]).view(STREAMS, part).t().contiguous()


class Layer(torch.nn.Module):
    """An LSTM whose weights respond to the hyperparameters h, row by row. Both products of a step with one matrix are one product."""

    def __init__(self):
        super().__init__()
        copies, bound = 2 if TUNES else 1, SIZE ** -0.5
        self.wx, self.wh = (torch.nn.Parameter(torch.empty(copies, 4 * SIZE, SIZE).uniform_(-bound, bound)) for _ in range(2))
        self.b = torch.nn.Parameter(torch.empty(copies, 4 * SIZE).uniform_(-bound, bound))
        if TUNES:
            self.scale = torch.nn.Linear(7, 3 * 4 * SIZE, bias=False)

    def forward(self, xs, state, h, drop):
        wh = self.wh
        if drop is not None:
            wh = wh * (torch.rand(wh.shape[1:]) >= drop).float().div_(1 - drop)
        wh = wh.reshape(-1, SIZE).t()
        zs = F.linear(xs, self.wx.view(-1, SIZE))
        if TUNES:
            sx, sh, sb = self.scale(h).chunk(3, 1)
            plain, responses = zs.chunk(2, 2)
            zs = plain + sx * responses + (self.b[0] + sb * self.b[1])
        else:
            zs = zs + self.b[0]
        out, (a, c) = [], state
        for z in zs.unbind(0):
            product = a @ wh
            if TUNES:
                plain, response = product.chunk(2, 1)
                product = plain + sh * response
            z = z + product
            i, f, o = z[:, :SIZE].sigmoid(), z[:, SIZE:2 * SIZE].sigmoid(), z[:, 3 * SIZE:].sigmoid()
            c = f * c + i * z[:, 2 * SIZE:3 * SIZE].tanh()
            a = o * c.tanh()
            out.append(a)
        return torch.stack(out), (a.detach(), c.detach())


def locked_dropout(x, rate):
    keep = 1 - rate
    return x * (torch.rand(x.shape[1:]) < keep).float().div_(keep)


class Net(torch.nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.words = torch.nn.Parameter(torch.empty(vocabulary, SIZE).uniform_(-0.1, 0.1))
        self.bias = torch.nn.Parameter(torch.zeros(2 if TUNES else 1, vocabulary))
        self.scale = torch.nn.Linear(7, vocabulary, bias=False) if TUNES else None
        self.layers = torch.nn.ModuleList([Layer(), Layer()])

    def forward(self, tokens, states, h, rates):
        """`rates`: per hyperparameter, [streams, 1] or a number; None: nothing is dropped."""
        x, after = self.words[tokens], []
        if rates is not None:
            keep = 1 - rates[WORD]
            x = x * (torch.rand(len(self.words)) < keep).float().div_(keep)[tokens].unsqueeze(2)
            x = locked_dropout(x, rates[INTO])
        for i, layer in enumerate(self.layers):
            raw, state = layer(x, states[i], h, None if rates is None else rates[CONNECT])
            x = raw if rates is None else locked_dropout(raw, rates[OUT if i else BETWEEN])
            after.append(state)
        bias = self.bias[0] + self.scale(h) * self.bias[1] if TUNES else self.bias[0]
        return x @ self.words.t() + bias, after, raw, x


class Stream:
    def __init__(self, data):
        self.data, self.at, self.states = data, 0, None

    def next(self):
        if self.states is None or self.at + LENGTH + 1 > len(self.data):
            self.at, self.states = 0, [(torch.zeros(STREAMS, SIZE),) * 2 for _ in range(2)]
        window = self.data[self.at:self.at + LENGTH + 1]
        self.at += LENGTH
        return window[:-1], window[1:]


numbers = {}
train, valid = (Stream(read_streams(name, numbers)) for name in ("train", "valid"))
net = Net(len(numbers))
centre = torch.full((7,), PLAIN).logit().requires_grad_()
optimizer = torch.optim.SGD(net.parameters(), lr=30, foreach=True)
hyper_optimizer = torch.optim.Adam([centre], lr=1e-2, fused=True)


def loss_of(stream, h, penalties, rates):
    tokens, labels = stream.next()
    logits, stream.states, raw, out = net(tokens, stream.states, h, rates)
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    return loss + (penalties[0] * out.square().mean((0, 2))).mean() + (penalties[1] * (raw[1:] - raw[:-1]).square().mean((0, 2))).mean()


def lower_step():
    h, penalties, rates = None, [PLAIN, PLAIN], [PLAIN] * 7
    if TUNES:
        h = centre.detach() + torch.randn(STREAMS, 7)
        h[:, WORD:] = h[0, WORD:].clone()
        values = h.sigmoid()
        penalties, rates = values[:, :2].t(), [values[:, i:i + 1] for i in range(WORD)] + [values[0, WORD], values[0, CONNECT]]
    loss = loss_of(train, h, penalties, rates)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 0.25)
    optimizer.step()
    return loss.detach()


def upper_step():
    h = centre.expand(STREAMS, 7)
    loss = loss_of(valid, h, h.sigmoid()[:, :2].t(), None)
    hyper_optimizer.zero_grad()
    loss.backward(inputs=[centre])
    hyper_optimizer.step()


def cycle():
    for _ in range(2):
        loss = lower_step()
    upper_step()
    return loss


harness.serve(cycle if TUNES else lower_step, 3 if TUNES else 1, warmup=1)
