"""The range of a scale that keeps differences visible: a few values that lie far from the others are left outside."""

from collections.abc import Sequence

import numpy as np

REACH = 1.5  # quartile ranges beyond a quartile at which Tukey's fences stand


def frame(values: Sequence[float]) -> tuple[float, float]:
    """The least and greatest of the values, of which there is one at least, within Tukey's fences."""
    low, high = np.quantile(values, [0.25, 0.75])
    reach = REACH * (high - low)
    inside = [value for value in values if low - reach <= value <= high + reach]
    return min(inside), max(inside)
