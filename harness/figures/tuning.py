"""How the best score of a search rises with the trials: a panel for each budget, a line for each model."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.words import budget_text
from harness.analysis.palette import place_of
from harness.analysis.tuning import FAILED, SearchResult
from harness.figures import axis_style, style
from harness.figures.draw_figures import save

PANEL, HEAD, FOOT, SIDES, LEGEND_LINE = (2.9, 2.3), 0.75, 0.5, 0.6, 0.2  # inches
COLUMNS = 3  # of panels, and of the legend in a panel's width
DPI = 160


def tuning_page(every: Sequence[SearchResult], models: Sequence[str]) -> Figure | None:
    """The searches for one kind of data. models: all there are, so that each has its colour everywhere; None without
    two trials of some model."""
    drawn = [one for one in every if one.after(2) is not None]
    budgets = list(dict.fromkeys(one.cell.budget for one in drawn))
    if not drawn:
        return None
    names = [model for model in models if any(one.cell.model == model for one in drawn)]
    columns = min(COLUMNS, len(budgets))
    rows, legend_lines = -(-len(budgets) // columns), -(-len(names) // (COLUMNS * columns))
    foot = FOOT + LEGEND_LINE * legend_lines
    width, height = columns * (PANEL[0] + SIDES) + 0.1, rows * (PANEL[1] + FOOT) + HEAD + foot - FOOT
    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    for index, budget in enumerate(budgets):
        row, column = divmod(index, columns)
        left, top = SIDES + column * (PANEL[0] + SIDES) - 0.05, HEAD + row * (PANEL[1] + FOOT)
        box = (left / width, 1 - (top + PANEL[1]) / height, PANEL[0] / width, PANEL[1] / height)
        axes = figure.add_axes(box)
        _panel(axes, [one for one in drawn if one.cell.budget == budget], models)
        axes.set_title(f"{budget_text(budget)} parameters", fontsize=style.TEXT, pad=4)
        if column == 0:
            axes.set_ylabel("best gain so far (dB)", fontsize=style.TEXT, labelpad=3)
    kind, trials = drawn[0].cell.kind, max(len(one.gains) for one in drawn)
    signals = ", ".join(str(fit.item) for fit in drawn[0].cell.fits[0])
    looks: style.Looks = {"fontsize": style.TEXT, "color": style.INK, "va": "top"}
    figure.text(0.1 / width, 1 - 0.08 / height, f"Tuning on {kind}", weight="bold", **looks | {"fontsize": style.TITLE})
    text = f"mean gain over the constant mean on {signals};\nmedian and 10 to 90 % over all orders of {trials} trials"
    figure.text(0.1 / width, 1 - 0.28 / height, text, **looks)
    handles = {handle.get_label(): handle for axes in figure.axes for handle in axes.get_legend_handles_labels()[0]}
    shown = [handles[name] for name in names]
    figure.legend(handles=shown, loc="lower center", ncols=COLUMNS * columns, fontsize=style.TEXT, frameon=False)
    return figure


def draw(every: Sequence[SearchResult], models: Sequence[str], out: Path, name: str) -> list[Path]:
    """Write a page for each kind of data as PNG and PDF; the files."""
    import matplotlib as mpl

    paths = []
    for kind in dict.fromkeys(one.cell.kind for one in every):
        with mpl.rc_context(style.RC):
            figure = tuning_page([one for one in every if one.cell.kind == kind], models)
            if figure is not None:
                paths += save(figure, out, f"{name}_{kind}")
    return paths


def _panel(axes: Axes, drawn: Sequence[SearchResult], models: Sequence[str]) -> None:
    for one in drawn:
        looks = style.line(*place_of(one.cell.model, models, ()))
        points = [(k, found) for k in range(1, len(one.gains) + 1) if (found := one.after(k)) and found[0] != FAILED]
        xs = [k for k, _ in points]
        low, middle, high = ([found[i] for _, found in points] for i in range(3))
        axes.fill_between(xs, low, high, color=looks["color"], alpha=0.12, linewidth=0)
        axes.plot(xs, middle, label=one.cell.model, **looks)
    axes.set_xlabel("trials", fontsize=style.TEXT, labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(labelsize=style.TEXT)
    axis_style.few_ticks(axes)
    axis_style.open_grid(axes)
