"""What a comparison's figures were drawn of, kept beside them: while it is the same they are not drawn again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.files import Unfit, read_bounded, write_atomically
from common.process import without_collection
from harness.analysis.comparison import Comparison
from harness.store.fingerprint import fingerprint, stamp, stamps
from harness.store.names import folder_of, key_of
from harness.store.own_signal import signal_path
from harness.store.schema import OK
from target_signals.user_file import UserFile

LARGEST = 1 << 20  # bytes of a record


@without_collection()
def drawn_of(comparison: Comparison, out: str | Path, waiting: bool) -> str:
    """Digest of rows, residuals and signals that the figures show, and of how they are drawn.

    Rows are known by the stamps of their files, and by when they started, should another run have replaced a file since
    it was read. A row without a file, such as one of the reference, is known by what it holds.
    """
    rows = [row for runs in comparison.of_fits().places.values() for row in runs.values()]
    folder = Path(out) / folder_of(rows[0])  # of all
    row_files, array_files = stamps(folder / "rows"), stamps(folder / "arrays")
    shown: list[Any] = []
    for row in rows:
        key = key_of(row)
        shown.append((key, row["started"], row_files.get(f"{key}.json", row)))
        if row["status"] == OK:
            shown.append(array_files.get(f"{key}.npz"))
    signals = {str(signal_path(out, row)) for row in rows if row["signal"] == UserFile.name}
    files = [stamp(Path(path)) for path in sorted(signals)]
    of_table = (comparison.metric, comparison.palette, sorted(comparison.classical), comparison.passed_over)
    return fingerprint(waiting, *of_table, shown, files)


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
    """Keep beside the figures what they were drawn of, `drawn_of` before they were drawn. Raises OSError."""
    text = json.dumps({"of": of, "files": [path.name for path in files]})
    write_atomically(_path(folder, metric), text.encode())


def _path(folder: Path, metric: str) -> Path:
    return folder / f".drawn_of_{metric}.json"
