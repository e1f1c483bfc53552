"""How a command ends: exit codes, and the one line that tells of each way to fail."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

from common.errors import Failure, UsageError

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
RESUME = "finished trials are stored; run the same command again to resume"


def guarded(work: Callable[[], int]) -> int:
    """The exit code of some work: what it returns, or that of the way it failed, which is told in a line."""
    try:
        with stopping_on_sigterm():
            return work()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except Failure as error:
        print(f"error: {error}\n{RESUME}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one must not cut the message off
        print(f"\n{error if error.args else 'interrupted'}: {RESUME}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as `| head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


@contextlib.contextmanager
def stopping_on_sigterm() -> Iterator[None]:
    """SIGTERM, which schedulers send before they kill, stops as Ctrl-C does: the trial in flight is abandoned."""

    def stop(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise KeyboardInterrupt("terminated")

    if threading.current_thread() is not threading.main_thread():  # only that one may ask
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
