"""What a page shows where there is more than it can hold: always the same, and never picked by score."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def few(values: Sequence[T], most: int) -> tuple[T, ...]:
    """A selection of at most `most`: both ends, and the rest evenly between."""
    if len(values) <= most:
        return tuple(values)
    if most == 1:
        return (values[len(values) // 2],)
    steps = [round(i * (len(values) - 1) / (most - 1)) for i in range(most)]
    return tuple(values[step] for step in steps)


def from_the_middle(values: Sequence[T]) -> list[T]:
    """All of them, the middle one first (of an even number the later of both) and the ends last."""
    centre = len(values) // 2
    return [values[i] for i in sorted(range(len(values)), key=lambda i: abs(i - centre))]
