"""What a comparison's figures were drawn of, kept beside them: while it is the same they are not drawn again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.files import Unfit, read_bounded, write_atomically
from harness.analysis.comparison import Comparison
from harness.store.fingerprint import fingerprint, stamp
from harness.store.names import array_path
from harness.store.own_signal import signal_path
from harness.store.schema import OK
from target_signals.user_file import UserFile

LARGEST = 1 << 20  # bytes of a record


def drawn_of(comparison: Comparison, out: str | Path, waiting: bool) -> str:
    """Digest of rows, residuals and signals that the figures show, and of how they are drawn."""
    rows = list({id(run.row): run.row for runs in comparison.cells.values() for run in runs.values()}.values())
    files = [array_path(out, row) for row in rows if row["status"] == OK]
    files += [signal_path(out, row) for row in rows if row["signal"] == UserFile.name]
    of_table = (comparison.metric, comparison.palette, sorted(comparison.classical), comparison.passed_over)
    return fingerprint(waiting, *of_table, rows, [stamp(path) for path in files])


def is_drawn(folder: Path, metric: str, of: str) -> bool:
    """Whether the figures in a folder were drawn of this, and are there still."""
    try:
        record: Any = json.loads(read_bounded(_path(folder, metric), LARGEST))
        return record["of"] == of and all((folder / name).is_file() for name in record["files"])
    except (OSError, Unfit, ValueError, RecursionError, TypeError, KeyError):  # none yet, or damaged
        return False


def forget(folder: Path, metric: str) -> None:
    """Forget what is drawn, before the first figure is drawn anew: an interruption leaves figures of two kinds."""
    _path(folder, metric).unlink(missing_ok=True)


def record(folder: Path, metric: str, of: str, files: Sequence[Path]) -> None:
    text = json.dumps({"of": of, "files": [path.name for path in files]})
    write_atomically(_path(folder, metric), lambda file: file.write(text.encode()))


def _path(folder: Path, metric: str) -> Path:
    return folder / f".drawn_of_{metric}.json"
