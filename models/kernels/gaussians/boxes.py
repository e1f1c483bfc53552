"""Which samples of a lattice a Gaussian reaches, and the blocks of a lattice that it meets."""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST_WEIGHT = 1 / 255  # a Gaussian that weighs no more than this at a sample leaves it alone, as in gsplat 1.5
REACH = 1.001 * math.sqrt(2 * math.log(1 / LEAST_WEIGHT))  # standard deviations to there; the excess is for rounding
PAIRS = 1 << 22  # of a Gaussian and a block, listed at once: 200 MB
TOGETHER = 16  # Gaussians in a row of a list


@torch.no_grad()
def boxes(means: Tensor, deviations: Tensor, axes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The first sample of each Gaussian's box along every axis, and the one behind its last: [N, d] each, int64.

    means, deviations: [N, d]. axes: d tensors [n], not decreasing, in the same units.
    """
    low, high = (means - REACH * deviations).T.contiguous(), (means + REACH * deviations).T.contiguous()
    first = [torch.searchsorted(axis, at) for axis, at in zip(axes, low, strict=True)]
    behind = [torch.searchsorted(axis, at, right=True) for axis, at in zip(axes, high, strict=True)]
    return torch.stack(first, dim=1), torch.stack(behind, dim=1)


class Blocks:
    """A lattice as blocks of `side` samples an axis, those of the last axis first; the last ones are filled up by
    repeating the last sample.

    axes: d tensors [n]. x: d tensors [blocks along the axis, side].
    """

    def __init__(self, axes: Sequence[Tensor], side: int):
        self.side, self.shape = side, [len(axis) for axis in axes]
        self.x = [torch.cat([axis, axis[-1:].expand(-len(axis) % side)]).reshape(-1, side) for axis in axes]
        self.along = [len(x) for x in self.x]
        self.number = math.prod(self.along)

    def coordinates(self, block: Tensor) -> list[Tensor]:
        """Of blocks [R]: d tensors [R, side]."""
        found = []
        for x in reversed(self.x):
            found.append(x[block % len(x)])
            block = block // len(x)
        return found[::-1]

    def split(self, values: Tensor) -> Tensor:
        """[*shape, C] → [blocks, C, side^d], zeros in the filling."""
        filling = [end for n in reversed(self.shape) for end in (0, -n % self.side)]
        values = F.pad(values, [0, 0, *filling])
        d, inner = len(self.shape), [side for n in self.along for side in (n, self.side)]
        order = [*range(0, 2 * d, 2), 2 * d, *range(1, 2 * d, 2)]
        return values.reshape(*inner, -1).permute(order).reshape(self.number, values.shape[-1], -1)

    def join(self, blocks: Tensor) -> Tensor:
        """[blocks, C, side^d] → [*shape, C]."""
        d = len(self.shape)
        values = blocks.reshape(*self.along, -1, *[self.side] * d)
        order = [axis for k in range(d) for axis in (k, d + 1 + k)]
        values = values.permute(*order, d).reshape(*(n * self.side for n in self.along), blocks.shape[1])
        return values[tuple(slice(n) for n in self.shape)].contiguous()

    def rows(self, first: Tensor, behind: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The Gaussians that boxes reach in each block, in rows: blocks [R] and Gaussians [R, TOGETHER].

        A block has as many rows as it needs; their free places hold N, the number of Gaussians. Large sets come in
        parts, so that what is listed at once is bounded.
        """
        along = torch.tensor(self.along, device=first.device)
        start = first // self.side
        count = torch.where(behind > first, (behind - 1) // self.side - start + 1, 0)  # [N, d]
        pairs = count.prod(dim=1)
        (seen,) = torch.where(pairs > 0)
        part = ((pairs.cumsum(0) - pairs) // PAIRS)[seen]
        for number in part.unique():
            some = seen[part == number]
            which = some.repeat_interleave(pairs[some])  # [P]
            nth = torch.arange(len(which), device=which.device)
            nth -= (pairs[some].cumsum(0) - pairs[some]).repeat_interleave(pairs[some])
            block, stride = torch.zeros_like(which), 1
            for k in reversed(range(len(along))):
                block += stride * (start[which, k] + nth % count[which, k])
                nth //= count[which, k]
                stride *= self.along[k]
            yield self._in_rows(block, which, len(first))

    def _in_rows(self, block: Tensor, which: Tensor, nobody: int) -> tuple[Tensor, Tensor]:
        block, order = torch.sort(block, stable=True)
        held = torch.bincount(block, minlength=self.number)
        needed = (held + TOGETHER - 1) // TOGETHER  # rows of a block
        place = torch.arange(len(block), device=block.device) - (held.cumsum(0) - held)[block]  # within the block
        place += TOGETHER * (needed.cumsum(0) - needed)[block]
        rows = which.new_full((int(needed.sum()), TOGETHER), nobody)
        rows.view(-1)[place] = which[order]
        return torch.arange(self.number, device=block.device).repeat_interleave(needed), rows
