"""Functions of a model under torch.compile: the back end `inductor`."""

import functools
import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SHAPES = 256  # compiled forms that one function may have in a process: one a width, dimension and precision


@functools.cache
def compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An unbound method, compiled for each shape that it meets; what cannot be compiled whole is an error."""
    _prepare()
    fast = torch.compile(function, fullgraph=True)

    @functools.wraps(function)
    def quiet(*arguments: Any) -> Tensor:
        with warnings.catch_warnings():  # about PyTorch's own calls, and products that are in float32 on purpose
            warnings.simplefilter("ignore")
            return fast(*arguments)

    return quiet


def _prepare() -> None:
    """What the compiler of this process is told."""
    from torch._functorch import config as gradients
    from torch._inductor import config as inductor

    limits = torch._dynamo.config
    limits.recompile_limit = SHAPES
    limits.accumulated_recompile_limit = max(limits.accumulated_recompile_limit, SHAPES)
    # gradients written by hand are traced anew in each process otherwise, for each shape
    gradients.autograd_cache_allow_custom_autograd_functions = True
    # kernels are compiled here, in some seconds; for PyTorch's pool of processes trials waited up to ninety
    if "TORCHINDUCTOR_COMPILE_THREADS" not in os.environ:
        inductor.compile_threads = 1
