"""A signal by the name of its family, and the check that it is what `Signal` says."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np

from common.errors import UsageError
from target_signals.base import PAPER_LENGTH, Kind, RecordedFamily, Signal, registry


def get_signal(
    name: str,
    dim: int | None = None,
    length: int | None = None,
    bandlimit: float | None = None,
    seed: int = 1234,
    item: str | None = None,
) -> Signal:
    """Build a registered signal; `.values` holds its samples.

    dim: by default 2, or the only one there is.
    length: samples an axis; by default the paper's, 1000 in 2D and 100 in 3D, and a recorded item's own.
    item: which of a recorded family's, by default its first.
    Raises UsageError for an unknown name, a dimension, length, bandlimit or item it does not exist in, or a family that
    gives anything but finite floats of that dimension.
    """
    family = registry.get(name)
    if dim is None:
        dim = 2 if 2 in family.dims else family.dims[0]
    family.check(dim, length, bandlimit)
    if issubclass(family, RecordedFamily):
        item = family.items[0] if item is None else item
        family.check_item(item)
        return _checked(f"{name}.load", dim, family.load(item, length), family.has_finer(item))
    if item is not None:
        raise UsageError(f"{name} has no items, got '{item}'; leave it out")
    long = PAPER_LENGTH.get(dim, 1000) if length is None else length
    return _checked(f"{name}.build", dim, family.build(dim, long, bandlimit, seed), False)


def _checked(maker: str, dim: int, made: Any, has_finer: bool) -> Signal:
    """A signal as it was made, with float32 values as PyTorch takes them. UsageError where it is none of `dim` axes, or
    brings a finer lattice other than its family says."""
    if not isinstance(made, Signal) or not isinstance(made.values, np.ndarray):
        what = f"values of type {type(made.values).__name__}" if isinstance(made, Signal) else type(made).__name__
        raise UsageError(f"{maker} gave {what}; it must give a Signal, whose values are an array")
    values = made.values
    if made.dim != dim or values.ndim - dim not in (0, 1) or values.size == 0 or values.dtype.kind != "f":
        shape = f"of shape {values.shape} with dim {made.dim}"
        must = f"float32 [*shape] or [*shape, C] with dim {dim}"
        raise UsageError(f"{maker} gave values {values.dtype} {shape}; it must give {must}")
    with np.errstate(over="ignore"):
        values = np.require(values, np.float32, ["C", "W"])
    if unfit := values.size - int(np.isfinite(values).sum()):
        raise UsageError(f"{maker} gave {unfit:,} of {values.size:,} values that are NaN, infinite or beyond float32")
    if (wrong := _misfit(made, has_finer)) is not None:
        raise UsageError(f"{maker} gave {wrong}")
    return made if values is made.values else replace(made, values=values)


def _misfit(made: Signal, has_finer: bool) -> str | None:
    """What beside a signal's values is not what `Signal` says, and what it must be; None where all is."""
    if made.kind not in get_args(Kind):
        return f"the kind {made.kind!r}; it must be {', '.join(get_args(Kind))}"
    shape = made.values.shape[: made.dim]
    for ring in map(np.asarray, made.rings):
        if ring.shape != shape or ring.dtype != bool:
            return f"a ring, {ring.dtype} {list(ring.shape)}; each must be bool {list(shape)}"
    if (made.finer is not None) != has_finer:
        said = "has_finer says that there is one" if has_finer else "only a RecordedFamily whose has_finer says so may"
        return f"{'no' if has_finer else 'a'} finer lattice, and {said}"
    if made.finer is None:
        return None
    finer, right = np.asarray(made.finer), made.values.shape[made.dim :]
    if finer.dtype.kind != "f" or finer.ndim != made.values.ndim or finer.shape[made.dim :] != right:
        must = "floats, with as many axes and channels as its values"
        return f"finer values {finer.dtype} {list(finer.shape)}; they must be {must}"
    if not np.isfinite(finer).all():
        return "finer values that are NaN or infinite"
    return None
