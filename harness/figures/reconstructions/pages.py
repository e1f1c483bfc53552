"""Reconstruction sheets of one draw: target, reconstruction and absolute error for models × budgets, on few pages."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from harness.analysis.example import Example
from harness.analysis.selection import few
from harness.figures.layout import AS_NEEDED, Layout
from harness.figures.reconstructions.colour_scales import Scale, scales_of
from harness.figures.reconstructions.ct import SinogramDisplay
from harness.figures.reconstructions.image import ImageDisplay
from harness.figures.reconstructions.tile_page import Cell, TilePage
from harness.figures.reconstructions.view import COLOURS, Display
from harness.figures.reconstructions.volume import VolumeDisplay
from harness.store.facts import finite
from harness.store.schema import OK
from target_signals.tasks.base import known_family
from target_signals.tasks.metrics import METRICS

MOST_MODELS = 5  # a page
MOST_SLOTS = 3  # side by side on a page of given width; more are values and errors on pages of their own
VIEWS = {"sinogram": ("sinograms", SinogramDisplay)}  # what tasks may name → the pages' name, and their display


@dataclass(frozen=True)
class PageSet:
    """Pages of one sort. display: how a fit is looked at. a_page: budgets on a page. most: budgets on all pages."""

    name: str
    display: Display
    a_page: int
    most: int


def sheets(example: Example, layout: Layout = AS_NEEDED) -> Iterator[tuple[str, Figure]]:
    """The pages with their file names, one at a time, as pictures take memory."""
    for own in page_sets(example):
        sizes, models = few(example.sizes, own.most), example.models
        scales = scales_of(example, own.display, sizes)
        if not scales:
            continue
        a_page = own.a_page if layout.width is None else 1
        pages = [(some, part) for some in _portions(sizes, a_page) for part in _portions(models, MOST_MODELS)]
        for number, (some, part) in enumerate(pages, start=1):
            for name, slots in _parts(own, layout):
                yield f"{name}_{number}", page(example, own.display, part, some, scales, slots, layout)


def _parts(pages: PageSet, layout: Layout) -> list[tuple[str, slice]]:
    """What stands on a page of its own: a name, and which of the display's slots."""
    values, errors = len(pages.display.value_slots), len(pages.display.error_slots)
    if layout.width is None or values + errors <= MOST_SLOTS or not values:
        return [(pages.name, slice(None))]
    return [(pages.name, slice(values)), (f"{pages.name}_errors", slice(values, None))]


def page_sets(example: Example) -> list[PageSet]:
    """What is drawn of an example: pictures of images and volumes, and the other views that its task names."""
    target, shape, spacing = example.target, _shape(example), example.spacing
    if shape is None:
        return []
    if len(shape) == 3:
        volume = VolumeDisplay((shape[0], shape[1], shape[2]), target, spacing)
        return [PageSet("reconstructions", volume, a_page=1, most=3)]
    if len(shape) != 2:
        return []
    found = [PageSet("reconstructions", ImageDisplay((shape[0], shape[1]), target, spacing), a_page=2, most=4)]
    if target is not None:
        views = (VIEWS[view] for view in known_family(example.comparison.kind.task).views if view in VIEWS)
        found += [PageSet(name, display((shape[0], shape[1]), target), a_page=1, most=2) for name, display in views]
    return found


def page(
    example: Example,
    display: Display,
    models: Sequence[str],
    sizes: Sequence[int],
    scales: dict[str, Scale],
    shown: slice = slice(None),
    layout: Layout = AS_NEEDED,
) -> Figure:
    """A page of some models and budgets. shown: which of the display's slots."""
    tiles = TilePage(
        comparison=example.comparison,
        models=models,
        sizes=sizes,
        slots=[*display.value_slots, *display.error_slots][shown],
        above=display.of_target(),
        frame=display.frame,
        cells={(model, size): cell(example, display, model, size, shown) for model in models for size in sizes},
        scales=scales,
        subtitle=_subtitle(example),
        notes=_notes(example, display),
        layout=layout,
    )
    return tiles.draw()


def cell(example: Example, display: Display, model: str, size: int, shown: slice = slice(None)) -> Cell:
    """A fit's pictures with its score, or why there are none. shown: which of the display's slots."""
    row, residual = example.row(model, size), example.residual(model, size)
    if row is None:
        return Cell("", (), "not run")
    if row["status"] != OK:
        return Cell("", (), row["status"].replace("_", " "))
    if residual is None:
        return Cell("", (), "residual unfit" if example.flaw(model, size) else "no residual")
    metric = METRICS[example.comparison.metric]
    score = finite(row[example.comparison.metric])
    caption = "" if score is None else f"{metric.text(score)} {metric.unit}".strip()
    values = [] if example.target is None else display.values(example.target.truth + residual)
    return Cell(caption, [*values, *display.errors(residual)][shown])


def _shape(example: Example) -> tuple[int, ...] | None:
    """The lattice's shape; None where no residual can be read."""
    if example.target is not None:
        return example.target.truth.shape[:-1]
    residuals = (example.residual(model, size) for model, size in example.paths)
    return next((residual.shape[:-1] for residual in residuals if residual is not None), None)


def _portions(values: Sequence, most: int) -> list[Sequence]:
    """The items in order, in as few parts as hold `most` at most each, filled as evenly as can be."""
    count = math.ceil(len(values) / most)
    ends = [round(i * len(values) / count) for i in range(count + 1)]
    return [values[start:end] for start, end in itertools.pairwise(ends)]


def _subtitle(example: Example) -> str:
    metric = METRICS[example.comparison.metric]
    what = "reconstructions and absolute errors" if example.target else "absolute errors"
    return f"{example.describe()}: {what}; {metric.label()} above each"


def _notes(example: Example, display: Display) -> list[str]:
    absent = [model for model in example.comparison.models if model not in example.models]
    notes = [f"without residuals: {', '.join(absent)}"] if absent else []
    notes += example.flaws()
    if example.target is None:
        notes.append(f"the target is not shown: {example.reason}")
    else:
        *shape, channels = example.target.truth.shape
        in_colour = len(shape) == 2 and channels == COLOURS
        notes += [] if channels == 1 or in_colour else [f"values: the mean over {channels} channels"]
    return [*notes, *example.notes(), *display.notes()]
