"""What a run shows while it runs: on a terminal two bars and the best rows, otherwise one plain line a trial, and signs
of life of trials that take longer than a few seconds."""

import math
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from common.words import budget_text, duration
from harness.execution.executor import ALONE, Concurrency
from harness.execution.time_left import TimeLeft
from harness.plan.trial import Trial
from harness.store.claims import Claim
from harness.store.facts import finite
from harness.store.schema import CLASSICAL, OK, Row
from target_signals.tasks.base import title_of

TRIALS = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} trials, {elapsed} so far{postfix}"
PASSES = "     |{bar}| {n_fmt}/{total_fmt} passes: {desc}"
FIRST_SIGN, MOST_QUIET = 5.0, 60.0  # seconds until a sign of life; each following one takes twice as long, up to that
MOST_NAMED = 2  # models whose times are a guess; more are counted
LOOK = 1.0  # seconds between two looks at whether one is due


class Progress:
    """Tells of trials as they begin, advance and end; a context, so that the terminal is left clean.

    The best rows are those of each budget among trials on the same signal: other signals are not comparable.
    concurrency: tells how many trials run at once, here or elsewhere. silent: tells nobody but the claims. on_end: is
    given each trial whose rows are stored. after: seconds of what follows the last trial, such as drawing. deadline: on
    time.monotonic's clock, when trials are stopped, however many are left.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        device: str,
        concurrency: Callable[[], Concurrency] = lambda: ALONE,
        silent: bool = False,
        on_end: Callable[[Trial], None] = lambda trial: None,
        after: float = 0.0,
        deadline: float = math.inf,
    ):
        self.total, self.number, self.step = len(trials), 0, 0
        self.time_left, self.concurrency, self.silent = TimeLeft(trials, device), concurrency, silent
        self.on_end, self.after, self.deadline = on_end, after, deadline
        self.claim: Claim | None = None
        self.best: dict[Any, dict[int, tuple[float, str]]] = {}
        self.started = self.since = time.monotonic()
        self.marks: list[tuple[float, int]] = []  # seconds of the trial, and passes that were done: first and last
        self.trial: Trial | None = None
        self.said, self.patience = self.started, FIRST_SIGN
        self.lock, self.over = threading.RLock(), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        no_bars = silent or not sys.stderr.isatty()
        common: dict[str, Any] = {"disable": no_bars, "dynamic_ncols": True, "leave": False, "file": sys.stderr}
        self.trials = tqdm(total=len(trials), bar_format=TRIALS, position=0, **common)
        self.passes = tqdm(total=1, bar_format=PASSES, position=1, **common)
        self.leaders = tqdm(total=0, bar_format="     {desc}", position=2, **common)

    def __enter__(self) -> "Progress":
        if self.trials.disable and not self.silent:
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        if self.thread.is_alive():
            self.thread.join()
        for bar in (self.leaders, self.passes, self.trials):
            bar.close()

    def begin(self, trial: Trial, claim: Claim | None = None) -> None:
        """A trial runs here from now on. claim: on it, which says from then on how far it is."""
        with self.lock:
            self.trial, self.claim, self.step, self.started, self.marks = trial, claim, 0, time.monotonic(), []
            self.said, self.patience = self.started, FIRST_SIGN
            self.number += 1
            self.time_left.begin(trial)
        self.passes.set_description_str(str(trial), refresh=False)
        self.passes.reset(total=trial.steps)
        self.leaders.set_description_str(self.leading(trial))
        self._show()

    def advance(self, step: int) -> None:
        """step: passes of the current trial that are done."""
        with self.lock:
            if step <= self.step:  # it began anew
                self.marks = []
            self.step = step
            self.marks[1:] = [(time.monotonic() - self.started, step)]
        self.passes.update(step - self.passes.n)
        self._show()

    def end(self, trial: Trial, rows: Sequence[Row]) -> None:
        """The trial that was begun has these rows."""
        with self.lock:
            self.time_left.end(trial, time.monotonic() - self.started)
            self._end(trial, rows)
            self.trial = self.claim = None

    def tell(self, trial: Trial, rows: Sequence[Row], seconds: float) -> None:
        """A trial has these rows that ran in another process, in so many seconds."""
        with self.lock:
            self.number += 1
            self.time_left.begin(trial)
            self.time_left.end(trial, seconds)
            self._end(trial, rows)

    def tell_running(self, claims: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        """Trials that run in other processes: on a terminal how they stand, elsewhere a sign of life where one is due.

        claims: what their holders say.
        """
        now = time.monotonic()
        if self.trials.disable:
            if self._is_due() and (running := claims()):
                tqdm.write(f"running: {_told(running)}", file=sys.stderr)
        elif now - self.said >= LOOK:
            running, self.said, left = claims(), now, self._left()
            self.passes.total = sum(said.get("steps") or 0 for said in running) or 1
            self.passes.n = min(sum(said.get("step") or 0 for said in running), self.passes.total)
            self.passes.set_description_str(_told(running) if running else "", refresh=True)
            self.trials.set_postfix_str(self._left_text(left))

    def _watch(self) -> None:
        """A sign of life of the trial that runs here, where one is due."""
        while not self.over.wait(LOOK):
            with self.lock:
                if self.trial is None or not self._is_due():
                    continue
                elapsed, left = time.monotonic() - self.started, self._left_now()
                line = f"{self.trial}: {duration(elapsed)}, {self.step:,} of {self.trial.steps:,} passes"
                tqdm.write("; ".join(filter(None, [line, self._left_text(left)])), file=sys.stderr)

    def _is_due(self) -> bool:
        """Whether nothing was said for so long that a sign of life is due; the next one takes longer."""
        now = time.monotonic()
        if self.silent or not self.trials.disable or now - self.said < self.patience:
            return False
        self.said, self.patience = now, min(2 * self.patience, MOST_QUIET)
        return True

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
        self.said, self.patience = time.monotonic(), FIRST_SIGN
        self.trials.update(1)
        left = self._left()
        if self.trials.disable and left is not None and left >= 1:
            line += f"; {self._left_text(left)}"
        tqdm.write(line, file=sys.stdout)

    def leading(self, trial: Trial) -> str:
        """`best so far: 3k Grid 20.1, 10k GAPlane 25.0 dB`, of the trials on the signal of this one."""
        best = self.best.get((trial.about, trial.task), {})
        found = [f"{budget_text(size)} {model} {score:.2f}" for size, (score, model) in sorted(best.items())]
        return f"best so far: {', '.join(found)} dB" if found else ""

    def _left(self, elapsed: float = 0.0, whole: float | None = None) -> float | None:
        """Seconds until the last trial ends or all are stopped, with as many workers as there are, and of what
        follows."""
        workers, per_device = self.concurrency()
        left, most = self.time_left.left(elapsed, whole, per_device), self.deadline - time.monotonic()
        return None if left is None else max(0.0, min(left / workers, most)) + self.after

    def _left_text(self, left: float | None) -> str:
        """`about 3 minutes left`, what for where no trial is, and which models' times are a guess; nothing where
        nothing is known."""
        if left is None:
            return ""
        if self.time_left.over:
            return f"about {duration(left)} left for figures and the page"
        guessed = self.time_left.guessed(told=self._whole() is not None)
        whose = ", ".join(guessed) if len(guessed) <= MOST_NAMED else f"{len(guessed)} models"
        return f"about {duration(left)} left" + (f", {whose} guessed" if guessed else "")

    def _left_now(self) -> float | None:
        """Seconds until the last trial ends, while one runs here."""
        return self._left(time.monotonic() - self.started, self._whole())

    def _whole(self) -> float | None:
        """Seconds of the trial that runs here, as the passes between its evaluations tell; None before they do."""
        if self.trial is None or len(self.marks) < 2 or self.marks[0][1] >= self.marks[1][1]:
            return None
        (first, of_first), (last, of_last) = self.marks
        ahead = self.trial.steps + self.trial.passes_again - of_last
        return last + (last - first) / (of_last - of_first) * ahead

    def _is_best(self, trial: Trial, row: Row) -> bool:
        """Whether a row of a trained model leads its budget; it then stands as the best. The first of a budget leads
        nobody."""
        score = finite(row["psnr"])
        if row["status"] != OK or score is None or row["label"] == CLASSICAL:
            return False
        best = self.best.setdefault((trial.about, row["task"]), {})
        before = best.get(trial.budget)
        if before is None or score > before[0]:
            best[trial.budget] = (score, trial.model)
        return before is not None and score > before[0]

    def _show(self) -> None:
        assert self.trial is not None
        left = self._left_now()
        self.trials.set_postfix_str(self._left_text(left))
        if self.claim is not None:
            self.claim.say(step=self.step, steps=self.trial.steps)


def _told(running: Sequence[Mapping[str, Any]]) -> str:
    """`Wire 3,000 seed 1, 120 of 250 passes; and 1 more`."""
    first, *others = running
    more = f"; and {len(others)} more" if others else ""
    passes = f", {first['step']} of {first['steps']} passes" if "step" in first else ""  # of a trial that has begun
    return f"{first['trial']}{passes}{more}"


def describe(row: Row) -> str:
    """One line about a finished scoring."""
    if row["status"] != OK:
        return f"{row['status']}: {row['reason']}".rstrip(".")  # more may follow on the line
    return f"{_psnr(row)} in {row['seconds']:.1f} s, {row['parameters']:,} parameters"


def describe_shared(row: Row) -> str:
    """The same of another scoring of a fit that `describe` has told of."""
    return f"{title_of(row['task'])} " + (_psnr(row) if row["status"] == OK else describe(row))


def _psnr(row: Row) -> str:
    """`31.42 dB`"""
    score = finite(row["psnr"])
    return "no PSNR" if score is None else f"{score:.2f} dB"
