"""Files: written so that they are whole or not there, and read up to a size, as they may be anybody's."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO

from common.errors import UsageError, cause_of, refusal

ROOT = Path(__file__).resolve().parents[1]  # the checkout
PACKAGES = ("common", "models", "target_signals", "harness")  # of the suite
TEMPORARY = ".*.????????"  # what a file is called while it is written: tempfile adds eight letters
UMASK = os.umask(0o077)  # what Python tells by changing it alone
os.umask(UMASK)
AT_ONCE = 1 << 20  # bytes of a file that are read at a time


def in_clone(name: str) -> Path:
    """A file of the clone that lies in no package. Raises UsageError where there is none."""
    path = ROOT / name
    if not path.exists():
        what = f"there is no '{path}': the suite runs from its clone, and this is a copy that pip has made"
        raise UsageError(f"{what}; run pip install -e . in the clone")
    return path


def write_atomically(path: Path, content: bytes | memoryview | IO[bytes]) -> None:
    """Write bytes, or what a stream gives, to a temporary name in the same folder, flush to disk, rename: never half a
    file.

    An OSError names `path`: a full disk names nothing by itself, and a person knows no temporary name.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(content, bytes | memoryview):
                file.write(content)
            else:
                shutil.copyfileobj(content, file, AT_ONCE)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~UMASK)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        # not where it names what a stream reads, or is a library's, which has a text alone
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            error.filename = str(path)
        raise


def write_for_user(path: Path, content: bytes, advice: str = "choose another place") -> None:
    """The same of a file that a person asked for. Raises `refusal`, with this advice, where that cannot be done."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise refusal(f"cannot write '{path}'", error, advice) from error


class Unfit(ValueError):
    """Why a file, or an array in memory, cannot be used, and of a person's own what to do: the end of a message that
    begins with its name."""


def damaged(error: Exception) -> Unfit:
    """What is said of a file of the suite's own that a decoder fails on."""
    return Unfit(f"it is damaged: {cause_of(error)}")


def refresh(folder: Path) -> None:
    """Make an NFS client ask its server what is in a folder: it may remember for a while that a file was not there."""
    with contextlib.suppress(FileNotFoundError):
        os.close(os.open(folder, os.O_RDONLY))  # close-to-open: opening a folder asks the server


def read_bounded(path: str | Path, most: int) -> bytes:
    """The bytes of a regular file of at most `most` bytes. Raises Unfit, or OSError where it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe would wait for its writer
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(21, "Is a directory", str(path))
        if not stat.S_ISREG(found.st_mode):
            raise Unfit("it is no regular file")
        if found.st_size > most:
            raise Unfit(f"it has {found.st_size:,} bytes and at most {most:,} are read")
        parts, length = list[bytes](), -1
        # a second time only where it grows or a signal came
        while length != found.st_size and (part := os.read(descriptor, found.st_size + 1)):
            parts.append(part)
            length = sum(map(len, parts))
            if length > most:
                raise Unfit(f"it grows beyond {most:,} bytes while it is read")
        return b"".join(parts)
    finally:
        os.close(descriptor)


def sha256(place: Path) -> str:
    """The hexadecimal digits of the SHA-256 of a file."""
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while block := file.read(AT_ONCE):
            digest.update(block)
    return digest.hexdigest()
