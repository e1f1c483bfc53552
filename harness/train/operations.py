"""Floating-point operations that evaluating one sample takes, counted while the plain implementation runs.

Products of matrices and convolutions are counted as torch.utils.flop_counter does, a multiply-add as two. Everything
else that makes floating-point numbers counts once for each number that it makes, or that it sums. Moving numbers
about, comparing them and computing indices is free.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.train.precision import evaluation_mode
from models.base import Representation

POINTS = 512  # of which the operations are counted; twice as many are, too
# operators by how their names begin; views are free as well
FREE = (
    "_to_copy", "_unsafe_view", "arange", "cat", "clone", "constant_pad", "copy_", "embedding", "empty", "fill", "flip",
    "full", "gather", "index", "lift_fresh", "masked", "new_", "ones", "repeat", "roll", "scalar_tensor", "scatter",
    "select", "slice", "sort", "stack", "take", "topk", "tril", "triu", "where", "zero",
)  # fmt: skip
ADDS = ("index_add", "scatter_add")  # once for each number that is added
SUMS = ("amax", "amin", "cumprod", "cumsum", "linalg_vector_norm", "logsumexp", "max", "mean", "min", "prod", "sum")
TWO = ("addcdiv", "addcmul", "lerp")  # for each number that they make
TAPS = {0: 2, 1: 1, 2: 4}  # nodes that grid_sample reads along an axis, by its mode: linear, nearest, cubic


class LeavesTorch(Exception):
    """Values are handed to another library, where nobody counts."""


class Counter(TorchDispatchMode):
    """Counts the operations of what runs inside, in `count`."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.count += _cost(func, args, kwargs or {}, result)
        return result


class Border(TorchFunctionMode):
    """Raises LeavesTorch where a tensor becomes an array of NumPy's."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.numpy, Tensor.__array__, Tensor.tolist):
            raise LeavesTorch
        return func(*args, **(kwargs or {}))


def operations_a_sample(model: Representation) -> float | None:
    """What one sample more takes at scattered points; of a model that has values on lattices alone, the mean over its
    own lattice. None where another library does the work."""
    backend, model.backend = model.backend, "torch"
    try:
        with torch.no_grad(), evaluation_mode(model):  # and no `running`, whose products nobody counts
            if model.lattice_only:
                model.on_lattice(model.lattice)  # what a lattice determines is kept from now on, and not counted
                return _count(lambda: model.on_lattice(model.lattice)) / len(model.lattice)
            rng = torch.Generator().manual_seed(0)
            points = (2 * torch.rand(2 * POINTS, model.dim, generator=rng) - 1).to(model.device)
            few, many = _count(lambda: model(points[:POINTS])), _count(lambda: model(points))
            return (many - few) / POINTS
    except LeavesTorch:
        return None
    finally:
        model.backend = backend


def _count(evaluate: Callable[[], Tensor]) -> int:
    with Border(), Counter() as counter:
        evaluate()
    return counter.count


def _cost(func: Any, args: Any, kwargs: Any, result: Any) -> int:
    name, made = func._overloadpacket.__name__, _numbers(result)
    if func.is_view or not made:
        return 0
    from torch.utils.flop_counter import flop_registry  # loads Triton where it is installed

    if func._overloadpacket in flop_registry:
        return int(flop_registry[func._overloadpacket](*args, **kwargs, out_val=result))
    if name.startswith(ADDS):
        return _numbers(args[3])
    if name.startswith(FREE):
        return 0
    if name.startswith("grid_sampler"):
        values, _, mode = args[:3]
        return 2 * made * math.prod(min(TAPS[mode], nodes) for nodes in values.shape[2:])
    if name.startswith(SUMS):
        return max(made, _numbers(args[0]))
    return made * (2 if name.startswith(TWO) else 1)


def _numbers(values: Any) -> int:
    """How many floating-point or complex numbers tensors hold."""
    tensors = (value for value in tree_leaves(values) if isinstance(value, Tensor))
    return sum(tensor.numel() for tensor in tensors if tensor.is_floating_point() or tensor.is_complex())
