"""Linear layers on CPUs by oneDNN, which comes with PyTorch.

PyTorch multiplies float32 matrices by MKL, whose code for processors that are not Intel's stops at AVX2; oneDNN's uses
AVX-512 wherever it is. On an AMD EPYC short sums have the same bits by both; long ones are left to MKL to keep them.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

LEAST_WIDTH = 16  # of a layer whose products are worth it
LONGEST_SUM = 192  # values, which MKL does not cut; weights' gradients, above all, are longer sums


def serves(model: nn.Module) -> bool:
    """Whether a model on the CPU has linear layers: a mode makes every other call of PyTorch a microsecond slower."""
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    on_cpu = next(model.parameters()).device.type == "cpu"
    return there and on_cpu and any(isinstance(part, nn.Linear) for part in model.modules())


class OneDnn(TorchFunctionMode):
    """Inside, every linear layer of float32 values on the CPU has its products made by oneDNN."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return linear(*args, **(kwargs or {})) if func is F.linear else func(*args, **(kwargs or {}))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: x [*points, k], weight [n, k], bias [n] → [*points, n]."""
    float32 = x.dtype == weight.dtype == torch.float32
    if min(weight.shape) < LEAST_WIDTH or not (float32 and x.numel()) or torch.compiler.is_compiling():
        return F.linear(x, weight, bias)
    y: Tensor = _Linear.apply(x.reshape(-1, x.shape[-1]), weight, bias)
    return y.reshape(*x.shape[:-1], len(weight))


class _Linear(torch.autograd.Function):
    """x [N, k], weight [n, k], bias [n] or None → [N, n]; its gradient can be differentiated, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        to_x = _Linear.apply(gradient, weight.T, None) if ctx.needs_input_grad[0] else None
        to_weight = _Linear.apply(gradient.T, x.T, None) if ctx.needs_input_grad[1] else None
        return to_x, to_weight, gradient.sum(0) if ctx.needs_input_grad[2] else None


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a bᵀ + bias: a [N, k], b [n, k], bias [n] → [N, n]; not differentiable."""
    if a.shape[1] > LONGEST_SUM:
        return F.linear(a, b, bias)
    contiguous = None if bias is None else bias.contiguous()  # oneDNN reads a bias as if it were
    return torch.ops.mkldnn._linear_pointwise(a, b, contiguous, "none", [], "")
