"""How the suite fails: a user's mistake, or work that cannot go on; each is one line for a person."""

import difflib
import errno
from collections.abc import Callable, Iterable
from pathlib import Path

from common.words import printable

LONGEST = 300  # characters of others' errors
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a system says of a full disk: nobody's mistake


class UsageError(ValueError):
    """A user's mistake. Its text is one line that names what was given, what is allowed and what
    to do; the command line prints it and exits with code 2. trace: lines that it prints before, such as a traceback."""

    def __init__(self, message: str, trace: str = ""):
        super().__init__(printable(" ".join(message.splitlines())))  # a name that was given may hold line breaks
        self.trace = trace


def one_line(error: BaseException) -> str:
    """What an error says, in one line: those of libraries have several. Nothing where it fails to say it."""
    try:
        return " ".join(str(error).split())
    except Exception:  # somebody's own class of errors may have a mistake as well
        return ""


def cause_of(error: BaseException) -> str:
    """`KeyError: 'psnr'`: what an error of a library, or of somebody's own code, is and says, in a line of at most
    LONGEST characters."""
    return f"{type(error).__name__}: {one_line(error)}".removesuffix(": ")[:LONGEST]


def suggest(given: str, allowed: Iterable[str]) -> str:
    """`" (did you mean 'Siren'?)"` when a close name exists, else an empty string."""
    by_lower = {name.lower(): name for name in allowed}
    close = difflib.get_close_matches(given.lower(), by_lower, n=1, cutoff=0.5)
    return f" (did you mean '{by_lower[close[0]]}'?)" if close else ""


def suggest_beside(place: Path, fits: Callable[[Path], bool]) -> str:
    """The same for a path: of the entries of its folder that fit, one of which more than the ending is alike."""
    try:
        there = [entry.name for entry in place.parent.iterdir() if fits(entry) and entry.name != place.name]
    except (OSError, ValueError):  # no such folder, or a name that no folder has
        there = []
    return suggest(place.name, [name for name in there if suggest(place.stem, [Path(name).stem])])


class Notice(UserWarning):
    """What a person is to know and can go on without: the command line shows it in one line."""


class Failure(RuntimeError):
    """Work cannot go on, through no mistake of the user's. Its text says why."""


def refusal(said: str, error: OSError, advice: str) -> UsageError | Failure:
    """What to raise where the system refuses to write: a Failure on a full disk, otherwise a UsageError.

    said: what was to be done, like `cannot write 'x.png'`. advice: what to do, if not to make room.
    """
    said = f"{said}: {error.strerror or error}"
    return Failure(f"{said}; make room") if error.errno in NO_ROOM else UsageError(f"{said}; {advice}")
