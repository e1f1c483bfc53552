"""Products of matrices of 16 bits, bfloat16 or float16, summed in float32."""

import torch
from torch import Tensor


def mm(a: Tensor, b: Tensor) -> Tensor:
    """The product of matrices [n, k] and [k, m] of one such type: float32 [n, m]; not differentiable."""
    return torch.mm(a, b, out_dtype=torch.float32) if a.is_cuda else a.float() @ b.float()


def bmm(a: Tensor, b: Tensor) -> Tensor:
    """The same of stacks [s, n, k] and [s, k, m]: [s, n, m]."""
    return torch.bmm(a, b, out_dtype=torch.float32) if a.is_cuda else a.float() @ b.float()
