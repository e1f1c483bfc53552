"""Which figures there are of a comparison: of its scores, curves and times, and of its residuals."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.analysis import missing_runs
from harness.analysis.comparison import Comparison
from harness.analysis.winner import BASELINE
from harness.figures.layout import AS_NEEDED, Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADLINE = "psnr"  # the metric with whose figures those are drawn that depend on none


def pages(comparison: Comparison, waiting: bool = False, layout: Layout = AS_NEEDED) -> "dict[str, Figure]":
    """The figures that a comparison's scores, curves and times give, by file name; empty ones are left out."""
    from harness.figures import (  # matplotlib takes a second to import
        convergence,
        curves,
        heatmaps,
        pareto,
        views,
        winners,
    )

    if missing_runs.lacks_metric(comparison):
        return {}
    figures: dict[str, Figure | None] = {}
    for view in (views.over_bands(comparison), views.over_budgets(comparison)):
        if view.xs:
            name = f"{comparison.metric}_over_{view.name}"
            figures[name] = heatmaps.score_page(comparison, view, layout)
            figures[f"{name}_minus_{BASELINE}"] = heatmaps.lead_page(comparison, view, layout)
            figures[f"{name}_curves"] = curves.curve_page(comparison, view, layout)
    fits = comparison.of_fits()
    figures[f"{comparison.metric}_winners"] = winners.winner_page(comparison, layout)
    name = f"{comparison.metric}_against_{'waiting_' if waiting else ''}seconds"
    figures[name] = pareto.pareto_page(fits, waiting, layout)
    if comparison.metric == HEADLINE:
        figures["convergence_over_updates"] = convergence.convergence_page(fits, "updates", layout)
        figures["convergence_over_seconds"] = convergence.convergence_page(fits, "seconds", layout)
    return {name: figure for name, figure in figures.items() if figure is not None}


def pictures(
    comparison: Comparison, out_folder: str | Path, layout: Layout = AS_NEEDED
) -> "Iterator[tuple[str, Figure]]":
    """The figures made of residuals, with their file names, one at a time as they take memory.

    They show one draw alone (harness/analysis/example.py), and come with the headline metric's figures.
    """
    from harness.analysis import example
    from harness.figures import spectra
    from harness.figures.reconstructions.pages import sheets

    if comparison.metric != HEADLINE:
        return
    shown = example.choose(comparison.of_fits(), out_folder)
    if shown is None:
        return
    spectrum = spectra.spectrum_page(shown, layout)
    if spectrum is not None:
        yield "error_spectra", spectrum
    yield from sheets(shown, layout)
