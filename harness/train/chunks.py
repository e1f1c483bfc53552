"""Lattices in slabs, so that neither a prediction nor a backward pass outgrows the memory."""

import contextlib
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from common.errors import UsageError
from common.lattice import Lattice
from common.needs import Needs
from harness.train.precision import evaluating, training_mode
from models.base import Representation
from models.defaults import own_defaults
from models.kernels.network.aligned import ALIGNMENT

GIB = 1 << 30
ACTIVATION_GIB = 1.0  # what one slab of a prediction may take where no schedule says it
PROBE_POINTS = 4096  # size of the thinner slab on which the memory of a backward pass is measured

_measured: dict[Any, tuple[float, float]] = {}  # what `memory` found in this process, by the form of the model


def answer(model: Representation, lattice: Lattice, activation_gib: float = ACTIVATION_GIB) -> Tensor:
    """The model's answer on a lattice: [*shape, C], computed in float32, by slabs of bounded memory, where it is."""
    with evaluating(model):
        slabs = make_slabs(model, lattice, activation_gib)
        return torch.cat([model.on_lattice(slab) for _, slab in slabs])


def predict(model: Representation, lattice: Lattice, activation_gib: float = ACTIVATION_GIB) -> np.ndarray:
    """The same as an array."""
    return answer(model, lattice, activation_gib).cpu().numpy()


def predict_shape(model: Representation, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """The model's answer [*shape, C] on a lattice over the box that its training samples fill, by default theirs.

    Raises UsageError for a shape of another dimension, and for a model that has values at its samples alone.
    """
    own = model.lattice
    if shape is None or shape == own.shape:
        lattice = own
    elif len(shape) != own.dim or min(shape) < 1:
        raise UsageError(f"the shape needs {own.dim} numbers of at least 1 for this model, got {shape}")
    elif (reason := model.unsupported(own.dim, model.channels, Needs(off_lattice=True))) is not None:
        raise UsageError(f"{reason.rstrip('.')}; its own shape is {' '.join(map(str, own.shape))}")
    else:
        lattice = Lattice.aligned(shape, own.shape)
    with own_defaults():
        return predict(model, lattice)


def make_slabs(model: Representation, lattice: Lattice, activation_gib: float) -> list[tuple[slice, Lattice]]:
    """Cut a lattice so that one slab's backward pass keeps at most `activation_gib`."""
    return cut(lattice, points_at_once(model, lattice, activation_gib))


def cut(lattice: Lattice, points: int) -> list[tuple[slice, Lattice]]:
    """A lattice in slabs of at most `points`."""
    if points >= len(lattice):
        return [(slice(None), lattice)]
    return list(lattice.slabs(points))


def split(index: Tensor, points: int) -> Sequence[Tensor]:
    """Points [N] in parts of at most about `points`, all but the last equally long, in whole rows of ALIGNMENT."""
    count = math.ceil(len(index) / points)
    return index.split(ALIGNMENT * math.ceil(len(index) / count / ALIGNMENT))


def points_at_once(model: Representation, lattice: Lattice, activation_gib: float, precision: str = "fp32") -> int:
    """How many points' backward pass keeps about `activation_gib`; all of a lattice that cannot be cut.

    precision: in which the model is asked for values here. Models of one form are measured once in a process.
    """
    if model.lattice_only:
        return len(lattice)
    shapes, form = (model.lattice.shape, lattice.shape), (type(model), repr(model.config), model.size, model.channels)
    key = (*shapes, *form, model.backend, model.device, precision)
    if key not in _measured:
        _measured[key] = memory(model, lattice)
    fixed, each = _measured[key]
    return max(1, int((activation_gib * GIB - fixed) / each))


def memory(model: Representation, lattice: Lattice) -> tuple[float, float]:
    """What autograd keeps for the backward pass of a slab, in bytes: for any slab, such as features of all axes but
    the first, and beyond that for each point, at least its answer. From two thin slabs, one twice as thick; of one
    layer, all is each point's."""
    first, *others = lattice.axes
    layers = max(1, min(PROBE_POINTS * len(first) // len(lattice), len(first) // 2))
    thin, thick = (Lattice((first[:n], *others)) for n in (layers, 2 * layers))
    less = bytes_kept(model, thin)
    if len(thick) == len(thin):
        return 0.0, less / len(thin)
    each = max(4.0 * model.channels, (bytes_kept(model, thick) - less) / (len(thick) - len(thin)))
    return max(0.0, less - each * len(thin)), each


def bytes_kept(model: Representation, slab: Lattice) -> int:
    """What autograd keeps for a slab's backward pass in training, where layers such as dropout keep more than in
    evaluation; at least the prediction itself."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # a layer that keeps its own output would keep itself, and never be freed

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with uncompiled(model), training_mode(model), torch.enable_grad(), hooks:
        heads = model.heads_on_lattice(slab)
    return max(sum(kept.values()), heads.nbytes)


def uncompiled(model: Representation) -> contextlib.AbstractContextManager[object]:
    """A context in which a compiled model runs as it is written: it would be compiled once more for each shape of a
    probe.

    PyTorch's compiler takes a second to load, so it is told only where it is loaded or about to be.
    """
    if model.backend == "torch" and "torch._dynamo" not in sys.modules:
        return contextlib.nullcontext()
    return torch.compiler.set_stance("force_eager")
