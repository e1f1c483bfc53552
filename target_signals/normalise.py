"""A user's values brought to [0, 1], and words for how they got there."""

import numpy as np

from common.files import Unfit
from target_signals.base import is_binary

UNUSED = 4  # times below white from which a 16-bit picture's largest value is remarked on
DARK, PART = 0.99, 20  # share of floats, and of their range, that leave PSNR to the few others
LOOKED_AT = 1_000_000  # values that tell this


def normalise(values: np.ndarray, peak: float | None) -> tuple[np.ndarray, tuple[float, float], str]:
    """Values as float32 in [0, 1]; what 0 and 1 were; and how they got there.

    peak: what white is; without one, values of 0 and 1 stay and all others are scaled from their own range.
    Raises Unfit for values that are not finite or all the same.
    """
    check_values(values)
    low, high = values.min(), values.max()
    if values.dtype.kind == "b" or (peak is None and is_binary(values)):
        return values.astype(np.float32), (0.0, 1.0), "0 and 1 as they are"
    if peak == 1:
        how = "from 0 to 1 as they are" if low >= 0 and high <= 1 else f"clipped from [{low:g}, {high:g}] to [0, 1]"
        return values.clip(0, 1).astype(np.float32), (0.0, 1.0), how
    if peak is not None:
        return (values / np.float32(peak)).astype(np.float32), (0.0, peak), f"divided by {peak:g}"
    if values.dtype.kind in "iu":
        # differences modulo 2⁶⁴ are exact for every type of integer, float64 is not
        above = values.astype(np.uint64) - np.uint64(int(low) % 2**64)
        scaled = above / (int(high) - int(low))
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # what float64 does not hold is refused below
            wide = values.astype(np.float64)
            low, high = wide.min(), wide.max()
            if not np.isfinite(high - low):  # the range overflows: half of it does not
                wide, low, high = wide / 2, low / 2, high / 2
            fits = np.isfinite(high - low) and high > low
        if not fits:
            raise Unfit(f"its values, {values.min()} to {values.max()}, do not fit into float64; rescale them")
        scaled = (wide - low) / (high - low)
    own = float(values.min()), float(values.max())
    return scaled.astype(np.float32), own, f"scaled from [{own[0]:g}, {own[1]:g}] to [0, 1]"


def check_values(values: np.ndarray) -> None:
    """Refuse values that are not finite, and what is constant."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(values.size - np.isfinite(values).sum())
        raise Unfit(f"{bad} of its {values.size} values are NaN or infinite; replace them")
    if values.min() == values.max():
        raise Unfit(f"all its values are {values.min()}; there is nothing to fit, give another")


def remark(values: np.ndarray, peak: float | None, scaled: np.ndarray) -> list[str]:
    """A hint where a 16-bit picture uses a small part of its range, as 12-bit cameras leave it, or nearly all values of
    an array of floats do, as in a picture of high dynamic range.

    scaled: the same values as `normalise` gives them.
    """
    if peak is None and values.dtype.kind == "f":
        some = scaled.reshape(-1)[:: max(1, scaled.size // LOOKED_AT)]
        dark = f"{DARK:.0%} of its values lie in the lowest 1/{PART} of the range, so the others decide its PSNR"
        few = not is_binary(scaled) and np.quantile(some, DARK) < 1 / PART
        return [f"hint: {dark}; of a high dynamic range give the logarithm"] if few else []
    if peak != 65535 or not 0 < (high := int(values.max())) < peak / UNUSED:
        return []
    factor = 65535 // high
    return [f"hint: its largest value is {high}, so 1/{factor} of the range is used; multiply it by {factor}"]
