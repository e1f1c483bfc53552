"""Whether a trial that ran again gave what its row says: bit for bit where it must, else within a tolerance."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.files import Unfit
from harness.store.residual import checksum, encode, load_residual
from harness.store.schema import CHECKSUM, OK, Row, names
from harness.store.store import as_json

SAME, NUMBERS = names(machine=True), names(repeats=True)


@dataclass(frozen=True)
class Agreement:
    """words: `bitwise`, `within 0.2 dB`, or what differs. difference: of PSNR, in dB, where there is one."""

    agrees: bool
    words: str
    difference: float | None = None


def compare(
    row: Mapping[str, Any], array: Path, again: Row, residual: np.ndarray | None, tolerance: float
) -> Agreement:
    """row, array: as they are stored. again, residual: what the repeated trial gave. tolerance: dB
    of PSNR, for another machine, other versions or a GPU."""
    now = as_json(again)
    if row["status"] != now["status"]:
        return Agreement(False, f"{row['status']} then, {now['status']} now: {now['reason']}")
    difference = None if row["psnr"] is None or now["psnr"] is None else now["psnr"] - row["psnr"]
    if (flaw := _flaw(row, array)) is not None:
        return Agreement(False, f"its array cannot be used: {flaw}", difference)
    differs = [name for name in NUMBERS if _bare(row[name]) != _bare(now[name])]
    if residual is not None and row[CHECKSUM] not in (None, checksum(encode(residual))):
        differs.append("array")
    if not differs:
        return Agreement(True, "bitwise", difference)
    if must_be_bitwise(row, now):
        return Agreement(False, f"same machine and versions, yet other bits in {', '.join(differs)}", difference)
    if row["status"] != OK:
        return Agreement(True, f"{row['status']} again", difference)
    if difference is None or abs(difference) > tolerance:
        return Agreement(False, f"not within {tolerance:g} dB", difference)
    return Agreement(True, f"within {tolerance:g} dB", difference)


def must_be_bitwise(row: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether two runs of a trial must agree to the last bit: on a CPU, the same machine and versions."""
    return str(now["device"]).startswith("cpu") and all(row[name] == now[name] for name in SAME)


def _flaw(row: Mapping[str, Any], array: Path) -> str | None:
    """What is wrong with the stored array; an absent one, such as of an archive without arrays, is no flaw."""
    if row["status"] != OK or not array.exists():
        return None
    try:
        load_residual(array, row)
    except (Unfit, OSError) as error:
        return str(error)
    return None


def _bare(value: Any) -> Any:
    """A column without its times."""
    if isinstance(value, list):
        return [_bare(entry) for entry in value]
    return {k: v for k, v in value.items() if k != "seconds"} if isinstance(value, dict) else value
