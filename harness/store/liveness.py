"""What the holders of claims last said, and whether they live, as far as others can tell.

No worker's clock of the day matters: silence is a difference between two times of the file server, or, in
harness/store/claims.py, seconds of the watcher's own monotonic clock. Imports no torch.
"""

import functools
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from common.files import read_bounded

FOLDER = "claims"
EXPIRES = 60.0  # seconds of silence after which the holder is taken for gone, if its process cannot be looked up
SIZE = 1024  # bytes of a claim, always: so that writing into one never leaves the end of a longer text


def read_claims(out: str | Path) -> list[dict[str, Any]]:
    """What the holders of a results folder's claims last said, the `key` of the trial, and for how many seconds they
    were `silent`."""
    found = {path: read_claim(path) for path in sorted(Path(out).glob(f"*/{FOLDER}/*.json"))}
    return [said | {"key": path.stem} for path, said in found.items() if said is not None and "trial" in said]


def is_alive(said: dict[str, Any]) -> bool:
    """Whether a holder still runs, as far as can be told from here."""
    try:
        if said.get("numbering") == numbering():
            os.kill(int(said["pid"]), 0)  # asks whether the process exists, and does nothing to it
    except PermissionError:
        pass  # it does, and belongs to somebody else
    except (KeyError, TypeError, ValueError, OSError, OverflowError):
        return False
    return said.get("silent", EXPIRES) < EXPIRES  # a stopped process, or another one under the old number, is silent


def who(said: dict[str, Any]) -> str:
    """The holder of a claim in words."""
    return f"process {said['pid']} on {said.get('host')}" if "pid" in said else "another process"


@functools.cache
def numbering() -> str:
    """Whose process numbers ours are: this machine's since it started, or this container's."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return platform.node()


def read_claim(path: Path) -> dict[str, Any] | None:
    """What a claim says, when its file `changed` (ns) and how long it is `silent` (s); None when there is none.

    One that cannot be read says nothing, and still keeps others away for as long as it changes: it may be another
    user's.
    """
    try:
        changed = path.lstat().st_mtime_ns
    except OSError:  # it has just ended
        return None
    try:
        said = json.loads(read_bounded(path, SIZE))
    except (OSError, ValueError, RecursionError):  # it has just been made, its maker's disk is full, or it is no claim
        said = {}
    return {
        **(said if isinstance(said, dict) else {}),
        "changed": changed,
        "silent": (_server_time(path.parent) - changed) / 1e9,
    }


def _server_time(folder: Path) -> int:
    """Now (ns), by the clock that stamps the files of a folder; by our own where we cannot write there."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"now")
            file.flush()
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return time.time_ns()
