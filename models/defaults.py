"""PyTorch's defaults as models are written for them, whatever a caller's session has set."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def own_defaults() -> Iterator[None]:
    """A context in which tensors are float32 and on the CPU unless they say otherwise, and what is computed can be
    differentiated."""
    before, cpu = torch.get_default_dtype(), torch.device("cpu")
    # only where another one is set, for a default device makes every call slower
    on_cpu = contextlib.nullcontext() if torch.get_default_device() == cpu else cpu
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad(), on_cpu:
            yield
    finally:
        torch.set_default_dtype(before)
