"""What is worth its cost: the Pareto front of some points."""

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def front(points: Iterable[T], cost: Callable[[T], float], score: Callable[[T], float]) -> list[T]:
    """The points that no other one beats in both cost and score, of which less and more are better; the cheapest
    first."""
    best, found = -math.inf, []
    for point in sorted(points, key=lambda point: (cost(point), -score(point))):
        if score(point) > best:
            best = score(point)
            found.append(point)
    return found
