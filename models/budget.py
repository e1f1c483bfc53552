"""The largest model within a budget of trainable values, found by counting on the meta device."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch.nn.modules.module import register_module_parameter_registration_hook

from common.errors import UsageError
from models.defaults import own_defaults

STEPS_A_VALUE = 1024  # of the dial, on average; the slowest shipped dial, GAPlane's, takes about one
MOST_TENSORS = 4096  # of a model: PyTorch takes 0.1 ms to make one


@contextlib.contextmanager
def without_values() -> Iterator[None]:
    """A context in which models are constructed on the meta device, and UsageError ends one that has too many tensors:
    thousands of layers cost no memory there, yet seconds or hours."""
    made = 0

    def tally(*_: Any) -> None:
        nonlocal made
        made += 1
        if made > MOST_TENSORS:
            raise UsageError(
                f"models have up to {MOST_TENSORS:,} tensors, and these settings ask for more; ask for less"
            )

    hook = register_module_parameter_registration_hook(tally)
    try:
        with own_defaults(), torch.device("meta"):
            yield
    finally:
        hook.remove()


class Counted(Protocol):
    """A model, as far as its size is concerned."""

    def count_values(self) -> int:
        """How many real values it stores."""


def count(construct: Callable[[int], Counted], size: int) -> int:
    """How many values a model of that size stores; nothing is allocated."""
    with without_values():
        model = construct(size)
        if type(values := model.count_values()) is not int:
            name, given = type(model).__name__, type(values).__name__
            raise UsageError(f"{name}.count_values gave {given}; it must give an int")
        return values


def largest_that_fits(construct: Callable[[int], Counted], budget: int, smallest: int, name: str) -> int | None:
    """The largest size dial whose model stores at most `budget` values; None when the smallest form exceeds it.

    construct: the model of a size; called on the meta device, so nothing is allocated. name: of the model, for people.

    Doubles until the budget is passed, then bisects: about 2 log2(size) constructions. Relies on
    the contract that the count does not fall when the size grows. Raises UsageError where it does not
    grow either: no size would ever pass the budget.
    """

    def fits(size: int) -> bool:
        return count(construct, size) <= budget

    low = smallest
    if not fits(low):
        return None
    high = 2 * low
    while fits(high):
        if high > STEPS_A_VALUE * (budget + 1):
            raise UsageError(
                f"{name}: its size dial has no effect: at {high:,} it still stores no more than {budget:,} values; "
                "make the values that __init__ creates grow with `size`, or define solve_size"
            )
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
