"""Memory of the host: within a trial a process keeps what it frees, afterwards it gives it back."""

import platform
import re
from pathlib import Path

import pytest
import torch

from harness.train.machine import LARGEST, keeping_memory

ARRAYS, VALUES = 16, LARGEST // 8  # float32, so half as many bytes as an array in the heap may have


def resident() -> int:
    """Bytes."""
    return int(re.search(r"VmRSS:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone is told")
def test_memory_stays_for_a_trial_and_goes_back_at_its_end():
    size = 4 * VALUES * ARRAYS
    with keeping_memory(torch.device("cpu")):
        pass  # what earlier tests left is given back
    before = resident()
    with keeping_memory(torch.device("cpu")):
        arrays = [torch.ones(VALUES) for _ in range(ARRAYS)]
        assert resident() - before > 0.9 * size
        del arrays
        assert resident() - before > 0.9 * size
    assert resident() - before < 0.1 * size
