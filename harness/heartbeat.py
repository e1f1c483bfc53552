"""What a run says of itself while it runs: <out>/running/<host>-<pid>.json, which `status` reads.

The file goes when the run ends. One that was killed leaves it behind; its process is gone, which tells.
"""

import contextlib
import datetime
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from atomic import write_atomically

FOLDER = "running"
EVERY = 2.0  # seconds between two words of one run
SILENT = 3600  # seconds after which a run on another machine is taken for gone


class Heartbeat:
    """One run's file. That it cannot be written must not end the run."""

    def __init__(self, out: str | Path):
        self.path = Path(out) / FOLDER / f"{platform.node()}-{os.getpid()}.json"
        self.said_at = -EVERY

    def say(self, **facts: Any) -> None:
        """Write the facts, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self.said_at < EVERY:
            return
        self.said_at = now
        facts |= {"host": platform.node(), "pid": os.getpid(), "updated": _now().isoformat(timespec="seconds")}
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, lambda file: file.write(json.dumps(facts).encode()))

    def start(self) -> None:
        """Clear away what runs left that were killed on this machine."""
        for path in self.path.parent.glob("*.json"):
            said = _read(path)
            if said is not None and said.get("host") == platform.node() and not is_alive(said):
                path.unlink(missing_ok=True)

    def stop(self) -> None:
        with contextlib.suppress(OSError):  # another run may have its file there, or there was no writing at all
            self.path.unlink(missing_ok=True)
            self.path.parent.rmdir()


def heard(out: str | Path) -> list[dict[str, Any]]:
    """What the runs of a results folder last said."""
    said = (_read(path) for path in sorted((Path(out) / FOLDER).glob("*.json")))
    return [facts for facts in said if facts is not None]


def is_alive(said: dict[str, Any]) -> bool:
    """Whether the run that said this still runs, as far as can be told from here."""
    try:
        pid, updated = int(said["pid"]), datetime.datetime.fromisoformat(said["updated"])
        if said.get("host") != platform.node():
            return (_now() - updated).total_seconds() < SILENT
        os.kill(pid, 0)  # asks whether the process exists, and does nothing to it
    except PermissionError:
        return True  # it does, and belongs to somebody else
    except (KeyError, TypeError, ValueError, OSError, OverflowError):
        return False
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):  # it has just ended, or is somebody else's
        return None
    return said if isinstance(said, dict) else None


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
