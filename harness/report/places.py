"""How every place of an experiment was decided, as the page has it, and who is the best at how many of them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from harness.analysis.experiments import Experiment
from harness.analysis.left_out import lines
from harness.analysis.means import constant_bands, label
from harness.analysis.winner import BASELINE, WIN, Outcome, Ranking
from harness.analysis.wording import told
from harness.report.compact import rounded
from target_signals.tasks.metrics import Metric

ALL = ""  # in place of a band or an item: all of them


def led(experiment: Experiment, best: dict[str, dict[str, Any]], rings: bool = False) -> dict[str, Any]:
    """`counted` of every band and budget; constant bands are one, and of rings the whole signal alone counts."""
    again = constant_bands(experiment)[1:]
    bands = [None] if rings else [band for band in experiment.bands if band not in again]
    return counted(place for band in bands for place in best.get(label("band", band), {}).values())


def counted(places: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Who is the best at how many places, of those where most of the models compete.

    aside: at how many fewer do. best: [model, places, those of them at which it wins]. yardsticks: [yardstick, places
    at which it is ahead].
    """
    named = [place for place in places if place["model"] is not None]
    known = [place for place in named if "few" not in place]
    best = Counter(place["model"] for place in known)
    wins = Counter(place["model"] for place in known if place["verdict"] == WIN)
    ahead = Counter(place["yardstick"] for place in known if place["yardstick"])
    return _counts(len(known), len(named) - len(known), best, wins, ahead)


def together(counts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What `counted` gives for the places of several experiments."""
    every = list(counts)
    best, wins, ahead = Counter[str](), Counter[str](), Counter[str]()
    for found in every:
        best.update({model: number for model, number, _ in found["best"]})
        wins.update({model: number for model, _, number in found["best"]})
        ahead.update(dict(found["yardsticks"]))
    return _counts(sum(one["places"] for one in every), sum(one["aside"] for one in every), best, wins, ahead)


def _counts(places: int, aside: int, best: Counter[str], wins: Counter[str], ahead: Counter[str]) -> dict[str, Any]:
    return {
        "places": places,
        "aside": aside,
        "best": [[model, number, wins[model]] for model, number in best.most_common()],
        "yardsticks": [list(one) for one in ahead.most_common()],
    }


def place_of(outcome: Outcome, metric: Metric, whole: bool) -> dict[str, Any]:
    """How a place was decided. whole: with who is the best, for the overview.

    Where something is not compared, left_out: what, in words; models: how many compete, of how many; few: that these
    are not even half. cases: how many it was over, where they are several.
    shown: [what it is there, model, mean] of those whose pictures stand side by side.
    """
    first, compared = outcome.first, outcome.compared
    place: dict[str, Any] = {"verdict": first.verdict if first else None}
    if said := lines(compared):
        place["left_out"] = said
    if not whole:
        return place
    if len(compared.models) < compared.every:
        place["models"] = [len(compared.models), compared.every]
    if compared.few:
        place["few"] = True
    if len(compared.cases) > 1:
        place["cases"] = len(compared.cases)
    return place | {
        "model": first.best if first else None,
        "told": told(outcome, metric),
        "score": rounded(first.means[0], 5) if first else None,
        "by": rounded(first.leads[0].mean, 4) if first and first.leads else None,
        "yardstick": outcome.yardstick,
        "ahead": rounded(outcome.ahead.mean, 4) if outcome.ahead else None,
        "shown": list(_shown(outcome)),
    }


def _shown(outcome: Outcome) -> Iterable[list[Any]]:
    first = outcome.first
    if first is None:
        return
    names = dict(zip(first.models, ("best", "second"), strict=False))
    if BASELINE in first.models:
        names.setdefault(BASELINE, "baseline")
    for model, what in names.items():
        yield [what, model, _mean(first, model)]
    if outcome.yardstick and outcome.yardsticks:
        yield ["yardstick", outcome.yardstick, _mean(outcome.yardsticks, outcome.yardstick)]


def _mean(ranking: Ranking, model: str) -> float | int | None:
    if model not in ranking.models:  # it lacks cases that another one has
        return None
    return rounded(ranking.means[ranking.models.index(model)], 5)
