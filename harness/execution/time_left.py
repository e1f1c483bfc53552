"""How long a run still takes: its own measured times first, then harness/plan/cost.py's estimates corrected by them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from harness.plan.cost import is_timed, starts, trial_seconds
from harness.plan.trial import Trial

Sort = tuple[str, int, str, int, int | None, int]  # trials that should take the same time
Errors = Mapping[str | None, float]  # time taken over its estimate: of a model's trials, and of all under None
MOMENT = 1.0  # seconds of trials from which on their error is that of others: the first of a process takes longer


class TimeLeft:
    """Told of every trial that ends; asked for the seconds that are left, which takes no longer the more have ended."""

    def __init__(self, trials: Sequence[Trial], device: str):
        self.ahead = Counter(map(sort_of, trials))
        self.estimates = {sort_of(trial): trial_seconds(trial, device) for trial in trials}
        self.starts = starts(trials, device)  # of models and budgets that none of has begun
        self.unknown = {trial.model for trial in trials if not is_timed(trial, device)}  # until a trial ends
        self.ended, self.took = Counter[Sort](), defaultdict[Sort, float](float)  # trials, and their seconds together
        self.begun: Sort | None = None
        self.start = 0.0  # seconds that the current trial takes longer as the first of its model and budget

    def begin(self, trial: Trial) -> None:
        """This is the current trial until `end`."""
        self.begun = sort_of(trial)
        self.ahead[self.begun] -= 1
        self.start = self.starts.pop((trial.model, trial.budget), 0.0)

    def end(self, trial: Trial, seconds: float) -> None:
        """seconds: that the current trial took, with all that only the first of its model and budget takes."""
        sort = sort_of(trial)
        estimate = self.estimates.get(sort) or seconds
        self.unknown.discard(trial.model)
        self.ended[sort] += 1
        self.took[sort] += max(seconds - self.start, min(seconds, estimate))  # as the others of its sort will take
        self.begun, self.start = None, 0.0

    @property
    def over(self) -> bool:
        """Whether every trial has ended."""
        return self.begun is None and not any(self.ahead.values())

    def guessed(self, told: bool = False) -> list[str]:
        """The models among the trials that are left that were never timed, and of which no trial has ended.

        told: whether the current trial's own passes tell how long it takes, so that its model is none of them.
        """
        current = set() if self.begun is None else {self.begun[0]}
        left = current | {sort[0] for sort, count in self.ahead.items() if count}
        return sorted(self.unknown & (left - current if told else left))

    def left(self, elapsed: float = 0.0, whole: float | None = None, per_device: int = 1) -> float | None:
        """Seconds of the trials that are left, one after the other; None while nothing is known.

        elapsed: seconds that the current trial has taken. whole: those that it will have taken by its own passes so
        far; None before they tell. A trial that takes longer than was thought lengthens those ahead as well.
        per_device: how many trials share a device; each is thought to take so many times as long, until one has ended.
        """
        errors, total = self._errors(), 0.0
        if self.begun is not None:
            expected = self._predict(self.begun, errors, per_device)
            if whole is None and expected is not None:
                whole = max(expected + self.start, elapsed)
            if whole is None:
                return None
            errors = self._errors((self.begun, max(0.0, whole - self.start)))
            total = max(0.0, whole - elapsed)
        total += sum(self.starts.values())
        for sort, count in self.ahead.items():
            if count:
                seconds = self._predict(sort, errors, per_device)
                if seconds is None:
                    return None
                total += count * seconds
        return total

    def _predict(self, sort: Sort, errors: Errors, per_device: int) -> float | None:
        """Seconds of one trial: as its like took; else the estimate, by as much off as for its model, or for all."""
        if sort in self.ended:
            return self.took[sort] / self.ended[sort]
        estimate = self.estimates.get(sort)
        if estimate is not None:
            return estimate * (errors.get(sort[0]) or errors.get(None) or per_device)
        return sum(self.took.values()) / sum(self.ended.values()) if self.ended else None

    def _errors(self, *running: tuple[Sort, float]) -> Errors:
        """running: the current trial with the seconds that it will take."""
        spent: dict[str | None, float] = defaultdict(float)
        expected: dict[str | None, float] = defaultdict(float)
        ended = [(sort, count, self.took[sort]) for sort, count in self.ended.items()]
        for sort, trials, seconds in [*ended, *((sort, 1, seconds) for sort, seconds in running)]:
            estimate = self.estimates.get(sort)
            if estimate:
                for whose in (sort[0], None):
                    spent[whose] += seconds
                    expected[whose] += trials * estimate
        rest = {whose: max(0.0, MOMENT - seconds) for whose, seconds in expected.items()}  # taken to be as estimated
        return {whose: (spent[whose] + rest[whose]) / (expected[whose] + rest[whose]) for whose in expected}


def sort_of(trial: Trial) -> Sort:
    return (trial.model, trial.budget, trial.task, trial.dim, trial.length, trial.steps)
