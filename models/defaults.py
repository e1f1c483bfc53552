"""PyTorch's defaults as models are written for them, whatever a caller's session has set."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def own_defaults() -> Iterator[None]:
    """A context in which tensors are float32 and on the CPU unless they say otherwise, and what is computed can be
    differentiated."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    elsewhere = device.type != "cpu"  # otherwise nothing is set, for a default device makes every call slower
    torch.set_default_dtype(torch.float32)
    if elsewhere:
        torch.set_default_device(None)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
        if elsewhere:
            torch.set_default_device(device)
