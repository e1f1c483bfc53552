"""The row of the only trial of a command line of run.py, in a process of its own."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

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
