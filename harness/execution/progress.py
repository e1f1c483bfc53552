"""What a run shows while it runs: on a terminal two bars and the best rows, otherwise one plain line a trial."""

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from tqdm import tqdm

from common.words import budget_text, duration
from harness.execution.time_left import TimeLeft
from harness.plan.trial import Trial
from harness.store.claims import Claim
from harness.store.schema import CLASSICAL, OK, Row
from target_signals.tasks.base import title_of

TRIALS = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} trials, {elapsed} so far{postfix}"
PASSES = "     |{bar}| {n_fmt}/{total_fmt} passes: {desc}"


class Progress:
    """Tells of trials as they begin, advance and end; a context, so that the terminal is left clean.

    The best rows are those of each budget among trials on the same signal: other signals are not comparable.
    workers: how many trials run at once, here or elsewhere. silent: tells nobody but the claims. on_end: is given each
    trial whose rows are stored.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        device: str,
        workers: int = 1,
        silent: bool = False,
        on_end: Callable[[Trial], None] = lambda trial: None,
    ):
        self.total, self.number, self.step = len(trials), 0, 0
        self.time_left, self.workers, self.silent = TimeLeft(trials, device), workers, silent
        self.on_end = on_end
        self.claim: Claim | None = None
        self.best: dict[Any, dict[int, tuple[float, str]]] = {}
        self.started = time.monotonic()
        self.trial: Trial | None = None
        no_bars = silent or not sys.stderr.isatty()
        common: dict[str, Any] = {"disable": no_bars, "dynamic_ncols": True, "leave": False, "file": sys.stderr}
        self.trials = tqdm(total=len(trials), bar_format=TRIALS, position=0, **common)
        self.passes = tqdm(total=1, bar_format=PASSES, position=1, **common)
        self.leaders = tqdm(total=0, bar_format="     {desc}", position=2, **common)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in (self.leaders, self.passes, self.trials):
            bar.close()

    def begin(self, trial: Trial, claim: Claim | None = None) -> None:
        self.trial, self.claim, self.step, self.started = trial, claim, 0, time.monotonic()
        self.number += 1
        self.time_left.begin(trial)
        self.passes.set_description_str(str(trial), refresh=False)
        self.passes.reset(total=trial.steps)
        self.leaders.set_description_str(self.leading(trial))
        self._show()

    def advance(self, step: int) -> None:
        """step: passes of the current trial that are done."""
        self.step = step
        self.passes.update(step - self.passes.n)
        self._show()

    def end(self, trial: Trial, rows: Sequence[Row]) -> None:
        """The trial that was begun has these rows."""
        self.time_left.end(trial, time.monotonic() - self.started)
        self._end(trial, rows)
        self.trial = self.claim = None

    def tell(self, trial: Trial, rows: Sequence[Row]) -> None:
        """A trial has these rows that ran in another process."""
        self.number += 1
        self.time_left.begin(trial)
        self.time_left.end(trial, max(row["seconds"] or 0.0 for row in rows))
        self._end(trial, rows)

    def _end(self, trial: Trial, rows: Sequence[Row]) -> None:
        self.on_end(trial)
        if self.silent:
            return
        ahead = [self._is_best(trial, row) for row in rows]
        line = (
            f"[{self.number}/{self.total}] {trial}: {' | '.join([describe(rows[0]), *map(describe_shared, rows[1:])])}"
        )
        if any(ahead):
            line += f"; the best at {budget_text(trial.budget)} so far"
        self.trials.update(1)
        left = self._left()
        if self.trials.disable and left is not None and left >= 1:
            line += f"; about {duration(left)} left"
        tqdm.write(line, file=sys.stdout)

    def leading(self, trial: Trial) -> str:
        """`best so far: 3k Grid 20.1, 10k GAPlane 25.0 dB`, of the trials on the signal of this one."""
        best = self.best.get((trial.about, trial.task), {})
        found = [f"{budget_text(size)} {model} {score:.2f}" for size, (score, model) in sorted(best.items())]
        return f"best so far: {', '.join(found)} dB" if found else ""

    def _left(self, *elapsed: float) -> float | None:
        """Seconds, with as many workers as there are."""
        left = self.time_left.left(*elapsed)
        return None if left is None else left / self.workers

    def _is_best(self, trial: Trial, row: Row) -> bool:
        """Whether a row of a trained model leads its budget; it then stands as the best. The first of a budget leads
        nobody."""
        score = row["psnr"]
        if row["status"] != OK or score is None or row["label"] == CLASSICAL:
            return False
        best = self.best.setdefault((trial.about, row["task"]), {})
        before = best.get(trial.budget)
        if before is None or score > before[0]:
            best[trial.budget] = (score, trial.model)
        return before is not None and score > before[0]

    def _show(self) -> None:
        assert self.trial is not None
        left = self._left(time.monotonic() - self.started, self.step / self.trial.steps)
        self.trials.set_postfix_str("" if left is None else f"about {duration(left)} left")
        if self.claim is not None:
            self.claim.say(step=self.step, steps=self.trial.steps)


def describe(row: Row) -> str:
    """One line about a finished scoring."""
    if row["status"] != OK:
        return f"{row['status']}: {row['reason']}"
    return f"{row['psnr']:.2f} dB in {row['seconds']:.1f} s, {row['parameters']:,} parameters"


def describe_shared(row: Row) -> str:
    """The same of another scoring of a fit that `describe` has told of."""
    return f"{title_of(row['task'])} " + (f"{row['psnr']:.2f} dB" if row["status"] == OK else describe(row))
