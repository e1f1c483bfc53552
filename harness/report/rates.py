"""Quality against bits for the page: of every experiment with rows that have rates, with the codecs' points where
`python -m harness rates` has left them."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.analysis.bits import codec_points, codecs
from harness.analysis.bits.rate_distortion import RateDistortion, rate_distortion
from harness.analysis.cell import Kind, kind_of
from harness.figures.files import figures_folder
from harness.report.compact import rounded
from harness.store.schema import Row


def rates(rows: Sequence[Row], kinds: Sequence[Kind], order: Sequence[str], out: Path) -> list[dict[str, Any]]:
    """kinds: of the page's experiments, in their order; order: of models."""
    kept = functools.cache(lambda kind: codec_points.load(figures_folder(out, kind)))
    found = rate_distortion(rows, order, lambda row: kept(kind_of(row)).get(codec_points.signal_of(row), {}))
    return [{"experiment": kinds.index(one.kind), **_prepared(one)} for one in found]


def _prepared(found: RateDistortion) -> dict[str, Any]:
    """Best points and Bjøntegaard's differences to the reference codec by name. place: of a codec among the others,
    by which its line is dashed; null for a model."""
    lines, reference = [], found.reference if found.front(found.reference) else None
    for name in found.names:
        psnr, rate = found.differences(name)
        points = [[rounded(point.rate), rounded(point.psnr, 5)] for point in found.front(name)]
        place = None if name in found.models else codecs.place_of(name, found.kind.dim)
        lines.append({"name": name, "place": place, "points": points, "psnr": rounded(psnr), "rate": rounded(rate)})
    return {"reference": reference, "lines": lines}
