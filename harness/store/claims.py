"""Who runs which trial: <out>/<folder>/claims/<key>.json, there from before a trial starts until its rows are stored.

Launches and their workers share a results folder and nothing else. A claim is created exclusively, which file
systems do atomically, NFS included; nothing is ever locked. Its holder keeps the file open and writes into it every
few seconds how far the trial is, for `status` and as a sign of life. A claim whose process is gone, or that was
silent for a minute, is taken over; harness/store/liveness.py tells. Imports no torch.
"""

import contextlib
import json
import os
import platform
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Protocol

from harness.store.liveness import FOLDER, SIZE, is_alive, numbering, read_claim, who
from harness.store.store import unwritable

EVERY = 2.0  # seconds between two signs of life
TRIES = 5


class RowName(Protocol):
    """What will leave a row: the folder of its experiment, the name of the row in it, and a text for people."""

    @property
    def folder(self) -> str: ...

    @property
    def key(self) -> str: ...


class Claim:
    """A trial that is this process's own, until the end of the context."""

    def __init__(self, path: Path, descriptor: int, trial: str):
        self.path, self.descriptor = path, descriptor
        self.facts: dict[str, Any] = {
            "trial": trial,
            "host": platform.node(),
            "pid": os.getpid(),
            "numbering": numbering(),
            "started": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        }
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._renew, daemon=True)
        self.write()

    def say(self, **facts: Any) -> None:
        """What the next sign of life tells."""
        self.facts = self.facts | facts

    def write(self) -> None:
        """Write into the open file: if the claim was taken over, then into one that has no name any more."""
        with contextlib.suppress(OSError):  # a full disk is told of where a row is written
            os.pwrite(self.descriptor, json.dumps(self.facts).encode()[:SIZE].ljust(SIZE), 0)

    def _renew(self) -> None:
        while not self.ended.wait(EVERY):
            self.write()
            with contextlib.suppress(OSError):
                os.fsync(self.descriptor)  # or NFS keeps it to itself

    def __enter__(self) -> "Claim":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self.descriptor), os.stat(self.path)):
                self.path.unlink()
            self.path.parent.rmdir()  # other claims may be there
        os.close(self.descriptor)


class Claims:
    """The claims on the trials of a results folder, as one process sees them."""

    def __init__(self, out: str | Path):
        self.out = Path(out)
        self.seen: dict[Path, tuple[int, float]] = {}  # when a claim last changed, and since when that is known

    def path(self, trial: RowName) -> Path:
        return self.out / trial.folder / FOLDER / f"{trial.key}.json"

    def take(self, trial: RowName) -> Claim | None:
        """The claim on a trial, or None where another process holds it. Raises `unwritable`."""
        path = self.path(trial)
        try:
            for _ in range(TRIES):
                with contextlib.suppress(FileExistsError):  # exist_ok looks again, and fails where it is gone by then
                    path.parent.mkdir()
                with contextlib.suppress(FileNotFoundError):  # another run has just ended and cleared up
                    with contextlib.suppress(FileExistsError):
                        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
                        return Claim(path, os.open(path, flags, 0o644), str(trial))
                    if not self._clear(trial):
                        return None
        except OSError as error:
            raise unwritable(path.parent, error) from error
        return None

    def bury(self, trial: RowName) -> None:
        """Take away the claim on a trial that is done, if its holder died between writing the row and letting go."""
        if os.path.lexists(path := self.path(trial)):
            with contextlib.suppress(OSError):  # other claims may be there, or the folder may be read and not written
                self._clear(trial, tell=False)
                path.parent.rmdir()

    def held(self, trial: RowName) -> dict[str, Any] | None:
        """What the process says that holds a trial; None where none does that is alive."""
        said = self._look(self.path(trial))
        return said if said is not None and is_alive(said) else None

    def _look(self, path: Path) -> dict[str, Any] | None:
        said = read_claim(path)
        if said is None:
            return None
        now = time.monotonic()
        if self.seen.get(path, (None, 0))[0] != said["changed"]:
            self.seen[path] = (said["changed"], now)
        said["silent"] = max(said["silent"], now - self.seen[path][1])
        return said

    def _clear(self, trial: RowName, tell: bool = True) -> bool:
        """Take a dead holder's claim away. False: the holder lives, or somebody else was quicker."""
        path = self.path(trial)
        said = self._look(path)
        if said is None:
            return True
        if is_alive(said):
            return False
        aside = path.with_suffix(f".{uuid.uuid4().hex}")
        try:
            os.rename(path, aside)  # of several that try, one succeeds
        except FileNotFoundError:
            return False
        ours = aside.lstat().st_mtime_ns == said["changed"]
        if not ours:  # between looking and renaming somebody took it over: theirs it stays
            with contextlib.suppress(FileExistsError):
                os.link(aside, path)
        with contextlib.suppress(OSError):  # a folder, which nobody's claim is, stays beside
            aside.unlink()
        if ours and tell:
            print(f"{who(said)} is gone without finishing {trial}; it runs again", file=sys.stderr)
        return ours
