"""Download an archive into the cache, check it, and take the files out that are wanted.

Nothing half-written gets a final name: the archive grows as <name>.part, which a later try resumes,
and is renamed when its SHA-256 is right; a member is written beside its place and renamed.
"""

import contextlib
import fcntl
import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from common.files import sha256
from target_signals.recorded.catalogue import MB, Archive, RecordedFile, Source
from target_signals.recorded.local_files import pin_of, store

LARGEST_MEMBER = 2**28  # bytes; the largest that is wanted has 34 MB


class FetchError(Exception):
    """A download that could not be completed. Its text is one line that says why and what to do."""

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))


def obtain(source: Source, cache: Path, keep: bool) -> None:
    """Put the files of a source that has an archive into the cache.

    keep: leave the archive there, too. Raises FetchError; then every file is whole or absent.
    """
    archive = source.archive
    assert archive is not None
    place = cache / "archives" / archive.name
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_file():
            download(archive, place)
        elif sha256(place) != archive.sha256:
            raise FetchError(f"'{place}' is not the archive that was recorded; delete it and run this again")
        extract(archive, place, {file.path: file for file in source.files}, cache)
        if not keep:
            place.unlink()
    except OSError as error:
        advice = "set INRBENCH_CACHE to a folder that can, with room"
        raise FetchError(f"'{cache}' cannot be written: {error.strerror or error}; {advice}") from error


def download(archive: Archive, place: Path) -> None:
    """Bring an archive to `place`, which appears only when it is whole."""
    part = place.with_name(f"{place.name}.part")
    with part.open("ab") as file, _removed_if_empty(part):  # appending: to the end, also after cutting back
        _lock(file, part)
        have = os.fstat(file.fileno()).st_size
        free = shutil.disk_usage(place.parent).free
        if free < archive.size - have + LARGEST_MEMBER:
            need = (archive.size - have + LARGEST_MEMBER) / MB
            raise FetchError(
                f"'{place.parent}' has {free / MB:,.0f} MB free and {archive.name} needs {need:,.0f}; "
                "make room, or set INRBENCH_CACHE to a larger place"
            )
        if have < archive.size:
            _transfer(archive, file, have)
        have = os.fstat(file.fileno()).st_size
        if have < archive.size:
            raise FetchError(f"{archive.url} ended after {have} of {archive.size} bytes; run this again to resume")
        if (found := sha256(part)) != archive.sha256:
            part.unlink()
            raise FetchError(
                f"{archive.url} is not what was recorded: SHA-256 {found[:12]}…, expected {archive.sha256[:12]}…; "
                "it was deleted; run this again, and if that repeats, the published archive has changed"
            )
        part.replace(place)


def _transfer(archive: Archive, file: IO[bytes], have: int) -> None:
    """Append the rest of an archive to a file of `have` bytes; from the start where the server has no ranges."""
    import pooch
    import requests
    from tqdm import tqdm

    def on_answer(response: Any, *args: Any, **kwargs: Any) -> None:
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if response.status_code == 200 or (response.status_code == 206 and not resumed):
            file.truncate(0)
        if response.status_code == 206 and not resumed:
            raise FetchError(f"{archive.url} answered with another range than asked for; run this again")

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    again = "check the connection and run this again; what has arrived is kept"
    bar = tqdm(total=archive.size - have, unit="B", unit_scale=True, desc=archive.name)
    try:
        with bar:  # so that an error message begins on a line of its own
            fetch = pooch.HTTPDownloader(bar, chunk_size=2**16, headers=headers, hooks={"response": on_answer})
            fetch(archive.url, file, None)
    except requests.HTTPError as error:
        raise FetchError(f"the server refused: {error}; try again later, or set INRBENCH_DATA") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise FetchError(f"{archive.url} cannot be reached: {_cause(error)}; {again}") from error
    except requests.RequestException as error:
        raise FetchError(f"{archive.url} broke off: {_cause(error)}; {again}") from error


def extract(archive: Archive, place: Path, files: dict[str, RecordedFile], cache: Path) -> None:
    """Write the archive's wanted members to their places below `cache`, each checked and at once."""
    try:
        for member, content in _read_members(place, list(archive.members)):
            file = files[archive.members[member]]
            target = _inside(cache, file.path)
            store(target, content)
            found = sha256(target)
            if file.sha256 not in (None, found):
                target.unlink()
                raise FetchError(f"{member} in {archive.name} is not the file that was recorded; it was not kept")
            if file.sha256 is None:  # the archive's own sum vouches for it
                store(pin_of(file.path), found.encode())
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError) as error:
        raise FetchError(f"'{place}' cannot be unpacked: {error}; delete it and run this again") from error


def _read_members(place: Path, wanted: list[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Each wanted member with a stream of its content; FetchError before the first when any is unfit."""
    if zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            _check_members(place, wanted, {name: info.file_size for name, info in infos.items() if not info.is_dir()})
            for name in wanted:
                with archive.open(infos[name]) as content:
                    yield name, content
    else:
        with tarfile.open(place) as tar:
            members = {info.name: info for info in tar if info.isreg()}  # a link could point anywhere
            _check_members(place, wanted, {name: info.size for name, info in members.items()})
            for name in wanted:
                stream = tar.extractfile(members[name])
                assert stream is not None
                yield name, stream


def _check_members(place: Path, wanted: list[str], sizes: dict[str, int]) -> None:
    for name in wanted:
        if name not in sizes:
            raise FetchError(f"'{place}' has no file {name}; delete it and run this again")
        if sizes[name] > LARGEST_MEMBER:
            raise FetchError(f"{name} in '{place}' claims {sizes[name] / MB:,.0f} MB, far more than it has; delete it")


def _inside(folder: Path, path: str) -> Path:
    """folder/path, refusing what would lead out of the folder."""
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise FetchError(f"'{path}' leads out of '{folder}'; nothing was written")
    return target


def _lock(file: IO[bytes], part: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FetchError(f"another download of '{part}' is under way; wait for it") from error


@contextlib.contextmanager
def _removed_if_empty(place: Path) -> Iterator[None]:
    try:
        yield
    finally:
        if place.is_file() and not place.stat().st_size:
            place.unlink()


def _cause(error: BaseException) -> str:
    """The innermost reason of nested network errors: their texts end with it."""
    reason: Any = error
    while isinstance(inner := getattr(reason, "reason", None) or (reason.args or [None])[0], Exception):
        reason = inner
    return str(reason).rpartition(": ")[2] or type(reason).__name__
