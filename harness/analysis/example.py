"""The one draw of a comparison that is shown as pictures, with the residuals of its fits.

Pictures take long and say little more the second time: of all bands the middle one is shown, of all
items and seeds the first, unless others have more residuals.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import UsageError
from common.files import Unfit
from harness.analysis.cell import Draw, counted
from harness.analysis.comparison import Comparison, Place
from harness.analysis.selection import from_the_middle
from harness.analysis.target import Target, rebuild
from harness.store.facts import pictured_spacing
from harness.store.names import array_path
from harness.store.residual import load_residual
from harness.store.schema import OK, Row


@dataclass(frozen=True, eq=False)
class Example:
    """target: None where it cannot be built again, and then `reason` says why.

    paths: the residuals' files, by model and budget.
    """

    comparison: Comparison
    band: float | None
    draw: Draw
    target: Target | None
    reason: str
    paths: dict[tuple[str, int], Path]

    @property
    def models(self) -> tuple[str, ...]:
        shown = {model for model, _ in self.paths}
        return tuple(model for model in self.comparison.models if model in shown)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(sorted({size for _, size in self.paths}))

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distances of neighbouring samples along the lattice's axes, as pictures have them."""
        rows = (self.row(*at) for at in self.paths)
        found = next((row["spacing"] for row in rows if row is not None), None)
        return pictured_spacing(found, self.comparison.kind.dim)

    def row(self, model: str, size: int) -> Row | None:
        return self.comparison.run(Place(model, size, self.band), self.draw)

    def residual(self, model: str, size: int) -> np.ndarray | None:
        """Prediction - truth, [*shape, C]; None where there is no array, or one that cannot be used."""
        return self._read(model, size)[0]

    def flaw(self, model: str, size: int) -> str:
        """What is wrong with an array that cannot be used; empty where there is none, or nothing wrong."""
        return self._read(model, size)[1]

    def flaws(self) -> list[str]:
        """One line that names the arrays that cannot be used; none where all can."""
        found = {f"{model} {size:,}": self.flaw(model, size) for model, size in self.paths}
        unfit = {name: flaw for name, flaw in found.items() if flaw}
        if not unfit:
            return []
        return [f"residuals that cannot be shown: {', '.join(unfit)}; of the first: {next(iter(unfit.values()))}"]

    def _read(self, model: str, size: int) -> tuple[np.ndarray | None, str]:
        path, row = self.paths.get((model, size)), self.row(model, size)
        if path is None or row is None:
            return None, ""
        try:
            residual = load_residual(path, row)
        except (Unfit, OSError) as error:
            return None, str(error)
        if residual.ndim != self.comparison.kind.dim + 1:
            return None, f"it has {residual.ndim} axes"
        if self.target is not None and residual.shape != self.target.truth.shape:
            return None, f"its shape is {list(residual.shape)}, not the target's"
        return residual, ""

    def describe(self) -> str:
        """`band 0.5, item 0064, seed 1234`."""
        band = "" if self.band is None else f"band {self.band:g}"
        item = f"item {self.comparison.item_names[self.draw.item]}" if self.draw.item else ""
        signal = "" if self.draw.signal_seed == self.draw.seed else f"signal seed {self.draw.signal_seed}"
        return ", ".join(filter(None, [band, item, f"seed {self.draw.seed}", signal]))

    def notes(self) -> list[str]:
        """Which of how many draws it is."""
        bands, draws = self.comparison.regions, self.comparison.draws
        usual = self.band == from_the_middle(bands)[0] and self.draw == draws[0]
        which = "the higher" if len(bands) == 2 else "the middle one"
        several = [f"{which} of {len(bands)} bands"] if len(bands) > 1 else []
        several += [f"the first of {count} {name}s" for name, count in counted(draws).items() if count > 1]
        if not several:
            return []
        return [f"shown: {', '.join(several)}" if usual else "shown: the draw with the most residuals"]


def choose(comparison: Comparison, out: str | Path) -> Example | None:
    """The draw of a comparison of fits that is shown; None where no residual was kept."""
    candidates = itertools.product(from_the_middle(comparison.regions), comparison.draws)
    found = {at: _paths(comparison, *at, out) for at in candidates}
    if not any(found.values()):
        return None
    band, draw = max(found, key=lambda at: len(found[at]))  # the first of the largest
    paths = found[band, draw]
    row = comparison.run(Place(*next(iter(paths)), band), draw)
    assert row is not None  # who has a residual has a row
    try:
        target, reason = rebuild(row, out), ""
    except UsageError as error:
        target, reason = None, str(error)
    return Example(comparison, band, draw, target, reason, paths)


def _paths(comparison: Comparison, band: float | None, draw: Draw, out: str | Path) -> dict[tuple[str, int], Path]:
    paths = {}
    for model, size in itertools.product(comparison.models, comparison.sizes):
        row = comparison.run(Place(model, size, band), draw)
        if row is not None and row["status"] == OK and (path := array_path(out, row)).is_file():
            paths[model, size] = path
    return paths
