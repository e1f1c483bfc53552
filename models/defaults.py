"""PyTorch's defaults as models are written for them, whatever a caller's session has set."""

import contextlib
from collections.abc import Iterator

import torch

LAYERS = 0x6C617972  # keeps the layers' draws apart from those of a generator of the same seed


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


@contextlib.contextmanager
def drawing(seed: int | None) -> Iterator[None]:
    """A context in which PyTorch's own generator on the CPU begins where a seed says; afterwards it is where it was.

    `nn.init` draws from it, layers do when they are made, and some, such as dropout, when they run. seed: None where
    nobody knows it.
    """
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.default_generator.manual_seed(seed ^ LAYERS)
        yield
