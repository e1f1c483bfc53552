"""How a model's score rises with its budget."""

import dataclasses
import math
from typing import NamedTuple

from harness.analysis.comparison import Comparison, Place
from harness.analysis.significance import Difference
from harness.analysis.winner import improvement
from harness.analysis.wording import difference
from target_signals.tasks.metrics import METRICS

PSNR = METRICS["psnr"]


class Rise(NamedTuple):
    """What a budget brought over the last smaller one, over the same draws. a_doubling: of the budget, between them.

    values: that the signal has itself, of several the smallest.
    """

    before: int
    after: int
    a_doubling: Difference
    values: int

    @property
    def next(self) -> int | None:
        """Twice the budget, unless the signal has fewer values than that."""
        return 2 * self.after if 2 * self.after <= self.values else None


def rise(comparison: Comparison, place: Place) -> Rise | None:
    """How much a doubling of the budget brought; None where the model has no scores of the same draws at a smaller
    one."""
    known = comparison.scores(place)
    for before in (size for size in reversed(comparison.sizes) if 0 < size < place.size):
        earlier = comparison.scores(place._replace(size=before))
        if known and {cell.draw for cell in earlier} == {cell.draw for cell in known}:
            whole = improvement(earlier, known, PSNR)
            doublings = math.log2(place.size / before)
            a_doubling = {name: getattr(whole, name) / doublings for name in ("mean", "low", "high")}
            values = min(math.prod(row["shape"]) for row in comparison.ended(place))
            return Rise(before, place.size, dataclasses.replace(whole, **a_doubling), values)
    return None


def told_rise(found: Rise | None, score: Difference) -> str:
    """What more budget would buy, at most one doubling ahead. score: of the larger budget."""
    if found is None:
        return "not known, as no smaller budget has the same draws"
    between = f"from {found.before:,} to {found.after:,}"
    if PSNR.text(found.a_doubling.mean) == PSNR.text(0.0) or found.a_doubling.mean < 0:
        return f"no rise {between}"
    text = f"{difference(found.a_doubling, PSNR)} a doubling {between}"
    if found.next is None:
        return f"{text}; twice as much would be more than the {found.values:,} values of the signal itself"
    return f"{text}; {found.next:,} may reach {PSNR.text(score.mean + found.a_doubling.mean)} dB, if that goes on"
