"""W4 and W4u in JAX: an LSTM language model of 2 x 650 on Penn Treebank with tied embeddings, windows of 70 words of 40 streams. W4 is a
self-tuning network with seven hyperparameters, two lower steps to an upper one; W4u has the same dropout and no hyperparameters."""
import harness

args = harness.parse(__doc__, ["w4", "w4u"])
import jax
import jax.numpy as jnp
import jax_kit
import jax_response
from hyper import Hyper

STREAMS, LENGTH, SIZE = 40, 70, 650
TUNES = args.workload == "w4"
HYPERS = {name: Hyper(0, 1, 0.05, shared=name in ("word", "connect")) for name in ("alpha", "beta", "into", "between", "out", "word", "connect")}
hypers = jax_response.Hypers(HYPERS, deviation=1.0)


# ---- an LSTM whose weights respond to h, output by output, of [time, streams, numbers] ----

def first_layer(key):
    keys, bound, copies = jax.random.split(key, 4), SIZE ** -0.5, 2 if TUNES else 1
    layer = {name: jax_kit.uniform(k, bound, SIZE, copies * 4 * SIZE) for name, k in zip(("wx", "wh"), keys)}
    layer["b"] = jax_kit.uniform(keys[2], bound, copies, 4 * SIZE)
    return {**layer, "scale": 0.01 * jax.random.normal(keys[3], (len(hypers), 3 * 4 * SIZE))} if TUNES else layer


def product(x, w, s):
    """s: [streams, outputs], where W and U are both in w; or None."""
    if s is None:
        return x @ w
    plain, responses = jnp.split(x @ w, 2, -1)
    return plain + s * responses


def scan(z, wh, s, state):
    def step(state, z):
        a, c = state
        i, f, g, o = jnp.split(z + product(a, wh, s), 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        a = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (a, c), a

    state, out = jax.lax.scan(step, state, z)
    return out, state


@jax.custom_vjp
def recurrent(z, wh, s, state):
    """What every step leaves, and the state behind the last one; z: what the inputs add. The gradient of wh is one product of all steps; lax.scan
    would add up a product of each."""
    return scan(z, wh, s, state)


def forward(z, wh, s, state):
    out, pull = jax.vjp(lambda z, s, state: scan(z, wh, s, state), z, s, state)
    return out, (pull, state[0], out[0], s)


def backward(kept, gradient):
    pull, first, out, s = kept
    z, s_gradient, state = pull(gradient)
    before = jnp.concatenate([first[None], out[:-1]])
    both = z if s is None else jnp.concatenate([z, s * z], 2)
    return z, jnp.tensordot(before, both, ((0, 1), (0, 1))), s_gradient, state


recurrent.defvjp(forward, backward)


def lstm(layer, xs, state, h, key, drop):
    """As `recurrent`. h: [hyperparameters], the same for all streams, or [streams, hyperparameters]. drop: the share of recurrent weights that is
    dropped, or None."""
    wx, wh, b, sx, sh = layer["wx"], layer["wh"], layer["b"][0], None, None
    if drop is not None:
        keep = jax.random.uniform(key, (SIZE, 4 * SIZE)) >= drop
        wh = wh * jnp.tile(keep / (1 - drop), (1, len(layer["b"])))
    if TUNES:
        sx, sh, sb = jnp.split(h @ layer["scale"], 3, -1)
        b = b + sb * layer["b"][1]
        if h.ndim == 1:
            (wx, sx), (wh, sh) = ((w[:, :4 * SIZE] + s * w[:, 4 * SIZE:], None) for w, s in ((wx, sx), (wh, sh)))
    return recurrent(product(xs, wx, sx) + b, wh, sh, state)


# ---- the language model ----

def first_net(key):
    """The embedding is the output's matrix, too, and does not respond; all other weights do in W4."""
    words_key, scale_key, *keys = jax.random.split(key, 4)
    net = {"words": jax_kit.uniform(words_key, 0.1, WORDS, SIZE), "bias": jnp.zeros((2 if TUNES else 1, WORDS)),
           "layers": [first_layer(k) for k in keys]}
    return {**net, "scale": 0.01 * jax.random.normal(scale_key, (len(hypers), WORDS))} if TUNES else net


def locked_dropout(key, x, rate):
    """The same numbers in all steps. rate: of each stream, or one for all."""
    return x * jax_response.dropout(key, jnp.ones(x.shape[1:]), rate)


def network(net, tokens, states, h, rates, key):
    """Logits, states, and the activations before and behind the last dropout. rates: {into, between, out, word, connect}; None: nothing is
    dropped."""
    x, after = net["words"][tokens], []
    if rates is not None:
        word_key, into_key, *keys = jax.random.split(key, 6)
        x = x * jax_response.dropout(word_key, jnp.ones(WORDS), rates["word"])[tokens][..., None]
        x = locked_dropout(into_key, x, rates["into"])
    for i, layer in enumerate(net["layers"]):
        raw, state = lstm(layer, x, states[i], h, None, None) if rates is None else lstm(layer, x, states[i], h, keys[i], rates["connect"])
        x = raw if rates is None else locked_dropout(keys[2 + i], raw, rates["out" if i else "between"])
        after.append(state)
    bias = net["bias"][0] + (h @ net["scale"] * net["bias"][1] if TUNES else 0)
    return x @ net["words"].T + bias, after, raw, x


def objective(net, h, values, rates, key, states, text, at):
    """The loss of the window `at` of a text, and the states behind it; before the first window they are zeros."""
    states = jax_kit.tree_map(lambda state: jnp.where(at == 0, 0, state), states)
    window = jax.lax.dynamic_slice_in_dim(text, at * LENGTH, LENGTH + 1)
    logits, states, raw, out = network(net, window[:-1], states, h, rates, key)
    loss = jax_kit.cross_entropy(logits.reshape(-1, WORDS), window[1:].ravel())
    squares = jnp.square(out).mean((0, 2)), jnp.square(raw[1:] - raw[:-1]).mean((0, 2))
    return loss + (values["alpha"] * squares[0]).mean() + (values["beta"] * squares[1]).mean(), states


def lower_objective(net, trained, key, *window):
    draw, key = jax.random.split(key)
    h = hypers.sample(trained, draw, STREAMS) if TUNES else trained["centre"]
    values = hypers.natural(h)
    return objective(net, hypers.bounded(h), values, values, key, *window)


def upper_objective(centre, net, *window):
    return objective(net, hypers.bounded(centre), hypers.natural(centre), None, None, *window)


def lower_step(state, trained, text, at):
    net, states, key = state
    key, draw = jax.random.split(key)
    (loss, states), gradient = jax.value_and_grad(lower_objective, has_aux=True)(net, trained, draw, states, text, at)
    return (jax_kit.sgd(net, jax_kit.clipped(gradient, 0.25), 30), states, key), loss


def upper_step(state, net, text, at):
    trained, adam, states = state
    gradient, states = jax.grad(upper_objective, has_aux=True)(trained["centre"], net, states, text, at)
    centre, adam = jax_kit.adam(trained["centre"], gradient, adam, 1e-2)
    return {**trained, "centre": centre}, adam, states


def places(text):
    """Of windows, in order, without end."""
    while True:
        yield from range((len(text) - 1) // LENGTH)


numbers = {}
train, valid = (jnp.asarray(harness.read_streams(f"{args.data}/ptb.{name}.txt", numbers, STREAMS)) for name in ("train", "valid"))
WORDS = len(numbers)
train_places, valid_places = places(train), places(valid)
net_key, key = jax.random.split(jax.random.key(0))
first_states = lambda: [tuple(jnp.zeros((STREAMS, SIZE)) for _ in range(2)) for _ in range(2)]
state = first_net(net_key), first_states(), key
upper_state = hypers.first, jax_kit.adam_state(hypers.first["centre"]), first_states()
lower_step, upper_step = jax.jit(lower_step, donate_argnums=0), jax.jit(upper_step, donate_argnums=0)


def cycle():
    global state, upper_state
    for _ in range(2 if TUNES else 1):
        state, loss = lower_step(state, upper_state[0], train, next(train_places))
    if TUNES:
        upper_state = upper_step(upper_state, state[0], valid, next(valid_places))
    jax.block_until_ready(upper_state)
    return jax.block_until_ready(loss)


harness.serve(cycle, 3 if TUNES else 1, warmup=1)
