"""Pareto hypernetworks (Navon et al., ICLR 2021) in JAX, as torch_pareto.py has them: the network, and a step by linear scalarisation or by EPO."""
import jax
import jax.numpy as jnp
import jax_epo
import jax_kit
import numpy as np


class Generator:
    """A preference to weights of these shapes: two hidden layers, a third linear one, and a linear head a tensor."""

    def __init__(self, objectives, shapes, width):
        self.objectives, self.shapes, self.width = objectives, shapes, width

    def first_weights(self, key):
        keys, width = jax.random.split(key, 3 + len(self.shapes)), self.width
        return {"trunk": [jax_kit.linear(k, i, width) for k, i in zip(keys, (self.objectives, width, width))],
                "heads": [jax_kit.linear(k, width, int(np.prod(shape))) for k, shape in zip(keys[3:], self.shapes)]}

    def __call__(self, weights, ray):
        first, second, third = weights["trunk"]
        code = jax_kit.apply(third, jax.nn.relu(jax_kit.apply(second, jax.nn.relu(jax_kit.apply(first, ray)))))
        return [jax_kit.apply(head, code).reshape(shape) for head, shape in zip(weights["heads"], self.shapes)]


# ---- solvers: a loss, and the direction of a step for all weights; losses_of(weights) returns the losses, and which of them exist ----

def linear(losses_of, weights, ray):
    def weighted(weights):
        losses, exist = losses_of(weights)
        return (ray * losses * exist).sum()

    return jax.value_and_grad(weighted)(weights)


def product(a, b):
    """Of two gradients."""
    return sum(jax.tree_util.tree_leaves(jax_kit.tree_map(jnp.vdot, a, b)))


def epo(losses_of, weights, ray):
    """The direction is a weighted sum of the losses' gradients; the ray weighs those losses that exist where one does not."""
    losses, pull, exist = jax.vjp(losses_of, weights, has_aux=True)
    gradients = [pull(one)[0] for one in jnp.eye(len(ray), dtype=losses.dtype)]
    gram = jnp.stack([jnp.stack([product(a, b) for b in gradients]) for a in gradients])
    alpha, _ = jax_epo.weights(losses, ray, gram)
    alpha = jnp.where(exist.all(), alpha, ray * exist).astype(losses.dtype)
    return losses.sum(), jax_kit.tree_map(lambda *leaves: sum(a * leaf for a, leaf in zip(alpha, leaves)), *gradients)


class Trainer:
    """Adam on one solver's direction for one sampled ray a step. losses_of(weights, ray, x, targets): the losses, and which of them exist."""

    def __init__(self, weights, losses_of, solver, objectives, rate, alpha, key):
        def step(state, xs, targets, index):
            weights, adam, key = state
            key, draw = jax.random.split(key)
            ray = jax.random.dirichlet(draw, jnp.full(objectives, alpha, jnp.float32), dtype=jnp.float32)
            loss, gradient = solver(lambda weights: losses_of(weights, ray, xs[index], targets[index]), weights, ray)
            weights, adam = jax_kit.adam(weights, gradient, adam, rate)
            return (weights, adam, key), loss

        self.jitted, self.state = jax.jit(step, donate_argnums=0), (weights, jax_kit.adam_state(weights), key)

    def step(self, xs, targets, index):
        """One batch, these rows; returns a loss."""
        self.state, loss = self.jitted(self.state, xs, targets, index)
        return jax.block_until_ready(loss)
