"""What a row is about: the kind of its experiment, and its cell within that.

Rows belong to one experiment when they share signal, dimension, task, preset, length and steps, and of somebody's own
files the data set; a cell is one model, budget, band and draw, which is an item and the seeds, and a case what models
are compared in: a cell without its model. Plain Python, so that it starts at once.
"""

import functools
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from harness.store.names import known
from harness.store.schema import Row
from target_signals.item_names import name_of
from target_signals.user_file import UserFile


class Kind(NamedTuple):
    """What the rows of one experiment share. length: None for recorded signals at their native size. dataset: of
    somebody's own files, as `dataset_of` says."""

    signal: str
    dim: int
    task: str
    preset: str
    length: int | None
    steps: int | None
    dataset: str | None = None

    def __str__(self) -> str:
        return f"{self.title}, {self.rest}"

    @property
    def rest(self) -> str:
        """What comes after the title."""
        return ", ".join((self.task, self.preset, *self.extent))

    @property
    def extent(self) -> tuple[str, str]:
        """Length and steps in words. Other people's rows may lack the steps."""
        length = "native size" if self.length is None else f"length {self.length}"
        return length, "steps unknown" if self.steps is None else f"{self.steps} steps"

    @property
    def title(self) -> str:
        """The signal in headlines: `Sierpinski 2D`; of somebody's own files the name, without digits of the content."""
        return f"{self.signal} {self.dim}D" if self.dataset is None else name_of(self.dataset)


class Draw(NamedTuple):
    """What a score is averaged over: an item of a signal, and the seeds of a fit and of its signal."""

    item: str | None
    seed: int
    signal_seed: int
    signal: str  # of all draws of an experiment; it says whether items are replicates


class Cell(NamedTuple):
    """What one row is about within its experiment."""

    model: str
    size: int
    band: float | None
    item: str | None
    seed: int
    signal_seed: int
    signal: str

    @property
    def draw(self) -> Draw:
        return Draw(self.item, self.seed, self.signal_seed, self.signal)

    @property
    def case(self) -> "Cell":
        """What the cells of all models have in common there. Asked of every row, and `_replace` takes three times as
        long."""
        return Cell("", self.size, self.band, self.item, self.seed, self.signal_seed, self.signal)


def counted(draws: Collection[Draw | Cell]) -> dict[str, int]:
    """How many items, signals and seeds there are among draws. Signals are counted where one is not its seed's own."""
    own = all(draw.signal_seed == draw.seed for draw in draws)
    signals = {} if own else {"signal": len({draw.signal_seed for draw in draws})}
    return {"item": len({draw.item for draw in draws}), **signals, "seed": len({draw.seed for draw in draws})}


def kind_of(row: Row) -> Kind:
    """The experiment that a row belongs to."""
    return _kind(
        row["signal"],
        row["dim"],
        row["task"],
        row.get("preset") or "no preset",
        row.get("length"),
        row.get("steps"),
        dataset_of(row),
    )


@functools.cache  # ten thousand rows are of a few kinds
def _kind(
    signal: str, dim: float, task: str, preset: str, length: float | None, steps: float | None, dataset: str | None
) -> Kind:
    length, steps = (None if value is None else int(value) for value in (length, steps))
    return Kind(signal, int(dim), task, str(preset), length, steps, dataset)


def dataset_of(row: Mapping[Any, Any]) -> str | None:
    """What somebody's own files are told apart by: their data set, or the file that stands alone; None for others."""
    found = known(row.get("dataset")) or (known(row.get("item")) if row["signal"] == UserFile.name else None)
    return None if found is None else str(found)


def cell_of(row: Row) -> Cell:
    """What a row is about within its experiment."""
    item = row.get("item")
    draw = Draw(None if item is None else str(item), int(row["seed"]), int(row["signal_seed"]), row["signal"])
    return Cell(row["model"], int(row["size"]), row.get("bandlimit"), *draw)
