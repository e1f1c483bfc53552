"""Which place a model has among the colours: one map for figures and page, whatever models a results folder holds."""

from collections.abc import Collection, Iterable, Sequence

YARDSTICKS = frozenset({"Grid_exact", "BlockDCT", "Wavelet", "FBP"})  # so labelled; to ask the models takes PyTorch


def palette(order: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Every model that may have a colour: those of the protocol in its order, then others by name."""
    known = dict.fromkeys(order)
    return (*known, *sorted({*others} - {*known}))


def place_of(model: str, every: Sequence[str], classical: Collection[str]) -> tuple[int, bool]:
    """A model's place among those of its sort in a `palette`, and whether these are the yardsticks, which are grey.

    classical: yardsticks that rows name as such, beside those of the suite.
    """
    grey = YARDSTICKS | {*classical}
    return [name for name in every if (name in grey) == (model in grey)].index(model), model in grey
