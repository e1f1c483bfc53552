"""Values as Triton's kernels read them."""

import torch
from torch import Tensor


def dense(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The same tensors without gaps in memory. TypeError where one is not of float32, the only type that is read."""
    for x in tensors:
        if x.dtype != torch.float32:
            raise TypeError(
                f"Triton's kernels take values in float32, got {x.dtype}; convert them, or take the back end torch"
            )
    return tuple(x.contiguous() for x in tensors)
