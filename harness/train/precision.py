"""How exactly a model's matrix products are made: the contexts of the precisions that a trial can have."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from models.kernels.network.bf16x3 import Bf16x3


def running(precision: str, device: torch.device) -> Any:
    """The context in which a model is asked for values that are differentiated or scored."""
    if precision == "bf16x3":
        return Bf16x3()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


@contextlib.contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """TF32 products only when asked for; around backward passes, too."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
