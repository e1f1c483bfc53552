"""Where a person's models place among the reference results, with the difference to the best and its interval."""

from collections.abc import Sequence

from common.grouped import grouped
from common.words import budget_text
from harness.analysis import left_out
from harness.analysis.cell import cell_of, kind_of
from harness.analysis.experiments import experiments
from harness.analysis.means import Means, means
from harness.analysis.reference_rows import budgets, reference_models
from harness.analysis.significance import Difference
from harness.analysis.standing import Standing, standings
from harness.analysis.winner import Outcome
from harness.analysis.wording import alone, difference
from harness.plan.config import Config
from harness.store.schema import CLASSICAL, REFERENCE_RESULT, Row
from target_signals.tasks.metrics import Metric


def tell(rows: Sequence[Row], config: Config, metric: str = "psnr") -> str:
    """A line for each of a person's trained models and budgets that has reference rows beside it, and one for each
    experiment of which the reference lacks some of their budgets, or all where none but a model of their own was run.

    rows: their own and `reference_rows.beside` these. config: the settings file, which has the models' order and those
    that are planned. Runs in cases that the reference does not have are left out, as nothing could be compared with
    them.
    """
    return "\n".join([*places(rows, config, metric), *_unplaced(rows, config)])


def places(rows: Sequence[Row], config: Config, metric: str = "psnr") -> list[str]:
    """The lines on what has reference rows beside it, a heading before those of each experiment."""
    if not reference_models(rows):
        return []
    drawn = {(kind_of(row), cell_of(row).case) for row in rows if row["origin"] == REFERENCE_RESULT}
    shared = [row for row in rows if (kind_of(row), cell_of(row).case) in drawn]
    said: list[str] = []
    for experiment in experiments(shared, config.protocol.order, config):
        latest = list(experiment.by_cell.values())
        others = reference_models(latest)
        own = [row["model"] for row in latest if row["model"] not in others and row["label"] != CLASSICAL]
        said += _of_experiment(means(experiment, ["model", "size"], metric), list(dict.fromkeys(own)))
    return said


def _unplaced(rows: Sequence[Row], config: Config) -> list[str]:
    """A line for each experiment of which the reference has rows, but none at some of a person's budgets; and for each
    of which it has none, where a model that the suite does not ship has nothing else beside it."""
    said = []
    for kind, alike in grouped(rows, kind_of).items():
        own = [row for row in alike if row.get("origin") != REFERENCE_RESULT and row["label"] != CLASSICAL]
        beside = {row["size"] for row in alike if row.get("origin") == REFERENCE_RESULT}
        if not {row["size"] for row in own} - beside:
            continue
        held = budgets(kind, own, config)
        lacking = sorted({row["size"] for row in own}.difference(held))
        names = {row["model"] for row in alike}
        if held and lacking:
            experiment = f"{kind.signal} {kind.dim}D, {kind.task}"
            said.append(f"{experiment}: no reference rows at {_listed(lacking)}; {kind.preset} has {_listed(held)}")
        elif not held and kind.dataset is None and names.isdisjoint(config.protocol.order):
            said.append(f"{kind}: no reference rows; name models to compare with beside yours, such as --models … all")
    return said


def _listed(sizes: Sequence[int]) -> str:
    *others, last = map(budget_text, sizes)
    return f"{', '.join(others)} and {last}" if others else last


def _of_experiment(found: Means, own: Sequence[str]) -> list[str]:
    kind = found.experiment.kind
    lines = [f"among the reference results, {found.metric.label()}, {kind.signal} {kind.dim}D, {kind.task}:"]
    for (size,), outcome in sorted(found.outcomes.items(), key=lambda one: one[0]):
        standing = standings(found.runs[(size,)], outcome, found.metric)
        placed = {model: _place(model, standing[model], outcome, found.metric) for model in own if model in standing}
        lines += [f"  {budget_text(size):>5}  {model}: {place}" for model, place in placed.items()]
        lines += [f"         {line}" for line in left_out.lines(outcome.compared) if placed]
    return lines if len(lines) > 1 else []


def _place(model: str, standing: Standing, outcome: Outcome, metric: Metric) -> str:
    ranking = outcome.trained
    if ranking is None or standing.rank is None:
        return "no rank, as it lacks runs that others have, or failed there"
    of = f"{standing.rank} of {len(ranking.models)}"
    if standing.rank == 1:
        if len(ranking.models) == 1:
            return of + alone("trained model")
        then = f"{difference(ranking.leads[0], metric)} ahead of {ranking.models[1]}"
        return f"{of}, {then}{_unsure(ranking.leads[0], ranking.models[1] in ranking.tied)}"
    assert standing.best is not None  # who has a rank has the best model's cases
    behind = -standing.best.difference
    return f"{of}, {difference(behind, metric)} behind {ranking.best}{_unsure(behind, model in ranking.tied)}"


def _unsure(found: Difference, tied: bool) -> str:
    """What weakens a difference: one replicate, which leaves no interval, or that it may be chance."""
    corrected = " after Holm's correction" if found.certain else ""
    return " (one draw: no interval)" if found.n == 1 else f" (not told apart{corrected})" if tied else ""
