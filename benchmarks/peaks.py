"""What a machine can do at most: matrix products and copies, measured."""

from collections.abc import Callable
from typing import Any

import torch

from harness.train.fit import Clock
from harness.train.precision import matmul_precision

SIDE = {"cuda": 8192, "cpu": 1024}  # of the square matrices
COPIED = {"cuda": 1 << 30, "cpu": 1 << 27}  # bytes
SECONDS = 0.3  # a measurement


def measure_peaks(device: torch.device) -> dict[str, float]:
    """TFLOP/s of products in fp32, TF32 and bf16, and GB/s, read and written, of a copy."""
    side = SIDE[device.type]
    a, b = torch.rand(side, side, device=device), torch.rand(side, side, device=device)
    flop = 2 * side**3
    peaks = {"fp32": flop / _seconds(lambda: a @ b, device) / 1e12}
    if device.type == "cuda":
        with matmul_precision("tf32"):
            peaks["tf32"] = flop / _seconds(lambda: a @ b, device) / 1e12
    a, b = a.bfloat16(), b.bfloat16()
    peaks["bf16"] = flop / _seconds(lambda: a @ b, device) / 1e12
    source = torch.zeros(COPIED[device.type], dtype=torch.uint8, device=device)
    copy = torch.empty_like(source)
    peaks["copy"] = 2 * len(source) / _seconds(lambda: copy.copy_(source), device) / 1e9
    return peaks


def _seconds(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds a call, over as many as fit."""
    for _ in range(3):
        work()
    clock, calls, spent = Clock(device), 0, 0.0
    while spent < SECONDS:
        for _ in range(5):
            work()
        calls, spent = calls + 5, clock.stop()
    return spent / calls
