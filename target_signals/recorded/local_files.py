"""Recorded files on this machine: where they are, and that they are what was recorded.

A file is looked for in the folder that INRBENCH_DATA names, then in the cache: INRBENCH_CACHE, or
the user's cache folder. Its SHA-256 is checked whenever it is read. Only the cache is written to.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from common.errors import UsageError
from common.files import sha256, write_atomically
from target_signals.recorded.catalogue import MB, SOURCES, RecordedFile


def local(path: str) -> Path:
    """A recorded file, found and checked. Raises UsageError when it is absent or not what was recorded."""
    place = find(path)
    if place is None:
        raise UsageError(str(missing([path])))
    check(place, entry(path)[1])
    return place


def find(path: str) -> Path | None:
    """Where a recorded file is, without reading it."""
    return next((folder / path for folder in folders() if (folder / path).is_file()), None)


def missing(paths: Iterable[str]) -> str | None:
    """None when all recorded files are there, else one line: what is absent, where we looked, what to do."""
    absent = [path for path in paths if find(path) is None]
    if not absent:
        return None
    name, _ = entry(absent[0])
    more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
    return f"'{absent[0]}'{more} not found in {looked_in()}; {how_to_obtain(name)}"


def how_to_obtain(name: str) -> str:
    """What to do for the files of one source, as the end of a message."""
    source = SOURCES[name]
    by_hand = "set INRBENCH_DATA to a folder that has it"
    if source.archive is None:
        return f"{by_hand} ({source.licence})"
    size = f"{source.archive.size / MB:,.0f} MB"
    return f"run 'python -m target_signals.fetch {name}' ({size}; {source.licence}), or {by_hand}"


def folders() -> list[Path]:
    """Where files are looked for, in this order."""
    named = os.environ.get("INRBENCH_DATA")
    return ([Path(named)] if named else []) + [cache_folder()]


def cache_folder() -> Path:
    """Where downloads go. It need not exist."""
    named = os.environ.get("INRBENCH_CACHE")
    if named:
        return Path(named)
    import pooch  # not before it is needed

    return Path(pooch.os_cache("representation-benchmark"))


def check(place: Path, file: RecordedFile) -> None:
    """Raise UsageError unless the file at `place` has the recorded sum.

    A file without one is pinned: the sum at its first reading is kept in the cache and holds from then on.
    """
    try:
        found = sha256(place)
    except OSError as error:
        raise UsageError(f"'{place}' cannot be read: {error.strerror}; make it readable, or fetch it again") from error
    pin = pin_of(file.path)
    expected = file.sha256 or (pin.read_text(encoding="utf-8").strip() if pin.is_file() else None)
    if expected is None:
        with contextlib.suppress(OSError):  # a cache that cannot be written cannot pin; reading goes on
            store(pin, found.encode())
    elif found != expected:
        where = "" if file.sha256 else f", pinned in '{pin}'"
        raise UsageError(
            f"'{place}' is not the file that was recorded: its SHA-256 is {found[:12]}…, expected {expected[:12]}…"
            f"{where}; delete or replace it, then {how_to_obtain(entry(file.path)[0])}"
        )


def pin_of(path: str) -> Path:
    """Where the cache keeps the sum of a file without a recorded one."""
    return cache_folder() / "pins" / f"{path}.sha256"


def store(place: Path, content: bytes | IO[bytes]) -> None:
    """Copy bytes or a stream to `place`, whose folder is made; it holds all of it or is as it was."""
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place, content)


def entry(path: str) -> tuple[str, RecordedFile]:
    """The name of the source that has a file, and the file."""
    return next((name, file) for name, source in SOURCES.items() for file in source.files if file.path == path)


def looked_in() -> str:
    """The folders where files are looked for, in words."""
    named = os.environ.get("INRBENCH_DATA")
    data = f"INRBENCH_DATA ('{named}')" if named else "INRBENCH_DATA (which is not set)"
    if named and not Path(named).is_dir():
        data = f"INRBENCH_DATA ('{named}', which is no folder)"
    return f"{data} or the cache ('{cache_folder()}')"
