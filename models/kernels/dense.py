"""Values as Triton's kernels read them."""

import torch
from torch import Tensor


def dense(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The same tensors without gaps in memory.

    TypeError where one is not of float32, the only type that is read, and ValueError where one is on a GPU that is not
    the current one: Triton launches there, whatever its arguments' is.
    """
    for x in tensors:
        if x.dtype != torch.float32:
            raise TypeError(
                f"Triton's kernels take values in float32, got {x.dtype}; convert them, or take the back end torch"
            )
        if x.is_cuda and x.device.index != torch.cuda.current_device():
            here = f"cuda:{torch.cuda.current_device()}"
            raise ValueError(
                f"Triton's kernels take values on the current GPU, {here}, got some on {x.device}; "
                f"call them inside torch.cuda.device('{x.device}')"
            )
    return tuple(x.contiguous() for x in tensors)
