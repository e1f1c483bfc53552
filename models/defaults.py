"""PyTorch's defaults as models are written for them, whatever a caller's session has set."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def own_defaults() -> Iterator[None]:
    """A context in which tensors are float32 unless they say otherwise, and what is computed can be differentiated."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(before)
