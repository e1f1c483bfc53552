"""A command in a process of its own, and its row; and seconds of the processor, of such a process or of this one."""

import contextlib
import io
import os
import resource
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

from common.errors import Failure
from common.files import ROOT
from harness.store.schema import Row
from harness.store.table import load_rows


def only_row(words: Sequence[str], environment: Mapping[str, str] | None = None) -> Row:
    """The row of a command line that asks for one trial of one scoring; its results folder is thrown away.

    environment: variables that the process has beside this one's, or in their place. Raises Failure with the last line
    that the process wrote where it fails.
    """
    with tempfile.TemporaryDirectory() as out:
        line = [sys.executable, "run.py", *words, "--no-figures", "--out", out]
        done = subprocess.run(line, cwd=ROOT, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
        if done.returncode != 0:
            said = done.stderr.strip() or f"exit code {done.returncode}"
            raise Failure(f"run.py {shlex.join(words)}: {said.splitlines()[-1]}")
        (row,) = load_rows(out)
        return row


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
