"""What is to be known of scores beside them: budgets that are not used, models that learned nothing, doubtful times."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any

from common.words import budget_text
from harness.analysis.gain import gain
from harness.store.facts import busy, finite
from harness.store.schema import OK

FULL = 0.95  # share of a budget below which it is said how much a model uses
NOTHING = 0.05  # dB over the truth's own mean, of which one learns nothing

Rows = list[Mapping[Any, Any]]


def remarks(rows: Iterable[Mapping[Any, Any]], times: bool = True) -> list[str]:
    """A line for each kind of remark on the rows of one experiment that ended well: by model and budget, or of all.

    times: whether times stand beside the scores.
    """
    ended: dict[str, dict[int, Rows]] = defaultdict(lambda: defaultdict(list))  # by model and budget
    for row in rows:
        if row["status"] == OK:
            ended[row["model"]][row["size"]].append(row)
    kinds: dict[str, Callable[[Rows], str | None]] = {
        "uses less than its budget": _share,
        "learned nothing over the mean of the truth": _without_gain,
    }
    if times:
        kinds["timed on a busy machine"] = _doubtful
    found = []
    for what, tell in kinds.items():
        cells = {model: {size: tell(by_size[size]) for size in sorted(by_size)} for model, by_size in ended.items()}
        said = [f"{model} {text}" for model, by_size in cells.items() if (text := _of_model(by_size))]
        whole = len(said) > 1 and all(text == "" for by_size in cells.values() for text in by_size.values())
        found += [f"{what}: {'all' if whole else '; '.join(said)}"] if said else []
    return found


def _of_model(said: Mapping[int, str | None]) -> str:
    return ", ".join(f"at {budget_text(size)}{text}" for size, text in said.items() if text is not None)


def _share(rows: Rows) -> str | None:
    shares = [row["parameters"] / row["size"] for row in rows if finite(row["parameters"]) is not None]
    return f" {fmean(shares):.0%}" if shares and fmean(shares) < FULL else None


def _without_gain(rows: Rows) -> str | None:
    gains = [found for row in rows if (found := gain(row, "psnr")) is not None]
    return _of_all(sum(found < NOTHING for found in gains), len(gains))


def _doubtful(rows: Rows) -> str | None:
    return _of_all(sum(map(busy, rows)), len(rows))


def _of_all(count: int, of: int) -> str | None:
    return None if count == 0 else "" if count == of else f" ({count} of {of} trials)"
