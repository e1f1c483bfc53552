"""What figures and the page were made of, in one digest: while it is the same they need not be made again.

Imports no torch.
"""

import functools
import hashlib
import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import target_signals
from common import registry
from common.files import PACKAGES, ROOT
from target_signals.base import RecordedFamily

Stamp = tuple[int, int]  # of a file: its bytes and when it was changed, in ns
LIBRARIES = ("matplotlib", "numpy", "pandas", "scipy", "pillow", "pyarrow", "vl-convert-python")


def fingerprint(*parts: Any) -> str:
    """SHA-256 of values, of the code and the libraries that draw, and of which recorded data there is."""
    text = json.dumps([*parts, _code(), sorted(registry.LOADED.items()), _data()], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def stamp(file: Path | os.DirEntry[str]) -> Stamp | None:
    """Bytes of a file and when it was changed, in ns; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def stamps(folder: Path) -> dict[str, Stamp | None]:
    """What a folder holds, by name, but for hidden files: those are still being written. Nothing where there is no
    folder."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: stamp(entry) for entry in entries if not entry.name.startswith(".")}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return dict(sorted(found.items()))


@functools.cache
def _code() -> str:
    """Digest of the suite's sources and of the versions of libraries."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if "__pycache__" not in path.parts and path.is_file():
                digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    digest.update(json.dumps([_version(library) for library in LIBRARIES]).encode())
    return digest.hexdigest()


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _data() -> dict[str, str | None]:
    """What each recorded signal lacks of its data, from which pictures of it are made."""
    families = map(target_signals.registry.get, target_signals.registry.names())
    return {family.name: family.missing() for family in families if issubclass(family, RecordedFamily)}
