"""Features of GA-Planes at some of a lattice's points, in plain PyTorch; features_triton.py has the same in Triton.

A point of a lattice lies in a row along the last axis, at place k of it. In two dimensions its row is i and in three
(i, j), and its features are

    2D: x[i] · y[k] + plane,        3D: (x[i] · y[j] + xy[i, j]) · z[k] + yz[j, k] · x[i] + zx[i, k] · y[j] + volume,

so both are `across[row] · along[k]`, and linear interpolation between two nodes of that row, and in three dimensions
two products more.
"""

from typing import NamedTuple

import torch
from torch import Tensor


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


def bound(tables: Tables) -> Tensor:
    """What no feature is larger than."""

    def largest(x: Tensor) -> Tensor:
        return torch.linalg.vector_norm(x.detach(), torch.inf)

    total = largest(tables.across) * largest(tables.along) + largest(tables.nodes)
    if tables.sides is not None:
        x, y, yz, zx = map(largest, tables.sides)
        total = total + yz * x + zx * y
    return total
