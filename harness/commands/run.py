"""The command line of run.py."""

import gc
import io
import sys
from collections.abc import Sequence

from common import process
from common.exits import guarded
from harness.execution.options import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code, which common/exits.py explains."""
    process.prepare()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # people follow logs; a pipe would get nothing for minutes
    words = sys.argv[1:] if arguments is None else arguments

    def work() -> int:
        options = parse(words)
        from harness.commands import run_launch  # and torch, which takes seconds: a mistyped option does not wait

        return run_launch.run(options, words)

    try:
        return guarded(work)
    finally:
        gc.unfreeze()  # or libraries that look at exit for what leaked would report it
