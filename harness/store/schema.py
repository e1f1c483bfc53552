"""What type each column of a row has: rows come from other people and other versions, and are checked when read."""

from typing import Any

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
