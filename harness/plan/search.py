"""The settings that a search tries (docs/tuning.md): trial 0 the settings file's own, then points of a Sobol sequence.

I. M. Sobol', USSR Comput. Math. Math. Phys. 7, 1967; scrambled as by A. B. Owen, J. Complexity 14, 1998. Point k
depends on the space and the seed alone: workers need nothing in common, and a longer search goes on with a shorter
one. Every model has as many trials, whatever they find, so none is favoured by the cleverness of a search.

`python -m harness.plan.search` prints the table of spaces for docs/tuning.md.
"""

import dataclasses
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import models
from common.dials import Choice, Setting, dials_of
from common.errors import UsageError
from common.grouped import grouped
from harness.plan.config import Config
from harness.plan.model_settings import model_names, training_settings
from harness.plan.trial import CONSTANT, COSINE, LR_SCHEDULE, Trial

FINALISTS = 3  # candidates that are fitted again, trial 0 beside them, so that no lucky start decides
AGAIN = (100, 200)  # with seeds that are so much greater
# of LR_SCHEDULES these two: one more would move every point, and no search that was begun could go on
SCHEDULE = Setting(LR_SCHEDULE, Choice("every trained model's"), (CONSTANT, COSINE))


@dataclasses.dataclass(frozen=True)
class Candidate:
    """Settings that a search tries. index: of the trial; dials: the values of those that may be tuned."""

    index: int
    settings: Any
    lr_schedule: str
    dials: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Cell:
    """The search of one model for a kind of data and a budget. fits: of each candidate, one for each signal."""

    kind: str
    model: str
    budget: int
    seed: int
    candidates: tuple[Candidate, ...]
    fits: tuple[tuple[Trial, ...], ...]

    @property
    def trials(self) -> list[Trial]:
        """Every trial, by signal, so that each signal is built once."""
        return [fit for of_signal in zip(*self.fits, strict=True) for fit in of_signal]

    def again(self, index: int) -> list[Trial]:
        """The fits of one candidate from other initial values: by seed, then by signal."""
        return [dataclasses.replace(fit, seed=fit.seed + more) for more in AGAIN for fit in self.fits[index]]


def space(model: str) -> tuple[Setting, ...]:
    """What may be tuned of a model: its own dials and the schedule of its learning rate. Empty: nothing."""
    own = dials_of(models.get_model(model).Config)
    return (*own, SCHEDULE) if any(setting.name == "lr" for setting in own) else own


def candidates(config: Config, model: str, kind: str, size: int, trials: int, seed: int) -> list[Candidate]:
    """The first `trials` of a model's search for a kind of data and a budget; one for a model without dials.

    kind: as hyperparameters.json's own settings know it, for trial 0. UsageError where its space lacks these.
    """
    settings, lr_schedule = training_settings(config, model, kind, size)
    dials = space(model)
    values = {setting.name: getattr(settings, setting.name, lr_schedule) for setting in dials}
    for setting in dials:
        if not setting.holds(own := values[setting.name]):
            advice = f"change the setting, or the range that {model}'s Config declares"
            raise UsageError(f"{model}.{setting.name} is {own}, which is not within its range ({setting}); {advice}")
    found = [Candidate(0, settings, lr_schedule, values)]
    for index, shares in enumerate(points(len(dials), trials - 1, seed) if dials else (), start=1):
        values = {setting.name: setting.at(share) for setting, share in zip(dials, shares, strict=True)}
        own = {name: value for name, value in values.items() if name != LR_SCHEDULE}
        changed = dataclasses.replace(settings, **own)
        found.append(Candidate(index, changed, values.get(LR_SCHEDULE, lr_schedule), values))
    return found


def cells(config: Config, plan: Sequence[Trial], kind: str, trials: int, seed: int) -> list[Cell]:
    """The searches for one kind of data. plan: a trial of each model, budget and signal, with the file's settings."""
    return [
        Cell(kind, model, budget, seed, tuple(tried), tuple(_fits(own, one) for one in tried))
        for (budget, model), own in grouped(plan, attrgetter("budget", "model")).items()
        for tried in [candidates(config, model, kind, budget, trials, seed)]
    ]


def _fits(plan: Sequence[Trial], candidate: Candidate) -> tuple[Trial, ...]:
    """A fit to each signal, from initial values of its own: one start that leads nowhere would spoil all of them."""
    found = {"settings": candidate.settings, "lr_schedule": candidate.lr_schedule}
    return tuple(dataclasses.replace(trial, seed=trial.seed + number, **found) for number, trial in enumerate(plan))


def points(dials: int, count: int, seed: int) -> list[list[float]]:
    """The first `count` points of the sequence in the unit cube."""
    from scipy.stats import qmc  # takes most of a second to import

    if count < 1:
        return []
    power = (count - 1).bit_length()  # SciPy warns of other numbers of points
    return qmc.Sobol(dials, scramble=True, rng=seed).random_base2(power)[:count].tolist()


def described(config: Config) -> str:
    """The table of all models' spaces in Markdown."""
    lines = ["| model | setting | range | drawn | the settings file's own | source |", "|---|---|---|---|---|---|"]
    for model in model_names(config):
        for setting in dials_of(models.get_model(model).Config):
            dial, own = setting.dial, config.models.get(model, {}).get(setting.name)
            shown = "by data and budget" if isinstance(own, dict) else f"{own}"
            if isinstance(dial, Choice):
                reach, scale = ", ".join(map(str, setting.options)), "evenly"
            else:
                reach, scale = f"{dial.low:g} to {dial.high:g}", dial.scale
            whole = ", whole" if setting.whole else ""
            lines.append(f"| {model} | `{setting.name}` | {reach} | {scale}{whole} | {shown} | {dial.source} |")
    return "\n".join(lines)


if __name__ == "__main__":
    from harness.plan.config import load_config

    print(described(load_config()))
