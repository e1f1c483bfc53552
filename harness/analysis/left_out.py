"""What is not compared at a place, in words with counts: models without runs there or with some missing, and cases."""

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from common.grouped import grouped
from common.words import budget_text, plural
from harness.analysis.cell import Cell, counted
from harness.analysis.compared import ComparedModels
from harness.analysis.winner import Outcome
from target_signals.item_names import names_of


class Where(NamedTuple):
    """A place as notes name it: a budget, and what else tells it from others of the same display, such as a band."""

    size: int
    rest: str = ""


def left_out(outcomes: Mapping[Where, Outcome]) -> list[str]:
    """A line for each thing that is left out somewhere, with the places where it is, unless it is everywhere."""
    places: dict[str, list[Where]] = {}
    for where, outcome in outcomes.items():
        for line in lines(outcome.compared):
            places.setdefault(line, []).append(where)
    ordered = sorted(places.items(), key=lambda entry: min(entry[1]))
    return [line if len(at) == len(outcomes) else f"at {_named(at)}: {line}" for line, at in ordered]


def lines(compared: ComparedModels) -> list[str]:
    """`9 of 12 models have no score here: …`, `do not compete: Siren, Wire (1 missing of 10 runs)`, and the cases that
    are left out; empty where all is compared."""
    said = []
    if compared.absent and compared.every > len(compared.absent):
        have = "has" if len(compared.absent) == 1 else "have"
        said.append(
            f"{len(compared.absent)} of {compared.every} models {have} no score here: {', '.join(compared.absent)}"
        )
    if compared.lacking:
        of, alike = len(compared.shown), grouped(compared.lacking, compared.lacking.__getitem__)
        each = [f"{', '.join(models)} ({_lack(*lack, of)})" for lack, models in alike.items()]
        said.append(f"{'does' if len(compared.lacking) == 1 else 'do'} not compete: {'; '.join(each)}")
    if compared.cases and compared.dropped:
        said.append(f"compared over {_cases(compared.cases, compared.dropped)}")
    return said


def _lack(missing: int, failed: int, of: int) -> str:
    """`1 missing and 2 failed of 10 runs`."""
    both = [f"{count} {what}" for count, what in ((missing, "missing"), (failed, "failed")) if count]
    return f"{' and '.join(both)} of {plural(of, 'run')}"


def _cases(kept: Collection[Cell], dropped: Collection[Cell]) -> str:
    """`3 of 5 bands, as too few models have 0.7 0.9`, for items and seeds likewise; else `7 of 12 cases`."""
    draws = {"item": "item", "signal": "signal_seed", "seed": "seed"}
    counts = counted([*kept, *dropped])
    for noun, name in (("bands", "band"), *((f"{what}s", draws[what]) for what in counts)):
        here, gone = ({getattr(case, name) for case in cases} for cases in (kept, dropped))
        if not here & gone:
            return f"{len(here)} of {len(here | gone)} {noun}, as too few models have {_listed(gone, here | gone)}"
    return f"{len(kept)} of {len(kept) + len(dropped)} cases, as too few models have the others"


def _listed(values: Collection[Any], among: Collection[Any]) -> str:
    """Values in order, items by what tells them apart among all; None, the band of a whole signal, comes last."""
    items = names_of({value for value in among if isinstance(value, str)})
    ordered = sorted(value for value in values if value is not None)
    texts = (f"{value:g}" if isinstance(value, float) else items.get(value, str(value)) for value in ordered)
    return " ".join([*texts, *(["whole"] if None in values else [])])


def _named(places: Iterable[Where]) -> str:
    """`10k 100k (0.7 0.9), 30k`: budgets with the same rests together."""
    at = grouped(places, attrgetter("size"))
    rests = {size: " ".join(where.rest for where in own if where.rest) for size, own in sorted(at.items())}
    alike = grouped(rests, rests.__getitem__)
    return ", ".join(" ".join(map(budget_text, own)) + (f" ({rest})" if rest else "") for rest, own in alike.items())
