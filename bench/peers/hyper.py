"""A hyperparameter of the peers' self-tuning networks, as hnc's `hyper` declares it; PyTorch and JAX read it alike."""
import math
from typing import NamedTuple


class Hyper(NamedTuple):
    """`count` hyperparameters between two bounds, or above 0 if `high` is infinite. `whole`: an integer. `shared`: one draw for a whole batch."""
    low: float
    high: float
    start: float
    count: int = 1
    whole: bool = False
    shared: bool = False

    def unconstrained_start(self):
        if math.isinf(self.high):
            return math.log(math.expm1(self.start))
        share = (self.start + self.whole / 2 - self.low) / (self.high + self.whole - self.low)
        return math.log(share / (1 - share))


def unconstrained_spread(deviation):
    """Of which the softplus is the deviation."""
    return math.log(math.expm1(deviation))
