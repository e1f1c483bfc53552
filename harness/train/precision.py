"""How exactly a model's matrix products are made: in training as a trial says, in evaluation always in float32; and
what becomes of denormal numbers."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from models.base import Representation
from models.kernels.network import onednn
from models.kernels.network.bf16x3 import Bf16x3


def running(precision: str, model: Representation) -> Any:
    """The context in which a model is asked for values that are differentiated."""
    match precision:
        case "bf16x3":
            return Bf16x3()
        case "bf16":
            return torch.autocast(model.device.type, dtype=torch.bfloat16)
        case "fp32" | "tf32":  # told apart by `matmul_precision`
            return onednn.OneDnn() if onednn.serves(model) else torch.autocast(model.device.type, enabled=False)
    raise ValueError(f"no context for precision '{precision}'")


@contextlib.contextmanager
def evaluating(model: Representation) -> Iterator[None]:
    """A context in which values of a model are made in float32, whatever precision trains it, and nothing is
    differentiated.

    A back end whose products are of another precision gives way to the plain twin, and layers that are another function
    while they train, such as dropout, are the one that they have learned.
    """
    before = model.backend
    if not trains_in_float32(model, "fp32"):
        model.backend = "torch"
    try:
        with torch.no_grad(), matmul_precision("fp32"), running("fp32", model), evaluation_mode(model):
            yield
    finally:
        model.backend = before


@contextlib.contextmanager
def evaluation_mode(model: Representation) -> Iterator[None]:
    """A context in which a model is in PyTorch's evaluation mode, so that being asked changes neither it nor PyTorch's
    generators."""
    with _mode_kept(model):
        model.eval()
        yield


@contextlib.contextmanager
def training_mode(model: Representation) -> Iterator[None]:
    """A context in which a model is in PyTorch's training mode; what that changes of it and of generators is undone."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}  # such as running means
    devices = [model.device] if model.device.type == "cuda" else []
    with _mode_kept(model), torch.random.fork_rng(devices):
        model.train()
        try:
            yield
        finally:
            for name, value in buffers.items():
                model.get_buffer(name).copy_(value)


@contextlib.contextmanager
def _mode_kept(model: Representation) -> Iterator[None]:
    before = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


def trains_in_float32(model: Representation, precision: str) -> bool:
    """Whether values in training are float32 ones by the same code as in evaluation; TF32 is, but for its products."""
    return precision in ("fp32", "tf32") and model.refuses(model.backend, "fp32") is None


@contextlib.contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """TF32 products only when asked for; around backward passes, too."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextlib.contextmanager
def no_denormals() -> Iterator[None]:
    """A context in which denormal numbers are 0: Gabor envelopes underflow, and denormal numbers are slow on CPUs."""
    before = torch.full((), 1e-40).mul(1).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
