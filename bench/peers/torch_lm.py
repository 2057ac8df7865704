"""An LSTM language model in PyTorch whose weights respond to hyperparameters, its dropouts, and texts in parallel streams: models/stn_lstm.hn."""
import torch
import torch.nn.functional as F


class Layer(torch.nn.Module):
    """An LSTM whose weights respond to the hyperparameters h, row by row. Both products of a step with one matrix are one product."""

    def __init__(self, size, hypers):
        super().__init__()
        copies, bound = 2 if hypers else 1, size ** -0.5
        self.wx, self.wh = (torch.nn.Parameter(torch.empty(copies, 4 * size, size).uniform_(-bound, bound)) for _ in range(2))
        self.b = torch.nn.Parameter(torch.empty(copies, 4 * size).uniform_(-bound, bound))
        self.scale = torch.nn.Parameter(torch.randn(hypers, 3 * 4 * size) * 0.01) if hypers else None

    def forward(self, xs, state, h, drop):
        """What every step leaves, and the state behind the last one. h: [hyperparameters], the same for all streams, or [streams,
        hyperparameters]. drop: the share of recurrent weights that is dropped, or None."""
        wh = self.wh
        if drop is not None:
            wh = wh * (torch.rand(wh.shape[1:]) >= drop).float().div_(1 - drop)
        if self.scale is None:
            return plain_lstm(xs, state, self.wx[0], wh[0], self.b[0])
        sx, sh, sb = (h @ self.scale).chunk(3, -1)
        b = self.b[0] + sb * self.b[1]
        if h.dim() == 1:
            return plain_lstm(xs, state, *(w[0] + s[:, None] * w[1] for w, s in ((self.wx, sx), (wh, sh))), b)
        plain, responses = F.linear(xs, self.wx.flatten(0, 1)).chunk(2, 2)
        out, (a, c), wh = [], state, wh.flatten(0, 1).t()
        for z in torch.addcmul(plain + b, sx, responses).unbind(0):
            plain, response = (a @ wh).chunk(2, 1)
            i, f, g, o = torch.addcmul(z + plain, sh, response).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            a = o.sigmoid() * c.tanh()
            out.append(a)
        return torch.stack(out), (a.detach(), c.detach())


def plain_lstm(xs, state, wx, wh, b):
    states = [part.unsqueeze(0) for part in state]
    out, a, c = torch.lstm(xs, states, [wx, wh, b, torch.zeros_like(b)], True, 1, 0.0, True, False, False)
    return out, (a[0].detach(), c[0].detach())


def locked_dropout(x, rate):
    """The same numbers in all steps. rate: of each stream, or one for all."""
    keep = 1 - rate.view(-1, 1)
    return x * ((torch.rand(x.shape[1:]) < keep) / keep)


class Net(torch.nn.Module):
    """The embedding is the output's matrix, too, and does not respond; all other weights do unless `hypers` is 0."""

    def __init__(self, vocabulary, size, hypers):
        super().__init__()
        self.size = size
        self.words = torch.nn.Parameter(torch.empty(vocabulary, size).uniform_(-0.1, 0.1))
        self.bias = torch.nn.Parameter(torch.zeros(2 if hypers else 1, vocabulary))
        self.scale = torch.nn.Parameter(torch.randn(hypers, vocabulary) * 0.01) if hypers else None
        self.layers = torch.nn.ModuleList([Layer(size, hypers), Layer(size, hypers)])

    def first_states(self, streams):
        return [(torch.zeros(streams, self.size),) * 2 for _ in self.layers]

    def forward(self, tokens, states, h, rates):
        """Logits, states, and the activations before and behind the last dropout. rates: {into, between, out, word, connect}; None: nothing is
        dropped."""
        x, after = F.embedding(tokens, self.words), []
        if rates is not None:
            keep = 1 - rates["word"]
            x = x * (torch.rand(len(self.words)) < keep).float().div_(keep)[tokens].unsqueeze(2)
            x = locked_dropout(x, rates["into"])
        for i, layer in enumerate(self.layers):
            raw, state = layer(x, states[i], h, None if rates is None else rates["connect"])
            x = raw if rates is None else locked_dropout(raw, rates["out" if i else "between"])
            after.append(state)
        bias = self.bias[0] if self.scale is None else self.bias[0] + (h @ self.scale) * self.bias[1]
        logits = F.linear(x, self.words, bias) if bias.dim() == 1 else x @ self.words.t() + bias
        return logits, after, raw, x


class Stream:
    """Windows of a text [time, streams] in order, and the states that the window before has left; both begin anew behind the last window."""

    def __init__(self, data, length, net):
        self.data, self.length, self.net, self.at, self.states = torch.from_numpy(data), length, net, 0, None
        self.windows = (len(data) - 1) // length

    def loss(self, h, rates):
        """The cross-entropy of the next window, and the activations before and behind the last dropout."""
        if self.at == 0:
            self.states = self.net.first_states(self.data.shape[1])
        first = self.at * self.length
        tokens, labels = (self.data[i:i + self.length] for i in (first, first + 1))
        self.at = (self.at + 1) % self.windows
        logits, self.states, raw, out = self.net(tokens, self.states, h, rates)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten()), raw, out


def penalty(raw, out, alpha, beta):
    """Of activations, and of their change from word to word; alpha and beta: of each stream, or one for all."""
    return (alpha * out.square().mean((0, 2))).mean() + (beta * (raw[1:] - raw[:-1]).square().mean((0, 2))).mean()
