"""Back ends: which implementation of a model runs on a device.

A model lists its back ends in `backends`, the preferred one first and the plain PyTorch twin, `torch`,
last; `model.backend` says which of them runs. All give the same values from the same parameters.
A model's own file may name one of its own, which then needs a CUDA device alone.
"""

import importlib.util
import os
import warnings
from dataclasses import dataclass

import torch

from common.errors import Notice, UsageError, cause_of
from models.base import Representation


@dataclass(frozen=True)
class Need:
    """package: what must be importable. how: the command that adds it."""

    package: str
    how: str


NEEDS = {  # of the suite's back ends
    "inductor": Need("triton", "pip install triton"),
    "triton": Need("triton", "pip install triton"),
    "gsplat": Need("gsplat", "pip install -e '.[gsplat]'"),
    "tcnn": Need("tinycudann", "pip install git+https://github.com/NVlabs/tiny-cuda-nn/#subdirectory=bindings/torch"),
}

_broken: dict[tuple[str, str], str] = {}  # (model, back end) → how it failed in this process


def missing(backend: str, device: torch.device) -> str | None:
    """What a back end lacks on a device, or None."""
    if backend == "torch":
        return None
    need = NEEDS.get(backend)
    if need is not None and importlib.util.find_spec(need.package) is None:
        return f"the package {need.package} is not installed ({need.how})"
    interpreted = backend == "triton" and os.environ.get("TRITON_INTERPRET") == "1"  # runs kernels on the CPU, slowly
    if device.type != "cuda" and not interpreted:
        return "it needs a CUDA device"
    return None


def available(cls: type[Representation], device: torch.device) -> list[str]:
    """The back ends of a model that can be tried on a device, the preferred one first."""
    return [backend for backend in cls.backends if missing(backend, device) is None]


def check(cls: type[Representation], backend: str, device: torch.device) -> None:
    """UsageError unless the back end can be tried."""
    if backend not in cls.backends:
        raise UsageError(f"{cls.name} has no back end '{backend}'; it has {', '.join(cls.backends)}")
    if (lack := missing(backend, device)) is not None:
        raise UsageError(
            f"back end '{backend}' of {cls.name} cannot run on {device}: {lack}; here run "
            f"{', '.join(available(cls, device))}"
        )


def choose(model: Representation, precision: str) -> str:
    """The best back end for a model where it is: on a CPU the twin, on a GPU the first that has what it needs,
    takes this model's shape and precision and has not failed before in this process."""
    if model.device.type != "cuda":
        return "torch"
    return next(
        backend
        for backend in available(type(model), model.device)
        if model.refuses(backend, precision) is None and (model.name, backend) not in _broken
    )


def give_up(model: Representation, error: Exception) -> None:
    """Note that the model's back end failed, and say so; `choose` will not offer it again."""
    how = _broken[model.name, model.backend] = cause_of(error)
    told = f"back end '{model.backend}' of {model.name} failed and is left out from now on: {how}"
    warnings.warn(told, Notice, stacklevel=3)


def why_not_better(model: Representation) -> str | None:
    """What failed before `model.backend` was chosen: a reason for the row, or None."""
    better = model.backends[: model.backends.index(model.backend)]
    failed = [f"back end {b} failed: {_broken[model.name, b]}" for b in better if (model.name, b) in _broken]
    return "; ".join(failed) or None
