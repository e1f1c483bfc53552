"""Where the kernels of narrow networks run, and how they cut points into tiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.kernels.network.layers import Layer

HOPPER = (9, 0)  # what they were measured on
REGISTERS = 65536  # of a multiprocessor of it
MOST_REGISTERS = 255  # of a thread


@dataclass(frozen=True)
class Tiles:
    """How a kernel's points are cut, and how many of its programs a multiprocessor has room for."""

    rows: int  # points of a tile
    warps: int  # of a program, 32 threads each
    programs: int  # on a multiprocessor

    @property
    def options(self) -> dict[str, int]:
        """What a launch is given."""
        return {"ROWS": self.rows, "num_warps": self.warps}

    @property
    def registers(self) -> int:
        """Registers of a thread where programs share a multiprocessor's evenly; they are given out by eights."""
        return min(MOST_REGISTERS, REGISTERS // (self.programs * self.warps * 32) // 8 * 8)

    def grid(self, points: Tensor) -> tuple[int]:
        """As many programs as a GPU has room for; two where there is none."""
        if not points.is_cuda:
            return (2,)
        return (self.programs * torch.cuda.get_device_properties(points.device).multi_processor_count,)


def was_measured(layers: Sequence[Layer], points: Tensor) -> bool:
    """Whether the kernels were measured with such heads and points [N, d]: a head at the end, grey or colour, planes or
    solids, on Hopper. A CPU, where Triton's interpreter tries kernels, counts as one."""
    channels = {len(layer.head[0]) for layer in layers if layer.head is not None}
    return (
        layers[-1].head is not None
        and channels in ({1}, {3})
        and points.shape[1] in (2, 3)
        and (not points.is_cuda or torch.cuda.get_device_capability(points.device) == HOPPER)
    )
