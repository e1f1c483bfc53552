"""What a reader of a user's file hands on, and what it may refuse."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from common.files import Unfit
from target_signals.geometry import Geometry

LARGEST = 2**28  # values, channels included: 1 GiB as float32
COLOURS = (3, 4)  # samples a pixel of RGB, and of RGB with alpha
ABOUT_UNIT = (-0.5, 1.5)  # what floats may reach that somebody has brought about to [0, 1]
WHITE = {"uint8": 255.0, "uint16": 65535.0}  # of pictures, by their type


@dataclass(frozen=True)
class Decoded:
    """Values as the file has them, before they are brought to [0, 1].

    values: [H, W] or [H, W, 3] for an image, [X, Y, Z] for a volume; bool, integers or floats.
    peak: what white is, by the file's format; None where the values have no such meaning.
    words: what the file is and what was done to it, for people.
    geometry: where the samples lie in space, where the file says so.
    """

    values: np.ndarray
    kind: Literal["image", "volume"]
    peak: float | None = None
    words: list[str] = field(default_factory=list)
    geometry: Geometry | None = None


def check_size(shape: tuple[int, ...], dim: int) -> None:
    """Refuse shapes [*lattice(, C)] that are too large, or too short for a lattice; before anything is allocated."""
    if math.prod(shape) > LARGEST:
        size = " × ".join(map(str, shape))
        raise Unfit(f"it has {size} values and at most {LARGEST:,} are read; give a part of it or a smaller copy")
    if min(shape[:dim]) < 2:
        raise Unfit(f"its shape is {shape[:dim]} and every axis needs at least 2 samples; give a larger one")


def check_type(dtype: np.dtype) -> None:
    """Refuse what is neither bool, nor integer, nor real."""
    if dtype.kind not in "biuf":
        name = "object" if dtype.hasobject else "structured" if dtype.names else dtype.name
        raise Unfit(f"its values are of type {name}; save it as bool, integers or real numbers")


def white_of(colours: np.ndarray) -> float | None:
    """What white is in a colour image [H, W, 3]: by the type of integers; 1 for floats about in [0, 1]."""
    return 1.0 if is_about_unit(colours) else WHITE.get(colours.dtype.name)


def is_about_unit(values: np.ndarray) -> bool:
    """Whether values are floats that need no scaling."""
    return values.dtype.kind == "f" and bool(ABOUT_UNIT[0] <= values.min() and values.max() <= ABOUT_UNIT[1])


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Hold a library's log back: what is wrong with a file is said once, by us."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
