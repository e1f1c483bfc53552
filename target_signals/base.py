"""The contract of a target signal, and the registry through which one file adds one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from common.declarations import check_declarations
from common.errors import UsageError, suggest
from common.lattice import Lattice
from common.registry import Registry
from target_signals import shrink
from target_signals.geometry import Geometry

Kind = Literal["synthetic", "image", "volume"]
Dim = Literal[2, 3]
LEAST_BAND, GREATEST_BAND = 0.1, 0.9
PAPER_LENGTH = {2: 1000, 3: 100}  # samples an axis


@dataclass(frozen=True, eq=False)
class Signal:
    """A sampled signal.

    values: [*shape] for one channel or [*shape, C], float32.
    dim: number of lattice axes; tells a channel axis from a lattice axis.
    kind: the sort of data, by which a model's settings may differ.
    rings: masks [*shape] of regions that are scored on their own (the star's nine bands), or none.
    finer: the same signal on a finer lattice, [*finer shape] or [*finer shape, C], where it is known.
    finer_lattice: where the finer samples lie; None where the cells of both lattices fill the same box.
    source: where recorded values came from and what was done to them, in one phrase.
    units: what 0 and 1 were in the file's or the array's own values.
    geometry: where the samples lie in space, where a file says so.
    """

    values: np.ndarray
    dim: int
    kind: Kind
    rings: tuple[np.ndarray, ...] = ()
    finer: np.ndarray | None = None
    finer_lattice: Lattice | None = None
    source: str | None = None
    units: tuple[float, float] = (0.0, 1.0)
    geometry: Geometry | None = None

    @cached_property
    def lattice(self) -> Lattice:
        return Lattice.regular(self.values.shape[: self.dim])

    @property
    def channels(self) -> int:
        return self.values.shape[self.dim] if self.values.ndim > self.dim else 1

    @cached_property
    def channels_last(self) -> np.ndarray:
        """The values as [*shape, C], of one channel as well."""
        return self.values.reshape(*self.lattice.shape, self.channels)

    @cached_property
    def binary(self) -> bool:
        """Whether every value is 0 or 1."""
        return is_binary(self.values)


def is_binary(values: np.ndarray) -> bool:
    """Whether every value is 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


@dataclass(frozen=True)
class Difficulty:
    """What a family's difficulty dial is called in its field, and the quantity that a bandlimit stands for.

    name, unit: as on an axis; a unit may be empty. value: bandlimit → the quantity.
    """

    name: str
    unit: str = ""
    value: Callable[[float], float] = float

    @property
    def axis(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def text(self, bandlimit: float) -> str:
        """The quantity to two digits: `3`, `0.035`, `1.2`."""
        return f"{float(f'{self.value(bandlimit):.2g}'):g}"

    def title(self, bandlimit: float) -> str:
        """`subdivision depth 3`"""
        return f"{self.name} {self.text(bandlimit)}"


class SignalFamily:
    """Where signals come from. A subclass names itself, says what it takes, and defines `build`.

    dims: the dimensions it exists in.
    bands: whether `bandlimit` is its difficulty dial; otherwise its bandlimit is None.
    draws: whether `build` draws anything at random.
    difficulty: what that, or a ring of a signal that is scored in rings, is called on axes.
    kind: the sort of data it yields.
    stands_for: the family whose place it takes when that one's data is absent.
    fixed_items: whether its items, where it has any, are conditions, as volumes of one object are, and no sample, as
        photographs are: then no interval over them says anything of others.
    """

    name: ClassVar[str]
    dims: ClassVar[tuple[Dim, ...]]
    bands: ClassVar[bool] = True
    draws: ClassVar[bool] = True
    difficulty: ClassVar[Difficulty] = Difficulty("band")
    kind: ClassVar[Kind] = "synthetic"
    stands_for: ClassVar[str | None] = None
    fixed_items: ClassVar[bool] = False

    @classmethod
    def build(cls, dim: int, length: int, bandlimit: float | None, seed: int) -> Signal:
        """The signal at `length` samples an axis. The arguments have been checked by `check`."""
        raise NotImplementedError

    @classmethod
    def points(cls, dim: int, length: int | None) -> int:
        """About how many points its training lattice has, for estimates of cost."""
        return (length or PAPER_LENGTH[dim]) ** dim

    @classmethod
    def check(cls, dim: int, length: int | None, bandlimit: float | None) -> None:
        """Raise UsageError when there is no such signal."""
        cls.check_dim(dim)
        if length is not None:
            shrink.check(length)
        if not cls.bands:
            if bandlimit is not None:
                raise UsageError(f"{cls.name} has no bandlimit, got {bandlimit}; leave it out")
        elif bandlimit is None or not LEAST_BAND <= bandlimit <= GREATEST_BAND:
            raise UsageError(f"{cls.name} needs a bandlimit from {LEAST_BAND} to {GREATEST_BAND}, got {bandlimit}")

    @classmethod
    def check_dim(cls, dim: int) -> None:
        """Raise UsageError for a dimension that it does not exist in."""
        if dim not in cls.dims:
            allowed = " or ".join(map(str, cls.dims))
            raise UsageError(f"{cls.name} does not exist with dim {dim!r}; it has dim {allowed}")


class RecordedFamily(SignalFamily):
    """A family of recorded or modelled objects: it has items in place of bands, at sizes of their own.

    items: what there is.
    stand_in: the family that runs when this one's data is absent.
    typical_shape: of the training lattice, for estimates of cost.
    """

    bands = False
    draws = False
    items: ClassVar[tuple[str, ...]]
    stand_in: ClassVar[str | None] = None
    typical_shape: ClassVar[tuple[int, ...]]

    @classmethod
    def missing(cls, items: Sequence[str] | None = None) -> str | None:
        """None, or one line: what some items (default: all) lack, where it was looked for, and how to obtain it."""
        return None

    @classmethod
    def has_finer(cls, item: str) -> bool:
        """Whether `load` will give a finer lattice's values too; reads no data."""
        return False

    @classmethod
    def check_item(cls, item: str) -> None:
        """Raise UsageError, which offers a close name, for an item that there is not."""
        if item not in cls.items:
            known = ", ".join(cls.items)
            raise UsageError(f"{cls.name} has no item '{item}'{suggest(item, cls.items)}; it has {known}")

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        """One item, with `length` samples along its longest axis or, without a length, as it is.

        The arguments have been checked by `check` and `check_item`.
        """
        raise NotImplementedError

    @classmethod
    def points(cls, dim: int, length: int | None) -> int:
        scale = 1.0 if length is None else length / max(cls.typical_shape)
        return math.prod(max(1, round(scale * n)) for n in cls.typical_shape)


registry: Registry[type[SignalFamily]] = Registry(
    "signal", "target_signals", lambda cls: check_declarations(cls, SignalFamily)
)
register = registry.register


def known_family(name: str) -> type[SignalFamily]:
    """The family of a signal; SignalFamily itself for one that is not registered, as in the rows of others."""
    return registry.get(name) if name in registry.names() else SignalFamily


def difficulty_of(name: str) -> Difficulty:
    """The dial of a signal; of an unknown one a plain `band`."""
    return known_family(name).difficulty


def has_fixed_items(name: str) -> bool:
    """Whether a signal's items are conditions; those of an unknown one are not."""
    return known_family(name).fixed_items
