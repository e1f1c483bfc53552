"""How far a kernel is from its twin."""

import torch


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The norm of the difference in units of that of what is expected, in double precision."""
    found, expected = found.detach().double(), expected.detach().double()
    return float((found - expected).norm() / expected.norm().clamp_min(1e-30))
