"""W1 in JAX: a hypernetwork 1-50-7850 generates a softmax regression for one sampled penalty a step."""
import harness

args = harness.parse(__doc__, ["w1"])
import jax
import jax.numpy as jnp
import jax_kit

images, labels = harness.read_mnist(args.data)
images, labels = jnp.asarray(images), jnp.asarray(labels)
batches = harness.index_batches(0, harness.TRAIN, 100)
first_key, second_key, key = jax.random.split(jax.random.key(0), 3)
weights = {"first": jax_kit.linear(first_key, 1, 50), "second": jax_kit.linear(second_key, 50, 7850)}


def objective(weights, penalty, x, y):
    hidden = jax.nn.relu(jax_kit.apply(weights["first"], penalty[None]))
    generated = jax_kit.apply(weights["second"], hidden)
    logits = x @ generated[:7840].reshape(10, 784).T + generated[7840:]
    return jax_kit.cross_entropy(logits, y) + jnp.exp(penalty) * jnp.linalg.norm(generated)


def step(state, images, labels, index):
    weights, adam, key = state
    key, draw = jax.random.split(key)
    penalty = jnp.minimum(1 + 3 * jax.random.normal(draw), 4)
    loss, gradient = jax.value_and_grad(objective)(weights, penalty, images[index], labels[index])
    weights, adam = jax_kit.adam(weights, gradient, adam, 1e-4)
    return (weights, adam, key), loss


step = jax.jit(step, donate_argnums=0)
state = weights, jax_kit.adam_state(weights), key


def cycle():
    global state
    state, loss = step(state, images, labels, next(batches))
    return jax.block_until_ready(loss)


harness.serve(cycle, 1)
