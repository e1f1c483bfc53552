"""The command line of run.py: plan → execute → table and figures (SPEC 6)."""

import argparse
import io
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from common.exits import EXIT_FAILED, EXIT_OK, guarded
from common.registry import UsageError
from harness.plan.config import DEFAULT_CONFIG, load_config
from harness.store.store import DEFAULT_OUT, OK, UNSUPPORTED, load, to_table

EXECUTORS = ("local", "ray", "slurm")  # the modules of harness/executors
PRECISIONS = ("fp32", "tf32", "bf16", "bf16x3")  # of products: harness/train/precision.py


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code of SPEC 6."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # people follow logs; a pipe would get nothing for minutes
    words = sys.argv[1:] if arguments is None else arguments
    return guarded(lambda: run(parse(words), words))


class Parser(argparse.ArgumentParser):
    """Reports a mistake as every other one: in one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; --help names every option")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="run.py",
        description="Fit every representation to a signal at equal parameter budgets; finished trials are skipped.",
    )
    add = parser.add_argument
    add("--signal", help="which signal; --list names them. Or the path of an image or a volume of your own")
    add("--dim", type=int, help="2 or 3; may be left out where a signal has one dimension only")
    add("--task", nargs="+", default=["fit"], metavar="TASK", help="which tasks; --list names them (default: fit)")
    add("--items", nargs="+", metavar="ITEM", help="which of a recorded signal's items, like 0064 (default: all)")
    add("--preset", help="extent of the experiment (default: paper with a CUDA device, otherwise quick)")
    add(
        "--models", nargs="+", default=["all"], metavar="MODEL", help="names, or paths of files with a registered model"
    )
    add("--sizes", nargs="+", type=whole_number, metavar="P", help="parameter budgets, like 1e4")
    add("--bandlimits", nargs="+", type=float, metavar="B", help="0.1 to 0.9")
    add("--seeds", nargs="+", type=whole_number, metavar="S")
    add("--steps", type=whole_number, help="passes over the signal")
    add("--length", type=whole_number, help="samples along the longest axis")
    add("--device", help="cpu, cuda, cuda:1, or all: one worker per GPU (default: cuda where there is one)")
    add("--backend", help="an implementation that must run, like triton or torch (default: the fastest that works)")
    add("--executor", choices=EXECUTORS, default="local", help="where trials run (default: local, this machine)")
    add("--workers", type=positive, metavar="N", help="trials at once: processes here, tasks in Ray, jobs in Slurm")
    add(
        "--slurm",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="submitit's settings, like slurm_partition=gpu mem_gb=32",
    )
    add("--precision", choices=PRECISIONS, help="default: each model's own on CUDA, fp32 elsewhere")
    add("--out", default=DEFAULT_OUT, help=f"results folder (default: {DEFAULT_OUT})")
    add("--config", default=DEFAULT_CONFIG, help="settings file (default: hyperparameters.json)")
    add("--set", action="append", default=[], metavar="PATH=VALUE", help="change a setting, like Siren.lr=3e-5")
    add("--save-model", action="store_true", help="leave every fitted model as a .safetensors file beside its row")
    add("--list", action="store_true", help="name the models, signals, tasks and presets, and stop")
    add("--dry-run", action="store_true", help="print the plan and its estimated cost, and stop")
    add("--force", action="store_true", help="run trials again that have rows")
    return parser.parse_args(arguments)


def whole_number(text: str) -> int:
    """`10000` or `1e4`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value >= 0 and value.is_integer()):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number like 10000 or 1e4")
    return int(value)


def positive(text: str) -> int:
    value = whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def run(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    # torch takes seconds to import: --help and a mistyped option do not wait for it
    from harness.execution import run_trials
    from harness.execution.launch import make_executor, make_launch, place
    from harness.plan.cost import describe_cost
    from harness.plan.make_plan import model_names
    from target_signals.tasks import perceptual

    if options.list:
        print(listing(options))
        return EXIT_OK
    launch = make_launch(options)
    trials, source, tasks = launch.trials, launch.source, launch.tasks
    done, left = run_trials.split_done(trials, options.out)
    if options.force:
        left = list(trials)
    print(
        f"{source.family.name}, {source.dim}D, task {' + '.join(tasks)}, preset {launch.preset}, "
        f"on {place(options, launch.device)}"
    )
    if options.preset is None:
        print(f"(the preset follows from the device; --preset {' | '.join(launch.config.presets)} changes it)")
    lacks = perceptual.missing() if source.dim == 2 else None
    for note in [*launch.notes, *([] if lacks is None else [lacks])]:
        print(note)
    cost = describe_cost(left, launch.device)
    print(f"{len(trials)} trials, {len(done)} of them done before, {len(left)} to run: {cost}")
    if options.dry_run:
        for trial in left:
            print(f"  {trial}, {trial.steps} passes: {describe_cost([trial], launch.device)}")
        return EXIT_OK
    from harness import report
    from harness.analysis import published, verdict
    from harness.analysis.summary import summarise
    from harness.figures import draw_figures
    from harness.train import checkpoint  # which import pandas: a plan does not wait for it

    if left:
        superseded = run_trials.to_supersede(left, options.out) if options.force else ()
        executor = make_executor(options, arguments, launch.device, superseded)
        if executor is None:
            on_model = checkpoint.saver(options.out) if options.save_model else None
            run_trials.execute(left, options.out, launch.device, on_model, superseded)
        else:
            run_trials.spread(left, options.out, launch.device, executor, superseded, options.workers or 1)

    order = model_names(launch.config)
    rows = to_table([row for trial in trials for row in run_trials.stored(trial, options.out)])
    for task, of_task in rows.groupby("task", sort=False):
        print(f"\n{summarise(of_task, order, heading=f'{task}: ' if len(tasks) > 1 else '')}")
        if text := published.compare(of_task):
            print(f"\n{text}")
    if source.path is not None and (text := verdict.tell(rows, options.out, trials)):
        print(f"\n{text}")
    print()
    for folder in dict.fromkeys(row.folder for trial in trials for row in trial.rows):
        print(f"rows in {Path(options.out) / folder / 'rows'}")
        for path in draw_figures.draw(load(options.out, folder), options.out, order):
            print(f"wrote {path}")
    print(f"wrote {report.write(options.out, options.config)}; open it in a browser")
    return EXIT_OK if rows["status"].isin([OK, UNSUPPORTED]).all() else EXIT_FAILED


def listing(options: argparse.Namespace) -> str:
    """What there is to choose from."""
    import target_signals
    from harness.execution.launch import choose_models
    from harness.plan.make_plan import check_models, model_names
    from target_signals.base import RecordedFamily
    from target_signals.tasks.task import TASKS

    config = load_config(options.config, options.set)
    choose_models(config, options.models)
    check_models(config)
    signals = target_signals.registry

    def describe(signal: str) -> str:
        family = signals.get(signal)
        items = f": {' '.join(family.items)}" if issubclass(family, RecordedFamily) else ""
        return f"{signal} ({' and '.join(f'{d}D' for d in family.dims)}{items})"

    return "\n".join(
        [
            f"models:  {' '.join(model_names(config))}",
            f"signals: {', '.join(map(describe, signals.names()))}; or the path of an image or a volume",
            f"tasks:   {' '.join(TASKS)}",
            f"presets: {' '.join(config.presets)}",
        ]
    )
