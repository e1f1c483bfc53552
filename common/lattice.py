"""The lattice on which a signal is sampled (docs/protocol.md, "Lattices and coordinates").

It is the one thing that models and signals both know.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Lattice:
    """A product of one-dimensional samplings of [-1, 1): one non-decreasing float64 array an axis.

    Coordinate k of a point runs along array axis k. Two lattices are equal only when they are the
    same object, so a lattice can be the key of a cache.
    """

    axes: tuple[np.ndarray, ...]
    _tensors: "dict[torch.device, tuple[torch.Tensor, ...]]" = field(default_factory=dict, init=False, repr=False)
    _given: tuple[np.ndarray, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_given", tuple(np.array(axis) for axis in self.axes))

    @classmethod
    def regular(cls, shape: tuple[int, ...]) -> "Lattice":
        """Sample i of an axis of n sits at -1 + 2 i / n; the end point is left out."""
        if not shape or any(n < 1 for n in shape):
            raise ValueError(f"a lattice needs at least one sample an axis, got shape {shape}")
        return cls(tuple(-1 + 2 * np.arange(n) / n for n in shape))

    @classmethod
    def aligned(cls, shape: tuple[int, ...], coarse: tuple[int, ...]) -> "Lattice":
        """The lattice of `shape` whose cells fill the same box as those of the regular lattice `coarse`.

        A regular lattice's sample sits at the middle of its cell, so sample j of n lies at
        -1 + (2 j + 1) / n - 1 / n_coarse, which is clamped to -1 before the first coarse sample.
        """
        fine = ((2 * np.arange(n) + 1) / n - 1 / m for n, m in zip(shape, coarse, strict=True))
        return cls(tuple(np.maximum(axis - 1, -1.0) for axis in fine))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis) for axis in self.axes)

    @property
    def dim(self) -> int:
        return len(self.axes)

    def __len__(self) -> int:
        """Number of points."""
        return int(np.prod(self.shape))

    def has_samples_of(self, other: "Lattice") -> bool:
        """Whether another lattice is this one, or has the same samples."""
        return self is other or all(map(np.array_equal, self.axes, other.axes))

    def axis_tensors(self, device: "torch.device | str") -> "tuple[torch.Tensor, ...]":
        """The axes as float32 tensors, one [n_k] an axis; copied to a device once, as a copy makes the host wait."""
        import torch

        device = torch.device(device)
        if device not in self._tensors:
            self._tensors[device] = tuple(torch.tensor(axis, dtype=torch.float32, device=device) for axis in self.axes)
        return self._tensors[device]

    def restore(self) -> bool:
        """Undo what somebody has changed in the axes, which models share; whether there was anything."""
        import torch

        moved = [(axis, own) for axis, own in zip(self.axes, self._given, strict=True) if not np.array_equal(axis, own)]
        for axis, own in moved:
            axis[...] = own
        given = [torch.tensor(own, dtype=torch.float32) for own in self._given]
        same = all(all(map(torch.equal, [axis.cpu() for axis in axes], given)) for axes in self._tensors.values())
        if not same:
            self._tensors.clear()
        return bool(moved) or not same

    def open_mesh(self, device: "torch.device | str") -> "tuple[torch.Tensor, ...]":
        """The axes as float32 tensors that broadcast to the lattice: axis k has n_k samples along k and 1 elsewhere."""
        axes = self.axis_tensors(device)
        return tuple(axis.reshape([-1 if i == k else 1 for i in range(self.dim)]) for k, axis in enumerate(axes))

    def points(self, device: "torch.device | str") -> "torch.Tensor":
        """Every point in array (C) order: [size, dim], float32."""
        import torch

        grids = torch.meshgrid(*self.axis_tensors(device), indexing="ij")
        return torch.stack([grid.reshape(-1) for grid in grids], dim=-1)

    def points_at(self, index: "torch.Tensor") -> "torch.Tensor":
        """The points of flat (C order) indices: index [B] int64 → [B, dim] float32, on the index's device."""
        import torch

        columns = []
        for axis in reversed(self.axis_tensors(index.device)):
            columns.append(axis[index % len(axis)])
            index = torch.div(index, len(axis), rounding_mode="floor")
        return torch.stack(columns[::-1], dim=-1)

    def slabs(self, max_points: int) -> Iterator[tuple[slice, "Lattice"]]:
        """Cut the first axis into runs of at most `max_points` points, and never less than one layer; all but the
        last are equally long.

        Yields the slice of the first axis and the lattice of that slab.
        """
        layer = len(self) // self.shape[0]
        count = math.ceil(self.shape[0] / max(1, max_points // layer))
        thickness = math.ceil(self.shape[0] / count)
        for start in range(0, self.shape[0], thickness):
            part = slice(start, min(start + thickness, self.shape[0]))
            yield part, Lattice((self.axes[0][part], *self.axes[1:]))
