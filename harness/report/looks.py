"""A model's look on the page: the colours, marker and dash of harness/figures/style.py as CSS and SVG have them."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from harness.analysis.palette import place_of
from harness.figures import style

Looks = dict[str, dict[str, Any]]


def looks(models: Sequence[str], classical: Collection[str]) -> Looks:
    """The look of each model: {colour, dark, path, dash}; classical: those that are yardsticks. A path fills a box from
    -1 to 1."""
    found: Looks = {}
    for model in models:
        look = style.look(*place_of(model, models, classical))
        found[model] = {
            "colour": look.colour,
            "dark": look.dark,
            "path": PATHS[look.marker],
            "dash": [1, 0] if look.dash == "-" else [*look.dash[1]],
        }
    return found


def stylesheet(found: Mapping[str, Mapping[str, Any]]) -> str:
    """CSS: `--model-0` is the colour of the first model and `--ink-0` what stands out on it, on either ground.

    On a dark ground attributes that name a light one's colour show the dark one's, so that a chart that is saved as a
    file keeps its own.
    """
    light, dark = (_variables(look[ground] for look in found.values()) for ground in ("colour", "dark"))
    pairs = dict((*style.COLOURS, *style.GREYS))  # learning curves have colours of no model of the page
    attributes = "".join(
        f'[{mark}="{old}"]{{{mark}:{new}}}' for old, new in pairs.items() for mark in ("fill", "stroke")
    )
    return f":root{{{light}}}@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}{attributes}}}\n"


def _variables(colours: Iterable[str]) -> str:
    return "".join(
        f"--model-{i}:{colour};--ink-{i}:{style.ink_on(_channels(colour))};" for i, colour in enumerate(colours)
    )


def _channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _polygon(corners: int, first: float = 0.0, inner: float = 1.0) -> str:
    """A path with corners around 0, the first one `first` turns from the top; every other one at the radius `inner`."""
    turns = [2 * math.pi * (first + i / corners) for i in range(corners)]
    radii = [inner if i % 2 else 1.0 for i in range(corners)]
    points = [f"{r * math.sin(t):.3f} {-r * math.cos(t):.3f}" for t, r in zip(turns, radii, strict=True)]
    return f"M{'L'.join(points)}Z"


PATHS = {  # by matplotlib's name of the marker
    "o": "M0 -1A1 1 0 1 1 0 1A1 1 0 1 1 0 -1Z",
    "s": "M-.9 -.9H.9V.9H-.9Z",
    "^": "M0 -1L1 .8H-1Z",
    "v": "M0 1L1 -.8H-1Z",
    "<": "M-1 0L.8 1V-1Z",
    ">": "M1 0L-.8 1V-1Z",
    "D": _polygon(4),
    "d": "M0 -1L.6 0L0 1L-.6 0Z",
    "P": "M-.35 -1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z",
    "X": "M0 -.45L.5 -.95L.95 -.5L.45 0L.95 .5L.5 .95L0 .45L-.5 .95L-.95 .5L-.45 0L-.95 -.5L-.5 -.95Z",
    "p": _polygon(5),
    "h": _polygon(6),
    "8": _polygon(8, 1 / 16),
    "*": _polygon(10, inner=0.45),
}
