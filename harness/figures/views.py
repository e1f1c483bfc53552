"""Two views of a comparison: scores over bands, with a panel for each budget, and over budgets, one for each band."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from common.words import budget_text
from harness.analysis.comparison import Comparison, Place
from harness.figures.layout import Layout


@dataclass(frozen=True)
class View:
    """What runs along the panels' x axis, and what tells the panels apart.

    xs and panels are bands (of panels None is the whole signal) or budgets; place(model, x, panel) is the cell they
    stand for.
    """

    name: str
    axis: str
    xs: tuple[float, ...]
    x_text: Callable[[float], str]
    panels: tuple[Any, ...]
    panel_text: Callable[[Any], str]
    place: Callable[[str, Any, Any], Place]

    def places(self, models: Sequence[str]) -> list[Place]:
        """Every cell in the order panel, model, x."""
        return [self.place(model, x, panel) for panel in self.panels for model in models for x in self.xs]


def over_bands(comparison: Comparison) -> View:
    """Bands along x, a panel for each budget. Without named bands it has no x."""
    return View(
        name="bands",
        axis=comparison.difficulty.axis,
        xs=comparison.bands,
        x_text=comparison.difficulty.text,
        panels=comparison.sizes,
        panel_text=lambda size: f"{budget_text(size)} parameters",
        place=lambda model, band, size: Place(model, size, band),
    )


def over_budgets(comparison: Comparison) -> View:
    """Budgets along x, a panel for each band and one for the whole signal where it has a score."""
    whole = "whole signal" if comparison.bands else ""
    return View(
        name="budgets",
        axis="parameter budget",
        xs=comparison.sizes,
        x_text=budget_text,
        panels=comparison.regions,
        panel_text=lambda band: whole if band is None else comparison.difficulty.title(band),
        place=lambda model, size, band: Place(model, size, band),
    )


def unit_notes(comparison: Comparison, view: View, layout: Layout) -> list[str]:
    """The unit of the numbers in the panels' titles, where no headline says it."""
    said = layout.width is None or view.name == "bands" or not comparison.difficulty.unit
    return [] if said else [f"{comparison.difficulty.name} in {comparison.difficulty.unit}"]
