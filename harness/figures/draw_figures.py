"""Draws what the rows of a store hold, and says what they lack."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UsageError, suggest
from harness.analysis import missing_runs
from harness.analysis.cell import Kind
from harness.analysis.comparison import Comparison, comparisons
from harness.analysis.experiments import experiments
from harness.analysis.versus import versus
from harness.figures import drawn
from harness.figures.files import experiment_folder, figures_folder, save, variant
from harness.figures.layout import AS_NEEDED, Layout
from harness.figures.pages import HEADLINE, pages, pictures
from harness.figures.style import FONTS, RC
from harness.store.names import safe
from harness.store.schema import Row
from target_signals.tasks.metrics import METRICS


@dataclass(frozen=True)
class Choice:
    """What a person wants drawn, and how. models, sizes: None draws all. theme: one of `style.FONTS`."""

    models: Sequence[str] | None = None
    sizes: Sequence[int] | None = None
    layout: Layout = AS_NEEDED
    theme: str = "sans"

    def of(self, comparison: Comparison) -> Comparison | None:
        """The chosen part of a comparison, or None."""
        models = comparison.models if self.models is None else self.models
        part = comparison.only(models, comparison.sizes if self.sizes is None else self.sizes)
        return part if part.places else None

    def folder(self, out_folder: str | Path, kind: Kind) -> Path:
        """Where the figures of an experiment go."""
        return figures_folder(out_folder, kind) / ("" if self == EVERYTHING else CHOSEN)

    @property
    def rc(self) -> Any:
        return RC | {"font.family": [FONTS[self.theme], *RC["font.family"]]}


EVERYTHING = Choice()
CHOSEN = "chosen"  # the folder of what was drawn otherwise than by default


def draw(
    rows: Sequence[Row],
    out_folder: str | Path,
    models: Sequence[str] = (),
    metric: str = HEADLINE,
    waiting: bool = False,
    choice: Choice = EVERYTHING,
) -> list[Path]:
    """Draw every comparison of the rows, each figure as PNG and PDF; the paths of the files written.

    A comparison's figures go to <out>/<dim>d_<Signal>[_<task>]/figures/<preset>_<length>_<steps>/, and
    pictures are made of the residuals in <out>/<dim>d_<Signal>[_<task>]/arrays/.
    models: an order to draw in; models that it does not name follow in order of appearance.
    waiting: scores over seconds are over those from the model's construction on, in a file of its own.
    choice: another one than the default draws into a folder `chosen` within.
    """
    found = [part for comparison in _checked(rows, models, metric) if (part := choice.of(comparison)) is not None]
    return [path for comparison in found for path in _draw(comparison, out_folder, waiting, choice)]


def redraw(rows: Sequence[Row], out_folder: str | Path, models: Sequence[str]) -> Iterator[str]:
    """Draw as `draw` does the comparisons whose figures are not those of the rows as they are.

    Gives a line for each folder of figures: where it is, and what was drawn.
    """
    for comparison in comparisons(rows, models):
        folder = figures_folder(out_folder, comparison.kind)
        if drawn.is_drawn(folder, HEADLINE, drawn.drawn_of(comparison, out_folder, waiting=False)):
            yield f"figures in {folder}: those of these rows, left as they are"
        elif written := _draw(comparison, out_folder, waiting=False, choice=EVERYTHING):
            yield f"figures in {folder}: {sum(path.suffix == '.png' for path in written)}, as PNG and PDF"


def _draw(comparison: Comparison, out_folder: str | Path, waiting: bool, choice: Choice) -> list[Path]:
    from matplotlib import rc_context

    everything = choice == EVERYTHING
    folder = choice.folder(out_folder, comparison.kind)
    of = drawn.drawn_of(comparison, out_folder, waiting)  # before drawing: what comes meanwhile is not in it
    drawn.forget(folder, comparison.metric)
    with rc_context(choice.rc):
        of_scores = pages(comparison, waiting, choice.layout).items()
        of_residuals = pictures(comparison, out_folder, choice.layout)
        written = [path for name, page in itertools.chain(of_scores, of_residuals) for path in save(page, folder, name)]
    if everything and written:
        drawn.record(folder, comparison.metric, of, written)
    return written


def draw_presets(
    rows: Sequence[Row],
    out_folder: str | Path,
    against: str,
    models: Sequence[str],
    metric: str = HEADLINE,
    choice: Choice = EVERYTHING,
) -> list[Path]:
    """Draw every experiment beside its like under the preset `against`, where both have scores; the files written.

    rows: those that were chosen. choice: how they are drawn, and as for `draw` where.
    """
    from matplotlib import rc_context

    from harness.figures.presets import presets_page

    found = {comparison.kind: comparison for comparison in _checked(rows, models, metric)}
    every, written = experiments(rows, models), []
    for preset in sorted({one.kind.preset for one in every} - {against}):
        for one in versus(every, preset, against, metric):
            with rc_context(choice.rc):
                page = presets_page(one, found[one.kind], choice.layout)
                written += save(page, choice.folder(out_folder, one.kind), f"{metric}_against_{safe(against)}")
    return written


def missing(
    rows: Sequence[Row],
    models: Sequence[str] = (),
    metric: str = HEADLINE,
    out_folder: str | Path | None = None,
) -> list[str]:
    """What the figures lack, in lines of text: rows that are not there, failures, rows passed over, pages left out.

    models: those that should have rows, by default those that have some. out_folder: where residuals are
    looked for; without it nothing is said about pictures.
    """
    found = _checked(rows, models, metric)
    if not found:
        return ["there are no rows: nothing to draw"]
    return [
        f"{experiment_folder(comparison.kind)} {variant(comparison.kind)}: {note}"
        for comparison in found
        for note in missing_runs.of_rows(comparison, models)
        + (missing_runs.of_pages(comparison, out_folder) if metric == HEADLINE else [])
    ]


def _checked(rows: Sequence[Row], models: Sequence[str], metric: str) -> list[Comparison]:
    if metric not in METRICS:
        raise UsageError(f"unknown metric '{metric}'{suggest(metric, METRICS)}; known: {', '.join(METRICS)}")
    return comparisons(rows, models, metric)
