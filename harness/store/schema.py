"""What a row holds: its columns, their types, and how a row file is read. Rows come from other people and other
versions, so they are checked when they are read."""

import json
import math
from collections.abc import Mapping
from typing import Any

CHECKSUM = "residual_sha256"  # the column that names a residual's file by its content
OK, DIVERGED, OUT_OF_MEMORY, UNSUPPORTED = "ok", "diverged", "out_of_memory", "unsupported"
CLASSICAL = "classical"  # the label of a yardstick: compared with, though it is no trained representation
COLUMNS = (
    *(
        "signal",
        "item",
        "source",
        "stands_for",
        "dim",
        "length",
        "shape",
        "bandlimit",
        "task",
        "model",
        "label",
        "size",
        "seed",
    ),
    *("preset", "steps", "minibatch", "settings", "config_hash", "status", "reason", "parameters"),
    *("psnr", "ssim", "lpips", "iou", "psnr_best", "ssim_best", "lpips_best", "iou_best", "best_step"),
    *("psnr_constant", "psnr_paper", "ssim_paper", "lpips_paper", "iou_paper", "psnr_rings"),
    *("curve", "updates", "seconds", "ms_per_step", CHECKSUM),
    *("peak_memory_bytes", "device", "backend", "precision", "versions", "commit", "started"),
)
NEEDED = ("signal", "dim", "task", "model", "size", "seed", "config_hash", "status", "started")
SCORES = ("psnr", "ssim", "lpips", "iou")
MOST_BYTES = 1 << 25  # of a row: a curve of 100 000 evaluations has a third of it
Row = dict[str, Any]

TEXTS = ("signal", "task", "model", "status", "started")
WHOLE = ("dim", "size", "seed")
NUMBERS = (
    *("length", "bandlimit", "steps", "parameters", "best_step", "updates", "seconds", "ms_per_step", "minibatch"),
    *("peak_memory_bytes", "psnr_constant"),
    *(f"{score}{at}" for score in ("psnr", "ssim", "lpips", "iou") for at in ("", "_best", "_paper")),
)
NOTES = (  # texts that may be null
    *("item", "source", "stands_for", "label", "preset", "config_hash", "reason", "device", "backend", "precision"),
    *("commit", "residual_sha256"),
)
GREATEST = 1e300  # sums and means of what is smaller stay finite
LIMIT = 1 << 63
LISTS = ("curve", "psnr_rings", "shape")


def check(row: dict[str, Any]) -> None:
    """ValueError for a value of a type that its column never has. What no terminal can print of a text is replaced."""
    _all(row, TEXTS, str, "text")
    _all(row, NOTES, str | None, "text")
    _all(row, LISTS, list | None, "list")
    for name in (*TEXTS, *NOTES):
        if row.get(name) is not None and not row[name].isprintable():
            row[name] = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in row[name])
    _all_numbers(row, NUMBERS)
    for name in WHOLE:
        if not _is_whole(row[name]):
            raise ValueError(f"'{name}' is no whole number")
    if not all(map(_is_whole, row.get("shape") or ())):
        raise ValueError("'shape' holds something that is no whole number")
    if not all(value is None or _is_number(value) for value in row.get("psnr_rings") or ()):
        raise ValueError("'psnr_rings' holds something that is no number")
    for point in row.get("curve") or ():
        if not isinstance(point, dict) or not _is_number(point.get("step")):
            raise ValueError("'curve' holds something that is no point")
        if not all(value is None or _is_number(value) for value in point.values()):
            raise ValueError("'curve' holds something that is no number")


def _all(row: dict[str, Any], names: tuple[str, ...], kind: Any, called: str) -> None:
    for name in names:
        if not isinstance(row.get(name), kind):
            raise ValueError(f"'{name}' is no {called}")


def _all_numbers(row: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if row.get(name) is not None and not _is_number(row[name]):
            raise ValueError(f"'{name}' is no number")


def _is_number(value: Any) -> bool:
    """What JSON gives for a number; True and False are none, nor is what 64 bits cannot hold."""
    return (type(value) is float and -GREATEST < value < GREATEST) or (type(value) is int and -LIMIT < value < LIMIT)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and 0 <= value == int(value)


def parse_text(text: bytes) -> Row:
    """What a row file holds. Raises ValueError when it is not a whole row.

    A row of another version may lack columns, which are null, and have others, which are passed over.
    """
    try:
        row = json.loads(text)
        if b"\\u" in text:  # halves of surrogate pairs, which no file and no terminal takes, come as escapes alone
            row = json.loads(json.dumps(row, ensure_ascii=False).encode(errors="replace"))
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    if not isinstance(row, dict):
        raise ValueError("it holds no JSON object")
    absent = [column for column in NEEDED if column not in row]
    if absent:
        raise ValueError(f"it lacks {', '.join(absent)}")
    row = {column: row.get(column) for column in COLUMNS}
    check(row)
    return row


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value
