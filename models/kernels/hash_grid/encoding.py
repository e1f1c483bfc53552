"""The multiresolution hash encoding (Müller et al. 2022, section 3), laid out as tiny-cuda-nn does.

docs/protocol.md, "Models", states the layout.

All levels lie in one table [entries, F], level after level. `encode` gathers at any points;
`LatticeEncoding` is the same linear map for one fixed set of points as a `SparseMap`, which the
CPU runs several times faster because indices, weights and the order of summation are known beforehand.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from common.sparse_map import SparseMap

PRIMES = (1, 2654435761, 805459861)
UINT32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Level:
    """One level: position = x·scale + ½, `resolution` nodes an axis, `size` entries from `offset` on."""

    scale: float
    resolution: int
    size: int
    offset: int
    dense: bool


def make_levels(dim: int, count: int, base: int, growth: float, table_size: int) -> tuple[Level, ...]:
    """The levels of a table with at most `table_size` entries a level."""
    levels: list[Level] = []
    offset = 0
    for i in range(count):
        scale = base * growth**i - 1
        resolution = math.ceil(scale) + 1
        dense = resolution**dim <= table_size
        size = min(table_size, 8 * math.ceil(resolution**dim / 8))
        levels.append(Level(scale, resolution, size, offset, dense))
        offset += size
    return tuple(levels)


def corners(x: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """Table rows and weights of the 2^d corners around x [N, d] in [0, 1): int64 and float, [N, 2^d]."""
    position = x * level.scale + 0.5
    below = position.floor()
    fraction = position - below
    indices, weights = [], []
    for corner in itertools.product((0, 1), repeat=x.shape[1]):
        node = [below[:, k].long() + bit for k, bit in enumerate(corner)]
        if level.dense:
            index = sum((n * level.resolution**k for k, n in enumerate(node)), torch.zeros_like(node[0]))
        else:  # unsigned 32-bit arithmetic, kept in 64 bits
            index = torch.zeros_like(node[0])
            for n, prime in zip(node, PRIMES, strict=False):
                index = index ^ (n * prime & UINT32)
        indices.append(index % level.size + level.offset)
        weight = torch.ones_like(fraction[:, 0])
        for k, bit in enumerate(corner):
            weight = weight * (fraction[:, k] if bit else 1 - fraction[:, k])
        weights.append(weight)
    return torch.stack(indices, dim=1), torch.stack(weights, dim=1)


def encode(x: Tensor, table: Tensor, levels: tuple[Level, ...]) -> Tensor:
    """x [N, d] in [0, 1), table [entries, F] → [N, levels·F]; differentiable in the table."""
    features = []
    for level in levels:
        index, weight = corners(x, level)
        features.append((table[index] * weight[..., None]).sum(1))
    return torch.cat(features, dim=1)


class LatticeEncoding:
    """`encode` at fixed points as a sparse product.

    x: [N, d] in [0, 1). Memory: 16 bytes a corner, N·levels·2^d corners; half of it when no gradient is taken.
    """

    def __init__(self, x: Tensor, levels: tuple[Level, ...]):
        entries = levels[-1].offset + levels[-1].size
        parts = [corners(x, level) for level in levels]
        index = torch.stack([i.int() for i, _ in parts], dim=1)  # [N, L, 2^d]
        weight = torch.stack([w for _, w in parts], dim=1)
        rows, per_row = index.shape[0] * index.shape[1], index.shape[2]
        starts = torch.arange(0, rows * per_row + 1, per_row, dtype=torch.int32, device=x.device)
        self.map = SparseMap(starts, index.flatten(), weight.flatten(), (rows, entries))
        self.levels = len(levels)

    def __call__(self, table: Tensor) -> Tensor:
        """table [entries, F] → [N, levels·F]; float32, as in `encode`."""
        return self.map(table).reshape(-1, self.levels * table.shape[1])
