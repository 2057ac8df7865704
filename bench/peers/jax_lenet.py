"""W5c and W5d in JAX: a Pareto hypernetwork for a LeNet with two tasks, by linear scalarisation or by EPO."""
import harness

args = harness.parse(__doc__, ["w5c", "w5d"])
import jax

jax.config.update("jax_enable_x64", args.workload == "w5d")  # for the linear programme; the net is in single precision
import jax.numpy as jnp
import jax_kit
import jax_pareto

BATCH, IMAGES, RATE, ALPHA = 256, 4096, 1e-4, 0.2
SHAPES = ((9, 9, 1, 10), (10,), (5, 5, 10, 20), (20,), (500, 50), (50,), (50, 10), (10,), (50, 10), (10,))
generator = jax_pareto.Generator(2, SHAPES, 100)


def swap_inner(x, shape):
    """The two axes in the middle of six change places; then the result has this shape."""
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(shape)


def convolve(x, kernel):
    """As jax_kit.convolve of an even side and an odd kernel. Blocks of 2 x 2 pixels become channels: on few channels, XLA takes twice as long, most
    of it for the kernel's derivative."""
    batch, side, _, inputs = x.shape
    size, outputs = len(kernel), kernel.shape[3]
    half, wide, made = side // 2, (size + 1) // 2, (side - size + 1) // 2
    blocks = swap_inner(x.reshape(batch, half, 2, half, 2, inputs), (batch, half, half, 4 * inputs))
    moved = jnp.stack([jnp.pad(kernel, ((i, 1 - i), (j, 1 - j), (0, 0), (0, 0))) for i in range(2) for j in range(2)], 3)
    moved = moved.reshape(wide, 2, wide, 2, inputs, 4 * outputs).transpose(0, 2, 1, 3, 4, 5).reshape(wide, wide, 4 * inputs, 4 * outputs)
    y = jax_kit.convolve(blocks, moved).reshape(batch, made, made, 2, 2, outputs)
    return swap_inner(y, (batch, 2 * made, 2 * made, outputs))


def lenet(x, w):
    x = jax_kit.max_pool(jax.nn.relu(convolve(x, w[0]) + w[1]))
    x = jax_kit.max_pool(jax.nn.relu(convolve(x, w[2]) + w[3]))
    x = x.reshape(len(x), -1) @ w[4] + w[5]
    return x @ w[6] + w[7], x @ w[8] + w[9]


def losses_of(weights, ray, x, labels):
    logits = lenet(x, generator(weights, ray))
    return jnp.stack([jax_kit.cross_entropy(logits[i], labels[:, i]) for i in range(2)]), jnp.ones(2, bool)


image_key, label_key, net_key, ray_key = jax.random.split(jax.random.key(0), 4)
images = jax.random.uniform(image_key, (IMAGES, 36, 36, 1), jnp.float32)
labels = jax.random.randint(label_key, (IMAGES, 2), 0, 10)
batches = harness.index_batches(0, IMAGES, BATCH)
solver = jax_pareto.epo if args.workload == "w5d" else jax_pareto.linear
trainer = jax_pareto.Trainer(generator.first_weights(net_key), losses_of, solver, 2, RATE, ALPHA, ray_key)
harness.serve(lambda: trainer.step(images, labels, next(batches)), 1)
