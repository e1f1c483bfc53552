"""Instant_NGP: multiresolution hash encoding and a small decoder (Müller et al. 2022)."""

import bisect
import math
import weakref
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import Representation, register
from models.kernels.hash_grid import encoding, encoding_tcnn
from models.kernels.hash_grid.encoding import LatticeEncoding, Level, make_levels
from models.kernels.hash_grid.lattice_plan import LatticePlan, make_plan

Prepared = LatticePlan | LatticeEncoding | Tensor
OfLattice = dict[tuple[str, torch.device], Prepared]  # by back end and device

MAX_CORNERS = 1 << 28  # a lattice with more corners than this (4 GiB as a sparse product) is gathered instead
MOST_DOUBLINGS = 24  # of the resolution; beyond, float32 has no place between two nodes
TCNN_FEATURES = (1, 2, 4, 8)  # a level, that tiny-cuda-nn is compiled for


@register
class Instant_NGP(Representation):  # the name that rows and the paper use
    """Encoding → Linear → ReLU → Linear, coordinates taken to [0, 1). The size dial is T.

    Stated exception to filling the budget: by default T is the largest power of two with
    levels·features·T + decoder ≤ budget, as in the paper, although coarse levels need fewer entries.
    With `table` "exact" it is the largest whole number whose levels fit.
    """

    name = "Instant_NGP"
    smallest = 8  # level sizes are multiples of 8
    backends = ("triton", "tcnn", "torch")

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam
        lr: Annotated[float, Dial(1e-3, 1e-1, "log", "the paper's 1e-2, a decade each way")]
        # resolutions of the table
        levels: Annotated[int, Dial(4, 16, "log", "the paper has 16; fewer leave longer tables")]
        features: int  # values of an entry of the table, on every level
        base_resolution: int  # nodes an axis of the coarsest level
        # factor of the resolution from one level to the next finer one
        growth: Annotated[float, Dial(1.26, 2, "linear", "Müller et al. 2022, section 3")]
        hidden: int  # width of the decoder
        # table values start uniform within ± this
        initial_range: Annotated[float, Dial(1e-5, 1e-1, "log", "the paper's 1e-4, and up to what a signal has")]
        table: Literal["power_of_two", "exact"]  # whether T is a power of two, or any whole number

        def __post_init__(self) -> None:
            doublings = math.log2(max(self.growth, 1)) * (self.levels - 1)
            if self.growth < 1 or math.log2(max(self.base_resolution, 1)) + doublings > MOST_DOUBLINGS:
                most = f"and leave the last of {self.levels} levels at most 2**{MOST_DOUBLINGS} nodes an axis"
                raise ValueError(f"growth: must be at least 1, {most}, got {self.growth}")

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.levels = _levels(config, self.dim, size)
        entries = self.levels[-1].offset + self.levels[-1].size
        self.table = nn.Parameter(torch.empty(entries, config.features))
        self.hidden = nn.Linear(config.levels * config.features, config.hidden)
        self.output = nn.Linear(config.hidden, channels)
        self._prepared: weakref.WeakKeyDictionary[Lattice, OfLattice] = weakref.WeakKeyDictionary()

    @classmethod
    def solve_size(cls, config: Any, lattice: Lattice, channels: int, budget: int) -> int | None:
        width = config.levels * config.features
        decoder = width * config.hidden + config.hidden + config.hidden * channels + channels
        if config.table == "power_of_two":
            entries = (budget - decoder) // width
            return 1 << entries.bit_length() - 1 if entries >= cls.smallest else None

        def values(size: int) -> int:
            last = _levels(config, lattice.dim, size)[-1]
            return (last.offset + last.size) * config.features + decoder

        finest = _levels(config, lattice.dim, 1)[-1].resolution
        # with the finest level's nodes every level is dense; a table longer than the budget never fits
        sizes = range(cls.smallest, min(finest**lattice.dim, budget) + 1)
        fitting = bisect.bisect_right(sizes, budget, key=values)
        return sizes[fitting - 1] if fitting else None

    def refuses(self, backend: str, precision: str) -> str | None:
        if backend == "triton" and self.config.features.bit_count() != 1:
            return f"its kernels take 1, 2, 4, 8, … features a level, not {self.config.features}"
        if backend == "tcnn" and self.size.bit_count() != 1:
            return f"tiny-cuda-nn has tables of 2ⁿ entries, not {self.size}"
        if backend == "tcnn" and self.config.features not in TCNN_FEATURES:
            return f"tiny-cuda-nn takes {TCNN_FEATURES} features a level, not {self.config.features}"
        return None

    @property
    def recordable(self) -> bool:
        return self.backend != "tcnn"  # tiny-cuda-nn allocates for itself, which breaks a recording

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)
        nn.init.uniform_(self.table, -self.config.initial_range, self.config.initial_range, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        return self._decode(self._encode((x + 1) / 2))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        seen_once = lattice not in self._prepared and not torch.is_grad_enabled()  # as in super-resolution
        too_large = self.backend == "torch" and len(lattice) * len(self.levels) * 2**self.dim > MAX_CORNERS
        if seen_once or too_large:
            return super().on_lattice(lattice)
        of_lattice = self._prepared.setdefault(lattice, {})
        key = self.backend, self.device
        if key not in of_lattice:
            of_lattice[key] = self._prepare(lattice)
        prepared = of_lattice[key]
        if isinstance(prepared, LatticePlan):
            return prepared.natural(self._decode(self._encode(prepared.points, prepared)))
        if isinstance(prepared, LatticeEncoding):
            return self._decode(prepared(self.table)).reshape(*lattice.shape, self.channels)
        return self._decode(self._encode(prepared)).reshape(*lattice.shape, self.channels)

    def _prepare(self, lattice: Lattice) -> Prepared:
        """What a back end wants to know of a lattice, once."""
        if self.backend == "triton":
            return make_plan(lattice, self.levels, self.device)
        points = (lattice.points(self.device) + 1) / 2
        return points if self.backend == "tcnn" else LatticeEncoding(points, self.levels)

    def _encode(self, x: Tensor, plan: LatticePlan | None = None) -> Tensor:
        """x [N, d] in [0, 1) → [N, levels·features]."""
        if self.backend == "triton":
            from models.kernels.hash_grid.encoding_triton import encode  # Triton is imported where it runs alone

            return encode(x, self.table, self.levels, plan)
        if self.backend == "tcnn":
            shape = (self.dim, self.config.levels, self.size.bit_length() - 1)
            return encoding_tcnn.encode(x, self.table, *shape, self.config.base_resolution, self.config.growth)
        return encoding.encode(x, self.table, self.levels)

    def _decode(self, features: Tensor) -> Tensor:
        if self.backend == "triton":
            from models.kernels.hash_grid.decoder_triton import WIDEST, decode

            if max(self.hidden.weight.shape) <= WIDEST:
                return decode(features, self.hidden, self.output)
        return self.output(torch.relu(self.hidden(features)))


def _levels(config: Any, dim: int, table_size: int) -> tuple[Level, ...]:
    return make_levels(dim, config.levels, config.base_resolution, config.growth, table_size)
