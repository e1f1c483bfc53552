"""Where a representation stops following: spectra of the errors beside the signal's, a panel for each budget."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

from common.words import budget_text
from harness.analysis.example import Example
from harness.analysis.spectrum import radial_spectrum
from harness.figures import axis_style, legend, style
from harness.figures.layout import AS_NEEDED, Layout
from harness.figures.page import headline, panels
from harness.figures.text import EDGE, wrapped

PANEL, SINGLE, GAP, MARGIN = (2.1, 1.8), (4.0, 2.6), (0.24, 0.54), (0.66, 0.15)  # inches
SIGNAL: style.Looks = {"color": "0.25", "linewidth": 3.0, "alpha": 0.35, "zorder": 1.5}
FAINTEST = 1e-12  # of the signal's greatest density: what is below is rounding
MARKS = 5  # markers on a line
FREQUENCIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.5)
Curve = tuple[np.ndarray, np.ndarray]


def spectrum_page(example: Example, layout: Layout = AS_NEEDED) -> Figure | None:
    """Spectra of the errors, a panel for each budget; None where no residual can be read, or none is seen."""
    curves: dict[tuple[str, int], Curve] = {}
    for model, size in example.paths:
        residual = example.residual(model, size)
        if residual is not None and min(residual.shape[:-1]) > 3:
            curves[model, size] = radial_spectrum(residual)
    if not curves:
        return None
    signal = radial_spectrum(example.target.truth) if example.target is not None else None
    models = [model for model in example.models if any(key[0] == model for key in curves)]
    sizes = [size for size in example.sizes if any(key[1] == size for key in curves)]
    limits = _limits(list(curves.values()), signal)
    below = [model for model in models if all(density.max() < limits[0] for density in _of_model(curves, model))]
    drawn = [model for model in models if model not in below]
    handles = legend.of_models(example.comparison, drawn) + ([legend.entry("signal", **SIGNAL)] if signal else [])
    if not handles:
        return None
    subtitle = f"{example.describe()}: radially averaged power spectrum of the error over spatial frequency"
    notes = _notes(example, signal is not None)
    notes += [f"lossless, with errors below the scale: {', '.join(below)}"] if below else []
    sheet = panels(len(sizes), layout, PANEL, SINGLE, GAP, MARGIN)
    axis = wrapped("frequency (cycles per sample)", sheet.panel[0] + 2 * EDGE)
    sheet = sheet.with_texts(
        *headline(example.comparison, subtitle, of_one=True), notes, legend.below_axis(axis), handles
    )
    figure = sheet.figure()
    for index, size in enumerate(sizes):
        axes = sheet.axes(figure, index, f"{budget_text(size)} parameters")
        if signal is not None:
            axes.plot(*signal, label="signal", **SIGNAL)
        for model in drawn:
            if (model, size) in curves:
                frequency, density = curves[model, size]
                every = max(1, len(frequency) // MARKS)
                looks = style.line(*example.comparison.looks(model))
                axes.plot(frequency, density, label=model, markevery=every, **looks)
        _style_axes(axes, limits, sheet.panel[0])
        sheet.name_axes(axes, index, "\n".join(axis), "power density")
    return figure


def _of_model(curves: dict[tuple[str, int], Curve], model: str) -> list[np.ndarray]:
    return [density for (name, _), (_, density) in curves.items() if name == model]


def _limits(curves: Sequence[Curve], signal: Curve | None) -> tuple[float, float]:
    """Limits of the density: they hold all errors, and the signal where it is not mere rounding."""
    known = np.concatenate([density for _, density in curves])
    top = float(max(known.max(), signal[1].max() if signal is not None else 0.0)) or 1.0
    low = float(known[known > FAINTEST * top].min(initial=top))
    return 10 ** math.floor(math.log10(low) - 0.1), 3 * top


def _style_axes(axes: Axes, limits: tuple[float, float], width: float) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(limits)
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())
    every = 1 if axis_style.ticks_in(width) == axis_style.ticks_in(PANEL[0]) else 2
    axes.xaxis.set_major_locator(FixedLocator(FREQUENCIES[::every]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axis_style.open_grid(axes)


def _notes(example: Example, signal: bool) -> list[str]:
    meaning = "where an error meets the signal's spectrum, a model no longer follows it"
    absent = f"the signal is not shown: {example.reason}"
    return [meaning if signal else absent, "Hann window, mean taken out", *example.flaws(), *example.notes()]
