"""What a task asks of a model: beside the lattice, the one thing that models and tasks both know."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What a task asks beyond values at the samples of the training lattice.

    pointwise: whether every sample's own value is observed, if with noise. Only then can an answer be computed from
    the values at once, and a lattice be trained in mini-batches; otherwise a model is trained through an operator.
    off_lattice: whether values between the samples of the training lattice are scored.
    invertible: whether a classical method makes values at the samples of what is observed otherwise.
    """

    pointwise: bool = True
    off_lattice: bool = False
    invertible: bool = False
