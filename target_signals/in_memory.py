"""A user's array, tensor or Pillow image as a signal. What was done to its values is said in `Signal.source`."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np

from common.errors import UsageError
from common.files import Unfit
from target_signals.base import Signal
from target_signals.item_names import with_digits
from target_signals.normalise import check_values, normalise
from target_signals.readers.array import check_array, of_array
from target_signals.readers.decoded import Decoded, check_size, check_type, is_about_unit
from target_signals.readers.picture import of_pillow

KINDS: dict[int, Literal["image", "volume"]] = {2: "image", 3: "volume"}


def from_memory(values: Any, channels_last: bool | None = None) -> tuple[Signal, str]:
    """The signal of what somebody holds in memory, and what rows call it.

    values: whatever NumPy makes an array [*shape] or [*shape, C] of, a PyTorch tensor, or a Pillow image.
    channels_last: whether the last axis is C; by default an array's axes are read as those of a file.

    Floats about in [0, 1] stay as they are; all else is scaled as `load_signal` does it. Raises UsageError.
    """
    if isinstance(values, str | Path):
        read = f"give its values: target_signals.load_signal('{values}').values"
        raise UsageError(f"'{values}' is a path and no array; {read}")
    try:
        decoded = decode(values, channels_last)
        if is_about_unit(decoded.values):
            check_values(decoded.values)
            array, units, how = decoded.values.astype(np.float32), (0.0, 1.0), "as it is"
        else:
            array, units, how = normalise(decoded.values, decoded.peak)
    except Unfit as error:
        raise UsageError(f"the array cannot be used: {error}") from error
    array = np.ascontiguousarray(array)
    source = "; ".join([f"in memory, {decoded.words[0]}, {how}", *decoded.words[1:]])
    item = with_digits("array", hashlib.sha256(array.tobytes()).hexdigest())
    return Signal(array, 2 if decoded.kind == "image" else 3, decoded.kind, source=source, units=units), item


def decode(values: Any, channels_last: bool | None) -> Decoded:
    """Raises Unfit for what is no image and no volume."""
    from PIL import Image

    if isinstance(values, Image.Image):
        return of_pillow(values, [])
    array = to_numpy(values)
    if not channels_last:
        check_array(array.shape, array.dtype)
        return of_array(array, None if channels_last is None else 3, [], "channels_last=False")
    dim = array.ndim - 1
    check_type(array.dtype)
    if dim not in KINDS:
        raise Unfit(f"its shape {array.shape} has {dim} axes beside its channels; give 2 or 3")
    check_size(array.shape, dim)
    if not array.size:
        raise Unfit(f"its shape {array.shape} has no channels; give 1 or more")
    return Decoded(array, KINDS[dim], None, [array.dtype.name])


def to_numpy(values: Any) -> np.ndarray:
    """An array of what a person gave. Raises Unfit where NumPy makes none of it, and for masked values."""
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        raise Unfit(f"{int(values.mask.sum())} of its values are masked; fill them, as with .filled(0)")
    try:
        if hasattr(values, "detach"):  # a tensor, which may be on a GPU, ask for gradients, and have a type of its own
            values = values.detach().cpu()
            values = values.float() if str(values.dtype) == "torch.bfloat16" else values
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # the last of a tensor without plain values in memory
        raise Unfit(f"NumPy makes no array of it ({error}); give an array of numbers") from error
