"""Reconstruction sheets of one draw: target, reconstruction and absolute error for models × budgets, on few pages."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from harness.analysis.example import Specimen
from harness.analysis.selection import few
from harness.figures.reconstructions.colour_scales import Scale, scales_of
from harness.figures.reconstructions.ct import CtFaces
from harness.figures.reconstructions.image import ImageFaces
from harness.figures.reconstructions.tile_page import Cell, Plate
from harness.figures.reconstructions.view import Faces
from harness.figures.reconstructions.volume import VolumeFaces
from harness.store.schema import OK
from target_signals.tasks.base import known_family
from target_signals.tasks.metrics import METRICS

MOST_MODELS = 5  # a page
VIEWS = {"sinogram": ("sinograms", CtFaces)}  # what tasks may name → the pages' name, and how an image is looked at


@dataclass(frozen=True)
class Kind:
    """faces: how a fit is looked at. a_page: budgets on a page. most: budgets on all pages."""

    name: str
    faces: Faces
    a_page: int
    most: int


def sheets(specimen: Specimen) -> Iterator[tuple[str, Figure]]:
    """The pages with their file names, one at a time, as pictures take memory."""
    for kind in kinds(specimen):
        sizes, models = few(specimen.sizes, kind.most), specimen.models
        scales = scales_of(specimen, kind.faces, sizes)
        if not scales:
            continue
        pages = [(some, part) for some in _portions(sizes, kind.a_page) for part in _portions(models, MOST_MODELS)]
        for number, (some, part) in enumerate(pages, start=1):
            yield f"{kind.name}_{number}", page(specimen, kind.faces, part, some, scales)


def kinds(specimen: Specimen) -> list[Kind]:
    """What is drawn of a specimen: pictures of images and volumes, and the other views that its task names."""
    target, shape = specimen.target, _shape(specimen)
    if shape is None:
        return []
    if len(shape) == 3:
        return [Kind("reconstructions", VolumeFaces((shape[0], shape[1], shape[2]), target), a_page=1, most=3)]
    if len(shape) != 2:
        return []
    found = [Kind("reconstructions", ImageFaces((shape[0], shape[1]), target), a_page=2, most=4)]
    if target is not None:
        views = (VIEWS[view] for view in known_family(specimen.comparison.task).views if view in VIEWS)
        found += [Kind(name, faces((shape[0], shape[1]), target), a_page=1, most=2) for name, faces in views]
    return found


def page(
    specimen: Specimen, faces: Faces, models: Sequence[str], sizes: Sequence[int], scales: dict[str, Scale]
) -> Figure:
    plate = Plate(
        comparison=specimen.comparison,
        models=models,
        sizes=sizes,
        slots=[*faces.value_slots, *faces.error_slots],
        above=faces.of_target(),
        frame=faces.frame,
        cells={(model, size): cell(specimen, faces, model, size) for model in models for size in sizes},
        scales=scales,
    )
    return plate.draw(_subtitle(specimen), _notes(specimen, faces))


def cell(specimen: Specimen, faces: Faces, model: str, size: int) -> Cell:
    run, residual = specimen.run(model, size), specimen.residual(model, size)
    if run is None:
        return Cell("", (), "not run")
    if run.status != OK:
        return Cell("", (), run.status.replace("_", " "))
    if residual is None:
        return Cell("", (), "residual unfit" if specimen.flaw(model, size) else "no residual")
    metric = METRICS[specimen.comparison.metric]
    caption = f"{metric.text(run.score)} {metric.unit}".strip() if math.isfinite(run.score) else ""
    values = [] if specimen.target is None else faces.values(specimen.target.truth + residual)
    return Cell(caption, [*values, *faces.errors(residual)])


def _shape(specimen: Specimen) -> tuple[int, ...] | None:
    """Of the lattice; None where no residual can be read."""
    if specimen.target is not None:
        return specimen.target.truth.shape[:-1]
    residuals = (specimen.residual(model, size) for model, size in specimen.paths)
    return next((residual.shape[:-1] for residual in residuals if residual is not None), None)


def _portions(values: Sequence, most: int) -> list[Sequence]:
    """In order, in as few parts as hold `most` at most each, filled as evenly as can be."""
    count = math.ceil(len(values) / most)
    ends = [round(i * len(values) / count) for i in range(count + 1)]
    return [values[start:end] for start, end in itertools.pairwise(ends)]


def _subtitle(specimen: Specimen) -> str:
    metric = METRICS[specimen.comparison.metric]
    what = "reconstructions and absolute errors" if specimen.target else "absolute errors"
    return f"{specimen.describe()}: {what}; {metric.label()} above each"


def _notes(specimen: Specimen, faces: Faces) -> list[str]:
    absent = [model for model in specimen.comparison.models if model not in specimen.models]
    notes = [f"without residuals: {', '.join(absent)}"] if absent else []
    notes += specimen.flaws()
    notes += [] if specimen.target else [f"the target is not shown: {specimen.reason}"]
    return [*notes, *specimen.notes(), *faces.notes()]
