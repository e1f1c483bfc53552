"""Which colour stands for which value in the pictures of an example."""

from dataclasses import dataclass

import numpy as np

from harness.analysis.example import Example
from harness.figures import style
from harness.figures.reconstructions.view import SHADED, Display

RIM = 99.0  # percentile of a fit's errors; a scale's end is the median of these over all fits shown
SAMPLED = 50_000  # errors of a picture that a percentile is taken of
LEAST = 1e-9  # between the ends of a scale
LABELS = {"value": "value", "error": "|error|", "sinogram": "sinogram", "sinogram error": "|error| of sinogram"}


@dataclass(frozen=True)
class Scale:
    """What a colour stands for. extend: values beyond `high` take its colour."""

    label: str
    colours: str
    low: float
    high: float
    extend: bool = False


def scales_of(example: Example, display: Display, sizes: tuple[int, ...]) -> dict[str, Scale]:
    """One scale a sort of picture for all pages, so that pages compare; none where no residual can be read.

    A model that collapsed must not turn all other errors black: hence a median over fits.
    """
    rims: dict[str, list[float]] = {}
    peaks: dict[str, float] = {}
    for residual in (example.residual(model, size) for model in example.models for size in sizes):
        for picture in [] if residual is None else display.errors(residual):
            some = picture.pixels.ravel()[:: max(1, picture.pixels.size // SAMPLED)]
            rims.setdefault(picture.scale, []).append(float(np.percentile(some, RIM)))
            peaks[picture.scale] = max(peaks.get(picture.scale, LEAST), float(picture.pixels.max()))
    ends = {name: float(np.median(found)) or peaks[name] for name, found in rims.items()}
    errors = {name: Scale(LABELS[name], style.ERRORS, 0.0, end, extend=peaks[name] > end) for name, end in ends.items()}
    return _of_values(example, display) | errors if errors else {}


def _of_values(example: Example, display: Display) -> dict[str, Scale]:
    """Scales of the target's values, from the least to the greatest; from 0 to 1 where it has no others."""
    if example.target is None:
        return {}
    ranges: dict[str, tuple[float, float]] = {}
    for picture in display.values(example.target.truth):
        if picture.scale != SHADED and picture.pixels.ndim == 2:
            ranges.setdefault(picture.scale, (float(picture.pixels.min()), float(picture.pixels.max())))
    if "value" in ranges:  # a volume's slices do not show all of it
        truth = example.target.truth
        ranges["value"] = (0.0, 1.0) if example.target.binary else (float(truth.min()), float(truth.max()))
    return {name: Scale(LABELS[name], "gray", low, max(high, low + LEAST)) for name, (low, high) in ranges.items()}
