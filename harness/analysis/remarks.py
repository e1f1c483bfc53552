"""What is to be known of scores beside them: budgets that are not used or not kept, models that learned nothing,
doubtful times."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from statistics import fmean
from typing import Any

from common.grouped import grouped
from common.words import LEARNED_NOTHING, budget_text, plural
from harness.analysis.gain import gain, learned_nothing
from harness.store.facts import at_once, busy, finite, was_timed
from harness.store.schema import OK

FULL = 0.95  # share of a budget below which it is said how much a model uses

Rows = list[Mapping[Any, Any]]
Tell = Callable[[Rows], str | None]  # what is to be known of a model at a budget; None: nothing


def remarks(rows: Iterable[Mapping[Any, Any]], times: bool = True) -> list[str]:
    """A line for each kind of remark on the rows of one experiment that ended well: by model and budget, or of all.

    times: whether times stand beside the scores.
    """
    kinds: dict[str, Tell] = {
        "uses more than its budget": _excess,
        "uses less than its budget": _share,
        LEARNED_NOTHING: _without_gain,
    }
    if not times:
        return _lines(rows, kinds)
    every = list(rows)
    return _lines(every, kinds | {"timed on a busy machine": _doubtful}) + _machines(every) + shared(every)


def _machines(rows: Rows) -> list[str]:
    """What is to be said of the seconds of fits that different machines did, or one with other numbers of threads."""
    counts = Counter(str(row["device"]) for row in rows if was_timed(row))
    told = "; ".join(f"{plural(count, 'fit')} by {device}" for device, count in counts.most_common())
    return [f"seconds of different machines or threads do not compare: {told}"] if len(counts) > 1 else []


def shared(rows: Iterable[Mapping[Any, Any]]) -> list[str]:
    """What is to be said of the seconds of fits of which some ran at the same time on GPUs."""
    count = at_once(rows)
    told = f"up to {count} fits ran at once; where they shared a GPU, they took longer than alone"
    return [told] if count > 1 else []


def without_gain(rows: Iterable[Mapping[Any, Any]]) -> list[str]:
    """The line among these remarks that names the models that learned nothing; none where all learned something."""
    return _lines(rows, {LEARNED_NOTHING: _without_gain})


def _lines(rows: Iterable[Mapping[Any, Any]], kinds: Mapping[str, Tell]) -> list[str]:
    of_model = grouped((row for row in rows if row["status"] == OK), itemgetter("model"))
    ended = {model: grouped(own, itemgetter("size")) for model, own in of_model.items()}
    found = []
    for what, tell in kinds.items():
        cells = {model: {size: tell(by_size[size]) for size in sorted(by_size)} for model, by_size in ended.items()}
        said = [f"{model} {text}" for model, by_size in cells.items() if (text := _of_model(by_size))]
        whole = len(said) > 1 and all(text == "" for by_size in cells.values() for text in by_size.values())
        found += [f"{what}: {'all' if whole else '; '.join(said)}"] if said else []
    return found


def _of_model(said: Mapping[int, str | None]) -> str:
    return ", ".join(f"at {budget_text(size)}{text}" for size, text in said.items() if text is not None)


def _excess(rows: Rows) -> str | None:
    """How much of its budget a model uses that sizes itself and keeps to none."""
    return f" {max(shares):.1%}" if (shares := _shares(rows)) and max(shares) > 1 else None


def _share(rows: Rows) -> str | None:
    return f" {fmean(shares):.0%}" if (shares := _shares(rows)) and fmean(shares) < FULL else None


def _shares(rows: Rows) -> list[float]:
    """What rows use of their budgets; other people's may be of a budget of 0."""
    return [row["parameters"] / row["size"] for row in rows if row["size"] and finite(row["parameters"]) is not None]


def _without_gain(rows: Rows) -> str | None:
    return _of_all(sum(map(learned_nothing, rows)), sum(gain(row, "psnr") is not None for row in rows))


def _doubtful(rows: Rows) -> str | None:
    return _of_all(sum(map(busy, rows)), len(rows))


def _of_all(count: int, of: int) -> str | None:
    return None if count == 0 else "" if count == of else f" ({count} of {of} trials)"
