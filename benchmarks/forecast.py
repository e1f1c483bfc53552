"""How long the whole paper takes on so many GPUs, simulated from the times in harness/plan/step_times.json.

    python benchmarks/forecast.py --workers 1 4 16
    python benchmarks/forecast.py --against band_limit_figs

Every launcher in turn, its trials in the order in which workers get them (harness/execution/ordering.py: in_order);
each worker takes the next trial whenever it is free, and takes longer for the first of a model and a budget. Figures
and page follow. *Together* is all launchers started at once on the same workers. A worker's start, about ten seconds
with PyTorch and CUDA, is not in it; estimates are what `--dry-run` prints.

With --against, nothing is simulated: the trials of a results folder are forecast, beside what their rows say. Only rows
that one worker made after each other tell what a trial took in all.
"""

import argparse
import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Sequence

from common.errors import UsageError
from common.exits import EXIT_OK, guarded
from common.grouped import grouped
from common.parser import Parser
from cost_table import markdown, paper_trials
from harness.execution.option_types import positive
from harness.execution.ordering import in_order, makespan
from harness.plan.beside import Timed, timed
from harness.plan.config import load_config
from harness.plan.cost import Parts, drawing_seconds, start_seconds, starts, trial_parts
from harness.plan.timing import by_device
from harness.plan.trial import Trial
from harness.store.scan import gather
from target_signals.tasks.base import scored_on

PARTS = ("training", "set-up", "scoring and the rest", "in all")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="forecast.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", nargs="+", type=positive, default=[1, 2, 4, 8, 16], metavar="K")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="the kind whose times are taken")
    parser.add_argument("--against", metavar="FOLDER", help="forecast what a results folder holds, beside its rows")
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again")


def run(options: argparse.Namespace) -> int:
    print("\n".join(against(options.against) if options.against else render(options)))
    return EXIT_OK


def render(options: argparse.Namespace) -> list[str]:
    """A table in Markdown: by launcher, hours of a single worker by part, and hours of so many workers with the share
    of them that is trials."""
    config = load_config()
    trials = [as_published(trial) for trial in paper_trials(config, config.protocol.models, solved=True)]
    launches = grouped(trials, lambda trial: f"{trial.signal} {trial.dim}D") | {"together": trials}
    rows = [[f"hours on {options.device}", "trials", *PARTS[:3], "drawing", *map(str, options.workers)]]
    for name, own in launches.items():
        ordered = in_order(own, options.device)
        parts = [forecast(trial, options.device) for trial in ordered]
        first = starts(ordered, options.device)
        drawing, once = drawing_seconds(own, options.device), sum(first.values())
        spent = [sum(part[k] for part in parts) for k in range(3)]
        spent[1] += once
        cells = []
        for count in options.workers:
            seconds, begun = [], defaultdict[tuple[str, int], int](int)
            for trial, part in zip(ordered, parts, strict=True):
                kind = trial.model, trial.budget
                begun[kind] += 1
                seconds.append(sum(part) + (first[kind] if begun[kind] <= count else 0.0))
            end = makespan(seconds, count) + drawing
            cells.append(f"{end / 3600:.2f} ({sum(map(sum, parts)) / (count * end):.0%})")
        rows.append([name, f"{len(own):,}", *(f"{s / 3600:.2f}" for s in (*spent, drawing)), *cells])
    return markdown(rows)


def as_published(trial: Trial) -> Trial:
    """A trial with all scorings that it has where its data are complete, whether or not they are here."""
    return trial if trial.item is None else dataclasses.replace(trial, scored=scored_on(trial.task, finer=True))


def forecast(trial: Trial, device: str) -> Parts:
    """Raises UsageError where nothing was timed."""
    parts = trial_parts(trial, device)
    if parts is None:
        raise UsageError(f"nothing in {trial.dim}D was timed on {device}; python -m harness.plan.timing FOLDER does it")
    return parts


def against(folder: str) -> list[str]:
    """Tables in Markdown, one for each kind of device: by model, seconds that the trials of a folder took, and by how
    much their forecast differs."""
    lines, config = list[str](), load_config()
    for device, own in by_device(gather(folder).rows).items():
        trials = timed(own, config)
        if not trials:
            raise UsageError(f"the rows of '{folder}' on {device} are not of one worker, or their signals are not here")
        name = trials[0].row["device"].partition(": ")[2]
        beside = statistics.median(one.took.set_up + one.took.rest for one in trials)
        training = sum(one.took.training for one in trials) / sum(sum(one.took) for one in trials)
        lines += [
            f"{len(trials)} trials that one worker made, {name}, commit {trials[0].row['commit']}",
            f"training is {training:.0%} of their time; beside it, each takes {1000 * beside:.0f} ms (median)",
            "",
        ]
        rows = [["seconds (forecast)", "trials", *PARTS]]
        for which in [*dict.fromkeys(one.trial.model for one in trials), "all"]:
            chosen = [one for one in trials if which in (one.trial.model, "all")]
            rows.append([which, str(len(chosen)), *map(compared, *totals(chosen, device))])
        lines += [*markdown(rows), ""]
    return lines


def totals(trials: Sequence[Timed], device: str) -> tuple[list[float], list[float]]:
    """Seconds by part, and in all: what trials took, and what was forecast."""
    took = [sum(one.took[k] for one in trials) for k in range(3)]
    parts = [forecast(one.trial, device) for one in trials]
    expected = [sum(part[k] for part in parts) for k in range(3)]
    expected[1] += sum(start_seconds(one.trial.model, one.first, device) for one in trials)
    return [*took, sum(took)], [*expected, sum(expected)]


def compared(took: float, expected: float) -> str:
    """`120.5 (+3 %)`"""
    return f"{took:.1f} ({100 * (expected / took - 1):+.0f} %)" if took > 0.05 else f"{took:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
