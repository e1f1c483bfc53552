"""How a signal is observed: linear operators from values on a lattice to what a model is trained on."""

from typing import Protocol

from torch import Tensor


class Operator(Protocol):
    """Linear map of values on the training lattice: [H, *shape, C] → [H, *observed, C].

    pointwise: whether it is the identity, so that an observation needs one point alone; only then
    can a lattice be trained in mini-batches.
    """

    pointwise: bool

    def __call__(self, values: Tensor) -> Tensor: ...


class Identity:
    """Every value is observed as it is."""

    pointwise = True

    def __call__(self, values: Tensor) -> Tensor:
        return values
