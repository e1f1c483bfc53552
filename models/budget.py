"""The largest model within a budget of trainable values, found by counting on the meta device (SPEC 3)."""

from typing import Any

import torch

from models.base import Representation
from target_signals.lattice import Lattice


def count(cls: type[Representation], config: Any, lattice: Lattice, channels: int, size: int) -> int:
    """How many values a model of that size stores; nothing is allocated."""
    with torch.device("meta"):
        return cls(config, lattice, channels, size).count_values()


def largest_that_fits(
    cls: type[Representation], config: Any, lattice: Lattice, channels: int, budget: int
) -> int | None:
    """The largest size whose count is at most `budget`; None when the smallest form exceeds it.

    Doubles until the budget is passed, then bisects: about 2 log2(size) constructions. Relies on
    the contract that the count does not fall when the size grows.
    """

    def fits(size: int) -> bool:
        return count(cls, config, lattice, channels, size) <= budget

    low = cls.smallest
    if not fits(low):
        return None
    high = 2 * low
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
