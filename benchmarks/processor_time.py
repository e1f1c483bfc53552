"""Seconds of the processor that a piece of work takes, in this process or in one of its own."""

import contextlib
import io
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence

from common.files import ROOT


def processor() -> float:
    """Seconds of the processor that this process and its children have had."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def least(work: Callable[[], object], times: int = 3) -> float:
    """The least seconds that it takes, in silence."""
    found = []
    for _ in range(times):
        with contextlib.redirect_stdout(io.StringIO()):
            before = processor()
            work()
            found.append(processor() - before)
    return min(found)


def command(line: Sequence[str]) -> None:
    subprocess.run([sys.executable, *line], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def beyond_torch(line: Sequence[str], times: int = 3) -> float:
    return least(lambda: command(line), times) - least(lambda: command(["-c", "import torch"]))
