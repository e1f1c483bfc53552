"""The machine a trial runs on: device, memory, versions, commit."""

import contextlib
import ctypes
import functools
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import torch

from common.errors import UsageError
from common.files import ROOT

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # glibc's malloc.h
KEPT = 1 << 30  # bytes at the end of the heap that stay with the process
LARGEST = 1 << 25  # bytes of an array in the heap, the most that glibc takes by itself; larger ones come and go
OUTSIDE = 1 << 16  # arrays outside the heap at once, glibc's default
FEW = 1 << 17  # points of a signal whose arrays are all kept in the heap, as in the preset `quick`
CONTAINER = Path("/sys/fs/cgroup/memory.max")  # bytes, or `max`, where the kernel's control groups are of version 2


def choose_device(name: str | None) -> torch.device:
    """`cpu`, `cuda`, `cuda:1`, or `all` GPUs, which is `cuda`; None: CUDA where there is one, else the CPU. UsageError
    when it is not there."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?|all", name):
        raise UsageError(f"unknown device '{name}'; choose cpu, cuda, cuda:<number>, or all (GPUs)")
    device = torch.device("cuda" if name == "all" else name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise UsageError(f"device '{name}' was asked for, but PyTorch sees no CUDA GPU here; use --device cpu")
        if (device.index or 0) >= count:
            raise UsageError(f"there is no device '{name}'; this machine has cuda:0 to cuda:{count - 1}")
    return device


def current(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """A context in which a GPU is the current one: Triton's kernels run there, whatever their arguments' device is."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


@functools.cache
def device_name(device: torch.device) -> str:
    """The device as rows name it: `cuda: NVIDIA H200`, `cpu: <processor>, 2 threads`."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"cpu: {_processor()}, {torch.get_num_threads()} threads"


def load() -> float | None:
    """Threads that ran or waited to run, on average of the last minute, for each core of the machine; None where the
    system does not tell."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return None


@functools.cache
def memory(device: torch.device) -> int | None:
    """Bytes of memory of a GPU, or of the machine, of which a container may have a part; None where the system does not
    tell."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    part = CONTAINER.read_text().strip() if CONTAINER.exists() else "max"
    return whole if part == "max" else min(whole, int(part))


@contextlib.contextmanager
def keeping_memory(device: torch.device, points: int) -> Iterator[None]:
    """A context in which a process on CPUs keeps the memory that it frees, on Linux with glibc: the next pass wants it
    again, and pages from the system take up to as long as what is done with them. Afterwards all is given back, so that
    the next trial's peak is its own. Of signals of many points the largest arrays come and go all the same, as the
    holes that they leave in a heap take up to 0.7 times the memory once more."""
    libc = ctypes.CDLL(None) if device.type == "cpu" and platform.libc_ver()[0] == "glibc" else None
    if libc is not None:
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
        libc.mallopt(M_MMAP_MAX, 0 if points <= FEW else OUTSIDE)
    try:
        yield
    finally:
        if libc is not None:
            libc.mallopt(M_MMAP_MAX, OUTSIDE)
            libc.malloc_trim(0)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return match[1] if match else platform.processor() or platform.machine()


@functools.cache
def versions() -> dict[str, str]:
    """The versions of Python and of the libraries on which numbers depend."""
    import numpy
    import scipy

    found = {"python": platform.python_version(), "torch": torch.__version__}
    return found | {"numpy": numpy.__version__, "scipy": scipy.__version__}


@functools.cache
def commit() -> str | None:
    """The suite's commit, with `+` when files differ from it; None outside a git checkout, also where a folder above is
    somebody's repository. Reference rows are no code: some of them may have been added a moment ago."""
    try:
        git = functools.partial(subprocess.run, cwd=ROOT, capture_output=True, text=True, check=True, timeout=10)
        git(["git", "ls-files", "--error-unmatch", "run.py"])
        head = git(["git", "rev-parse", "HEAD"]).stdout.strip()
        differ = ["git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)reference"]
        return head + ("+" if git(differ).stdout.strip() else "")
    except (OSError, subprocess.SubprocessError):
        return None


class PeakMemory:
    """Peak memory since construction: the allocator's on CUDA, the process's resident set on Linux, else None."""

    def __init__(self, device: torch.device):
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self.resettable = True
        except OSError:
            self.resettable = False

    def bytes(self) -> int | None:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        match = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text()) if self.resettable else None
        return int(match[1]) * 1024 if match else None
