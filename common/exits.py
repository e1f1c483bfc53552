"""How a command begins and ends: its surroundings, exit codes, and the one line that tells of each way to fail."""

import codecs
import contextlib
import errno
import io
import os
import select
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import NoReturn

from common.errors import NO_ROOM, Failure, Notice, UsageError, cause_of
from common.registry import own_trace

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
RESUME = "finished trials are stored; run the same command again to resume"
OF_PLACES = {  # what a system refuses at a place that somebody named → whether that is a mistake in the command
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG), EXIT_USAGE),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP), EXIT_USAGE),
    **dict.fromkeys(NO_ROOM, EXIT_FAILED),
}
SIGNS = {"×": "x", "–": "-", "−": "-", "…": "...", "→": "->", "·": "*", "≥": ">=", "²": "2", "σ": "sigma", "†": "#"}
SIGNS |= {"≈": "~", "±": "+/-", "µ": "u", "μ": "u"}
FORMAT = warnings.formatwarning  # Python's own
PLAIN = str.maketrans(SIGNS)  # what displays use → what every encoding has


def guarded(work: Callable[[], int], resume: str = RESUME) -> int:
    """The exit code of some work: what it returns, or that of the way it failed, which is told in a line.

    resume: what to do after an interruption.
    """
    settle()
    try:
        with stopping_on_sigterm(), naming_own_files():
            try:
                return work()
            finally:
                sys.stdout.flush()  # a full disk behind it is told here, and not when Python ends
    except UsageError as error:
        print(f"{error.trace}error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except Failure as error:
        print(f"error: {error}\n{resume}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one must not cut the message off
        print(f"\n{error if error.args else 'interrupted'}: {resume}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as `| head`, has seen enough
        drop_output()
        return EXIT_FAILED
    except OSError as error:
        if error.errno not in OF_PLACES:
            raise
        if error.filename is None:
            drop_output()
        place = "standard output" if error.filename is None else f"'{str(error.filename)[:200]}'"
        advice = "make room" if error.errno in NO_ROOM else "choose another place"
        print(f"error: {place}: {error.strerror}; {advice}", file=sys.stderr)
        return OF_PLACES[error.errno]


@contextlib.contextmanager
def naming_own_files() -> Iterator[None]:
    """An error that came through a file of one's own is a mistake there: a UsageError that names the last place in such
    a file, with the traceback from that file on, without the suite's way to it."""
    try:
        yield
    except (UsageError, Failure, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit as well: it would end a run that is not done, as if it were
        trace = own_trace(error)
        if trace is None or (isinstance(error, BrokenPipeError) and not output_is_read()):
            raise
        where = f"'{trace.last.filename}', line {trace.last.lineno}, in {trace.last.name}"
        raise UsageError(f"{where}: {cause_of(error)}", "".join(traceback.format_list(trace.frames))) from error


def settle() -> None:
    """Make this process independent of what a terminal or a notebook left in its surroundings.

    Signs that the output's encoding lacks are written in others that it has, and bytes of names that are no text as
    escapes. What is written to a stream that was closed, as by `>&-`, goes nowhere. Nothing opens windows, so a
    notebook's back end of matplotlib, which may not be here, is not loaded. A Notice is one line, without the code that
    gave it.
    """
    warnings.formatwarning = _warning
    os.environ["MPLBACKEND"] = "agg"
    codecs.register_error("plain", _plain)
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    if issubclass(category, Notice):
        return f"warning: {message}\n"
    return FORMAT(message, category, filename, lineno, line)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(PLAIN)
    return text.encode("ascii", "backslashreplace"), error.end


def output_is_read() -> bool:
    """Whether nobody has closed the other end of this process's output."""
    watched = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # a notebook's has no file behind it
            watched.register(stream.fileno(), 0)  # of what is always told: that it is closed
    return not any(event & (select.POLLERR | select.POLLHUP) for _, event in watched.poll(0))


def drop_output() -> None:
    """Let what is still to be written go nowhere, so that it raises nothing when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
