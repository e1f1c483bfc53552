"""How the best score of a search rises with the trials: a panel for each budget, a line for each model."""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.grouped import grouped
from common.words import budget_text
from harness.analysis.palette import place_of
from harness.analysis.tuning import FAILED, SearchResult
from harness.figures import axis_style, legend, style
from harness.figures.files import save
from harness.figures.page import Sheet

PANEL, GAP, MARGIN = (2.9, 2.3), (0.5, 0.6), (0.6, 0.15)  # inches
AXIS_ROOM = 0.55  # inches
COLUMNS = 3  # of panels


def tuning_page(every: Sequence[SearchResult], models: Sequence[str]) -> Figure | None:
    """The searches for one kind of data. models: all there are, so that each has its colour everywhere; None without
    two trials of some model."""
    drawn = [one for one in every if one.after(2) is not None]
    budgets = grouped(drawn, attrgetter("cell.budget"))
    if not drawn:
        return None
    names = [model for model in models if any(one.cell.model == model for one in drawn)]
    handles = [legend.entry(name, **_looks(name, models)) for name in names]
    kind, trials = drawn[0].cell.kind, max(len(one.gains) for one in drawn)
    signals = ", ".join(str(fit.item) for fit in drawn[0].cell.fits[0])
    text = f"mean gain over the constant mean on {signals}; median and 10 to 90 % over all orders of {trials} trials"
    sheet = Sheet(len(budgets), min(COLUMNS, len(budgets)), PANEL, GAP, MARGIN)
    sheet = sheet.with_texts(f"Tuning on {kind}", [text], (), AXIS_ROOM, handles)
    figure = sheet.figure()
    for index, (budget, own) in enumerate(budgets.items()):
        axes = sheet.axes(figure, index, f"{budget_text(budget)} parameters")
        _panel(axes, own, models)
        axes.set_xlabel("trials", fontsize=style.TEXT, labelpad=2)
        if sheet.first_column(index):
            axes.set_ylabel("best gain so far (dB)", fontsize=style.TEXT, labelpad=3)
    return figure


def draw(every: Sequence[SearchResult], models: Sequence[str], out: Path, name: str) -> list[Path]:
    """Write a page for each kind of data as PNG and PDF; the files."""
    import matplotlib as mpl

    paths = []
    for kind, own in grouped(every, attrgetter("cell.kind")).items():
        with mpl.rc_context(style.RC):
            figure = tuning_page(own, models)
            if figure is not None:
                paths += save(figure, out, f"{name}_{kind}")
    return paths


def _panel(axes: Axes, drawn: Sequence[SearchResult], models: Sequence[str]) -> None:
    for one in drawn:
        looks = _looks(one.cell.model, models)
        points = [(k, found) for k in range(1, len(one.gains) + 1) if (found := one.after(k)) and found[0] != FAILED]
        xs = [k for k, _ in points]
        low, middle, high = ([found[i] for _, found in points] for i in range(3))
        axes.fill_between(xs, low, high, color=looks["color"], alpha=0.12, linewidth=0)
        axes.plot(xs, middle, label=one.cell.model, **looks)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis_style.few_ticks(axes)
    axis_style.open_grid(axes)


def _looks(model: str, models: Sequence[str]) -> style.Looks:
    return style.line(*place_of(model, models, ()))
