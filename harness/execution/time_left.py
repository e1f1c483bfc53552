"""How long a run still takes: its own measured times first, then harness/plan/cost.py's estimates corrected by them."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from harness.plan.cost import trial_seconds
from harness.plan.trial import Trial

Sort = tuple[str, int, str, int, int | None, int]  # trials that should take the same time


class TimeLeft:
    """Told of every trial that ends; asked for the seconds that are left."""

    def __init__(self, trials: Sequence[Trial], device: str):
        self.ahead = Counter(map(sort_of, trials))
        self.estimates = {sort_of(trial): trial_seconds(trial, device) for trial in trials}
        self.measured: dict[Sort, list[float]] = defaultdict(list)
        self.begun: Sort | None = None

    def begin(self, trial: Trial) -> None:
        self.begun = sort_of(trial)
        self.ahead[self.begun] -= 1

    def end(self, trial: Trial, seconds: float) -> None:
        self.measured[sort_of(trial)].append(seconds)
        self.begun = None

    def left(self, elapsed: float = 0.0, share: float = 0.0) -> float | None:
        """Seconds until the last trial ends; None while nothing is known.

        elapsed: seconds that the current trial has taken. share: of its passes that are done.
        """
        known = {sort: self.predict(sort) for sort, count in self.ahead.items() if count}
        total = 0.0
        for sort, seconds in known.items():
            if seconds is None:
                return None
            total += self.ahead[sort] * seconds
        if self.begun is None:
            return total
        whole = elapsed / share if share else self.predict(self.begun)
        return None if whole is None else total + max(0.0, whole - elapsed)

    def predict(self, sort: Sort) -> float | None:
        """Seconds of one trial: as its like took; else the estimate, by as much off as for its model, or for all."""
        if self.measured[sort]:
            return _mean(self.measured[sort])
        estimate = self.estimates.get(sort)
        if estimate is not None:
            own = [other for other in self.measured if other[0] == sort[0]]
            return estimate * (self._error(own) or self._error(list(self.measured)) or 1.0)
        every = [seconds for times in self.measured.values() for seconds in times]
        return _mean(every) if every else None

    def _error(self, sorts: Sequence[Sort]) -> float | None:
        """Measured time of some trials over its estimate."""
        timed = [(self.measured[s], e) for s in sorts if (e := self.estimates.get(s)) is not None]
        expected = sum(len(times) * estimate for times, estimate in timed)
        return sum(sum(times) for times, _ in timed) / expected if expected else None


def sort_of(trial: Trial) -> Sort:
    return (trial.model, trial.size, trial.task, trial.dim, trial.length, trial.steps)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
