"""How the points of a lattice share the entries of a hash table, worked out once for each lattice.

The entry of node (i0, i1, …) is a hash of products: i0 ⊕ i1·p1 ⊕ i2·p2 modulo T, or i0 + i1·r + i2·r²
where a level is dense. Either way it is `i0 ∘ H`, with H the same for a whole line of points along
axis 0. So the gradient of a table is a double sum that needs neither a sort nor an atomic add for each
corner of each point: over the points that touch node i0 of their line (a *piece*), and over the lines
whose H is the same modulo T (a *group*). At T = 2048 that is some twenty lines of a 100³ volume.

Points are numbered with axis 0 running fastest, so that neighbours in memory meet neighbouring entries.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from common.lattice import Lattice
from models.kernels.hash_grid.encoding import PRIMES, UINT32, Level

PIECE = 8  # points of a line in one piece, at most; a node of a coarse level has several pieces
GROUP = 64  # corners of lines in one group, at most, so that the work is cut evenly


@dataclass(frozen=True)
class LatticePlan:
    """Index tables of the double sum. All tensors are int32 but for the weights, which are float32.

    points: [N, d] in [0, 1), axis 0 fastest. line: points along axis 0.
    pieces: [V, 1 + PIECE], node of axis 0 and its points on a line; piece_weights: [V, PIECE], 0 where
    a piece is shorter. runs: [L, 3], a level's first and end in `pieces`, and the points of its longest
    piece; most_pieces: of a level.
    lines: [M] numbers of lines, line_weights: [M]; groups: [G, 4], level, H, first and end in `lines`.
    """

    points: Tensor
    shape: tuple[int, ...]
    line: int
    pieces: Tensor
    piece_weights: Tensor
    runs: Tensor
    most_pieces: int
    lines: Tensor
    line_weights: Tensor
    groups: Tensor

    def natural(self, values: Tensor) -> Tensor:
        """Values of the points [N, C] in the array order of the lattice: [*shape, C]."""
        d = len(self.shape)
        return values.reshape(*self.shape[::-1], -1).permute(*range(d - 1, -1, -1), d)


def make_plan(lattice: Lattice, levels: tuple[Level, ...], device: torch.device) -> LatticePlan:
    """Work out how a lattice meets the levels: milliseconds to a second, all on the CPU."""
    axes = [(axis.astype(np.float32) + np.float32(1)) / np.float32(2) for axis in lattice.axes]
    pieces, lines, groups = [], [], []
    first_line = 0
    for number, level in enumerate(levels):
        nodes = [_nodes(x, level) for x in axes]
        pieces.append(_pieces(*nodes[0]))
        line, weight, limits, shared = _lines(nodes[1:], level)
        lines.append((line, weight))
        groups.append(np.stack([np.full(len(shared), number), shared, *(limits + first_line)], axis=1))
        first_line += len(line)
    ends = np.cumsum([len(ids) for ids, _ in pieces])
    begins = np.append(0, ends[:-1])
    lengths = [int((weights > 0).sum(axis=1).max()) for _, weights in pieces]

    def tensor(parts: list[np.ndarray], dtype: type) -> Tensor:
        return torch.from_numpy(np.concatenate(parts).astype(dtype)).to(device)

    grids = np.meshgrid(*axes[::-1], indexing="ij")[::-1]
    return LatticePlan(
        points=torch.from_numpy(np.stack([grid.ravel() for grid in grids], axis=-1)).to(device),
        shape=lattice.shape,
        line=len(axes[0]),
        pieces=tensor([ids for ids, _ in pieces], np.int32),
        piece_weights=tensor([weights for _, weights in pieces], np.float32),
        runs=tensor([np.stack([begins, ends, lengths], axis=1)], np.int32),
        most_pieces=int((ends - begins).max()),
        lines=tensor([line for line, _ in lines], np.int32),
        line_weights=tensor([weight for _, weight in lines], np.float32),
        groups=tensor(groups, np.int32),
    )


def _nodes(x: np.ndarray, level: Level) -> tuple[np.ndarray, np.ndarray]:
    """The node below each sample of an axis, int64 [n], and how far the sample is from it, float32 [n]."""
    position = x * np.float32(level.scale) + np.float32(0.5)
    below = np.floor(position)
    return below.astype(np.int64), position - below


def _pieces(below: np.ndarray, fraction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Node and points [V, 1 + PIECE], and weights [V, PIECE], of the pieces of a line."""
    node = np.concatenate([below, below + 1])
    point = np.tile(np.arange(len(below)), 2)
    weight = np.concatenate([1 - fraction, fraction])
    order = np.lexsort((point, node))
    order = order[weight[order] > 0]
    node, point, weight = node[order], point[order], weight[order]
    rank = np.arange(len(node)) - np.searchsorted(node, node)  # within its node
    start = rank % PIECE == 0
    piece, place = np.cumsum(start) - 1, rank % PIECE
    ids = np.zeros((start.sum(), 1 + PIECE), dtype=np.int64)
    weights = np.zeros((start.sum(), PIECE), dtype=np.float32)
    ids[piece, 0] = node
    ids[piece, 1 + place] = point
    weights[piece, place] = weight
    return ids, weights


def _lines(
    nodes: list[tuple[np.ndarray, np.ndarray]], level: Level
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The corners of all lines, ordered by what they share.

    Returns the line [M] and its weight [M] of each, the first and end of each group [2, G], and H [G].
    """
    shape = [len(below) for below, _ in nodes]
    line = np.arange(np.prod(shape))
    at = np.unravel_index(line, shape, order="F")  # the earlier axis runs faster
    shared, weights = [], []
    for corner in itertools.product((0, 1), repeat=len(nodes)):
        h: np.ndarray = np.zeros(len(line), dtype=np.int64)
        weight: np.ndarray = np.ones(len(line), dtype=np.float32)
        for k, bit in enumerate(corner):
            below, fraction = (values[at[k]] for values in nodes[k])
            if level.dense:
                h += (below + bit) * level.resolution ** (k + 1)
            else:
                h ^= (below + bit) * PRIMES[k + 1] & UINT32
            weight = weight * (fraction if bit else 1 - fraction)
        shared.append(h)
        weights.append(weight)
    h = np.concatenate(shared)
    if not level.dense and level.size & (level.size - 1) == 0:
        h &= level.size - 1  # a power of two keeps the low bits of an exclusive or
    order = np.argsort(h, kind="stable")
    h = h[order]
    start = (np.arange(len(h)) - np.searchsorted(h, h)) % GROUP == 0
    limits = np.append(np.flatnonzero(start), len(h))
    as_int32 = h[start].astype(np.uint32).view(np.int32)
    return (
        np.tile(line, 2 ** len(nodes))[order],
        np.concatenate(weights)[order],
        np.stack([limits[:-1], limits[1:]]),
        as_int32,
    )
