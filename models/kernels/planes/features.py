"""GA-Planes' answers at some of a lattice's points, in plain PyTorch; features_triton.py has `values` in Triton.

A point of a lattice lies in a row along the last axis, at place k of it. In two dimensions its row is i and in three
(i, j), and its features are

    2D: x[i] · y[k] + plane,        3D: (x[i] · y[j] + xy[i, j]) · z[k] + yz[j, k] · x[i] + zx[i, k] · y[j] + volume,

so both are `across[row] · along[k]`, and linear interpolation between two nodes of that row, and in three dimensions
two products more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from models.kernels.interpolation import along


class Sides(NamedTuple):
    """What three dimensions add. x: [n₀, F]. y: [n₁, F]. yz: [n₁, n₂, F]. zx: [n₀, n₂, F]."""

    x: Tensor
    y: Tensor
    yz: Tensor
    zx: Tensor


class Tables(NamedTuple):
    """Tables of features on parts of a lattice of R rows of n samples.

    across: [R, F]. along: [n, F]. nodes: [R, m, F], of the plane or the volume along the last axis. sides: in 3D.
    """

    across: Tensor
    along: Tensor
    nodes: Tensor
    sides: Sides | None


def make_tables(
    lines: Sequence[Tensor], planes: Sequence[Tensor], volumes: Sequence[Tensor], pairs: Sequence[tuple[int, int]],
    matrices: Sequence[Tensor], ones: int,
) -> Tables:  # fmt: skip
    """Tables on parts of a lattice, with some features that are 1 everywhere after the others.

    lines: [F, m], one an axis. planes: [F, m, m], each on a pair of axes. volumes: [F, m, m, m], one in 3D.
    matrices: of interpolation [n, m], one an axis for lines, then for planes, then for the volume.
    """
    d = len(lines)

    def on(values: Tensor, matrices: Sequence[Tensor], axes: tuple[int, ...]) -> Tensor:
        """Values [F, *nodes] on some axes → [*shape, F] on them in their order, but nodes beyond the matrices."""
        in_order = sorted(range(len(axes)), key=lambda i: axes[i])
        values = values.permute(*[i + 1 for i in in_order], 0)
        values = F.pad(values, (0, ones), value=1.0 if len(axes) == 1 else 0.0)
        for i, k in reversed(list(enumerate(sorted(axes)))):
            if k < len(matrices):
                values = along(values, matrices[k], i)
        return values

    of_lines, of_planes, of_volume = matrices[:d], matrices[d : 2 * d], matrices[2 * d :]
    features = [on(line, of_lines, (k,)) for k, line in enumerate(lines)]
    if d == 2:
        (x, y), (plane,) = features, planes
        return Tables(x, y, on(plane, of_planes[:1], (0, 1)), None)
    x, y, z = features
    xy, yz, zx = (on(plane, of_planes, pair) for plane, pair in zip(planes, pairs, strict=True))
    volume = on(volumes[0], of_volume[:2], (0, 1, 2))
    across = torch.addcmul(xy, x[:, None], y)
    return Tables(across.flatten(0, 1), z, volume.flatten(0, 1), Sides(x, y, yz, zx))


class Places(NamedTuple):
    """Where the samples of the last axis lie among m nodes. limits: int32 [m], the first sample at or beyond a node,
    but the number of samples for the last. below: int32 [n], the node below. fraction: float32 [n], how far beyond."""

    limits: Tensor
    below: Tensor
    fraction: Tensor


def places_among(matrix: Tensor) -> Places:
    """From the interpolation matrix of an axis [n, m], m at least 2."""
    n, m = matrix.shape
    position = matrix.double() @ torch.arange(m, dtype=torch.float64, device=matrix.device)
    below = position.floor().clamp(max=m - 2)
    limits = torch.searchsorted(below, torch.arange(m, dtype=torch.float64, device=matrix.device))
    limits[-1] = n
    return Places(limits.int(), below.int(), (position - below).float())


def features(tables: Tables, places: Places, index: Tensor) -> Tensor:
    """Features at flat indices [B] → [B, F]."""
    n = len(tables.along)
    row, k = index // n, index % n
    lower = places.below[k].long()
    fraction = places.fraction[k][:, None]
    total = tables.across[row] * tables.along[k]
    total = total + (1 - fraction) * tables.nodes[row, lower] + fraction * tables.nodes[row, lower + 1]
    if tables.sides is not None:
        x, y, yz, zx = tables.sides
        i, j = row // len(y), row % len(y)
        total = total + yz[j, k] * x[i] + zx[i, k] * y[j]
    return total


def values(tables: Tables, places: Places, index: Tensor, weight: Tensor, head: Tensor) -> Tensor:
    """Outputs of a decoder of features, without biases, at flat indices [B]: weight [F, F] of the hidden layer, head
    [C, F] → [B, C]."""
    return torch.relu(features(tables, places, index) @ weight.T) @ head.T


def bound(tables: Tables) -> Tensor:
    """What no feature is larger than."""

    def largest(x: Tensor) -> Tensor:
        return torch.linalg.vector_norm(x.detach(), torch.inf)

    total = largest(tables.across) * largest(tables.along) + largest(tables.nodes)
    if tables.sides is not None:
        x, y, yz, zx = map(largest, tables.sides)
        total = total + yz * x + zx * y
    return total
