"""Values as the page holds them: short numbers, and texts that stand once."""

import math
from collections.abc import Sequence
from typing import Any


def rounded(value: float | None, digits: int = 6) -> float | int | None:
    """A number to some significant digits, whole where it is; None for NaN and infinities, which JSON lacks."""
    if value is None or not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) < 10**15:
        return value
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 10**15 else short


def pooled(texts: Sequence[str | None]) -> dict[str, Any]:
    """Texts of which few are distinct; −1 stands for null."""
    pool = {text: i for i, text in enumerate(dict.fromkeys(text for text in texts if text is not None))}
    return {"pool": list(pool), "at": [-1 if text is None else pool[text] for text in texts]}
