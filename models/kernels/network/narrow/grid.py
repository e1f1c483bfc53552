"""Where the kernels of narrow networks run, and in how many programs."""

import torch
from torch import Tensor

HOPPER = (9, 0)  # what they were measured on


def is_hopper(points: Tensor) -> bool:
    """Whether points lie on such a GPU; true of a CPU, where Triton's interpreter tries the kernels."""
    return not points.is_cuda or torch.cuda.get_device_capability(points.device) == HOPPER


def grid_of(points: Tensor, each: int) -> tuple[int]:
    """`each` on a multiprocessor; two where there are none."""
    if not points.is_cuda:
        return (2,)
    return (each * torch.cuda.get_device_properties(points.device).multi_processor_count,)
