"""A lattice cut into blocks of equal sides."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


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
