"""What run.py does with a launch: announces it, runs its trials, prints its tables, draws its figures."""

import argparse
import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import target_signals
from common import process
from common.exits import EXIT_FAILED, EXIT_OK
from common.words import plural
from harness.analysis import placing, published
from harness.analysis.experiments import experiments
from harness.analysis.own_file import verdict
from harness.analysis.own_file.next_run import Available
from harness.analysis.reference_rows import beside
from harness.analysis.summary import summarise
from harness.execution import run_trials, trial_rows
from harness.execution.choose_executor import count_workers, place, run_where_asked
from harness.execution.launch import Launch, choose_models, make_launch, tuned_preset
from harness.execution.options import command_of
from harness.figures import draw_figures
from harness.plan.config import load_config
from harness.plan.cost import drawing_seconds
from harness.plan.describe_cost import describe_cost, describe_seconds
from harness.plan.make_plan import searched
from harness.plan.model_settings import check_models, group, model_names
from harness.plan.source import named_signals, only_one_of
from harness.plan.trial import Trial
from harness.report import write_page
from harness.store.names import Name
from harness.store.schema import BUSY, OK, PROTOCOL, UNSUPPORTED, Row
from harness.store.store import Store
from harness.store.table import load_rows, oldest_first
from harness.train import coder, machine
from target_signals.base import RecordedFamily
from target_signals.tasks import perceptual
from target_signals.tasks.base import expand_tasks
from target_signals.tasks.base import registry as tasks


def run(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Do what the options ask for; the exit code. words: those of the command line, which workers read again."""
    if options.list:
        print(listing(options))
        return EXIT_OK
    with process.without_collection():
        launch = make_launch(options)
        done, left, rows = trial_rows.read_done(launch.trials, options.out, options.dry_run)
        gc.freeze()  # plan and rows stay to the end: later collections need not look through them
    if options.force:
        left = launch.trials
    workers = count_workers(options, launch.device, launch.as_large(left))
    print("\n".join(announcement(launch, options, workers, done, left, rows)))
    if options.dry_run:
        return EXIT_OK
    rows |= run_trials_of(launch, left, options, workers, words)
    print(f"\n{summary(launch, options, list(rows.values()))}\n")
    folders = [Path(options.out), *(Path(options.out) / folder for folder in {folder for folder, _ in rows})]
    if options.no_figures:
        print("--no-figures: no figures are drawn and no page is made; python -m harness figures and report do it")
    elif left or all(os.access(folder, os.W_OK) for folder in folders):
        draw(launch, options, rows)
    else:
        print(f"'{options.out}' may be read and not written, so no figures are drawn and no page is made")
    return EXIT_OK if all(row["status"] in (OK, UNSUPPORTED) for row in rows.values()) else EXIT_FAILED


def announcement(
    launch: Launch,
    options: argparse.Namespace,
    workers: int | None,
    done: Sequence[Trial],
    left: Sequence[Trial],
    rows: Mapping[Name, Row],
) -> Iterator[str]:
    """What is said before anything runs: what, where, notes, and the cost; with --dry-run, of every trial.

    rows: of the trials that are done.
    """
    source = launch.source
    yield (
        f"{source.name}, {source.dim}D, task {' + '.join(launch.tasks)}, preset {launch.preset.name}, "
        f"on {place(options, launch.device, workers)}"
    )
    if options.preset is None:
        yield f"(the preset follows from the device; --preset {' | '.join(launch.config.presets)} changes it)"
    yield from launch.notes
    if source.dim == 2 and (lacks := perceptual.missing()) is not None:
        yield lacks
    cost = describe_cost(launch.as_large(left), launch.device.type, draws=not options.no_figures, workers=workers)
    busy = machine.load() if left and options.executor == "local" else None
    if busy is not None and busy > BUSY:
        yield f"others use this machine (load {busy:.1f} for each core): trials will take longer than was timed"
    yield f"{plural(len(launch.trials), 'trial')}, {len(done)} of them done before, {len(left)} to run: {cost}"
    if not options.force:
        yield from lacking(done, rows, options)
    for trial in left if options.dry_run else ():
        seconds = describe_seconds(launch.as_large([trial]), launch.device.type)
        yield f"  {trial}, {trial.steps} passes" + ("" if seconds is None else f": {seconds}")


def lacking(done: Sequence[Trial], rows: Mapping[Name, Row], options: argparse.Namespace) -> Iterator[str]:
    """A line for what is otherwise now than when these trials ran: the preset's name, the protocol, and what was not
    asked for then, such as files in bits and saved models."""
    found = [(trial, rows[trial.name]) for trial in done]
    if others := [row["preset"] or "no name" for trial, row in found if row["preset"] != trial.preset]:
        same = f"ran with preset {' or '.join(sorted({*others}))}, of the same extent, and are shown under it"
        yield f"{len(others)} of those done before {same}; --force runs them again"
    if before := [str(row["protocol"] or "unknown") for _, row in found if row["protocol"] != PROTOCOL]:
        other = (
            f"have scores of protocol {' or '.join(sorted({*before}))}, and this version's is {PROTOCOL} (CHANGELOG.md)"
        )
        yield f"{len(before)} of those done before {other}; --force runs them again"
    if not (options.backend or options.bits or options.save_model):
        return
    fitted = [(trial, row) for trial, row in found if row["status"] == OK]
    saved = [Store(options.out, trial.folder).model_path(trial.key).exists() for trial, _ in fitted]
    for what, there in (
        (f"results of --backend {options.backend}", [trial.backend in (None, row["backend"]) for trial, row in fitted]),
        ("files of these --bits", [trial.has_rates(row) for trial, row in fitted]),
        ("files that this --quantised-share made better", [trial.has_quantised(row) for trial, row in fitted]),
        ("a saved model", saved if options.save_model else []),
    ):
        if count := there.count(False):
            yield f"{count} of those done before have not got {what}; --force runs them again"


def run_trials_of(
    launch: Launch,
    left: Sequence[Trial],
    options: argparse.Namespace,
    workers: int | None,
    words: Sequence[str],
) -> dict[Name, Row]:
    """Run the trials that are left of a launch, here or through its executor; their rows.

    words: the command line, which workers read again.
    """
    how = run_trials.RunOptions(
        options.out,
        launch.device,
        save_models=options.save_model,
        superseded=trial_rows.to_supersede(left, options.out) if options.force else {},
        after=0.0 if options.no_figures else drawing_seconds(left, launch.device.type),
    )
    run_where_asked(left, how, options, workers, words)
    return trial_rows.read_done(left, options.out)[2]


@process.without_collection()
def summary(launch: Launch, options: argparse.Namespace, own: Sequence[Row]) -> str:
    """The tables of a run's tasks with the reference's models, published scores beside them, where one's own models
    place among the reference, and for somebody's own file a verdict."""
    models = model_names(launch.config)
    whole = [*own, *beside(own, launch.config)]
    parts = []
    for task in dict.fromkeys(row["task"] for row in oldest_first(own)):
        heading = f"{task}: " if len(launch.tasks) > 1 else ""
        parts.append(summarise([row for row in whole if row["task"] == task], models, heading=heading))
        parts.append(published.compare(row for row in own if row["task"] == task))
    parts.append(placing.tell(whole, launch.config))
    if launch.source.files:
        parts.append(verdict.tell(own, options.out, available_next(launch, options)))
    return "\n\n".join(filter(None, parts))


def available_next(launch: Launch, options: argparse.Namespace) -> Available:
    """What a run after this one may use."""
    models, presets = list(dict.fromkeys(trial.model for trial in launch.trials)), launch.config.presets
    tuned = tuned_preset(launch.config, launch.preset, launch.source, options.task, models)
    kept = [word for word in options.models if word not in launch.left_out]
    return Available(
        seeds=list(dict.fromkeys(seed for preset in presets.values() for seed in preset.get("seeds", ()))),
        tuned=tuned if all(map(searched, launch.tasks)) else None,
        bits=coder.is_here(),
        command=lambda changes: command_of(options, {"models": kept} | {**changes}),
    )


def older_of(rows: Iterable[Row], own: Sequence[Row]) -> int:
    """How many of a run's rows are passed over for later ones among those of their folder, which hold them."""
    older = {id(own[i]) for experiment in experiments(own) for i in experiment.older}
    return sum(id(row) in older for row in rows)


def draw(launch: Launch, options: argparse.Namespace, rows: Mapping[Name, Row]) -> None:
    """Draw the figures of a launch's experiments and write the page where rows changed; say in a line each where what
    lies."""
    out = Path(options.out)
    for folder in dict.fromkeys(folder for folder, _ in rows):
        own = load_rows(out, folder, rows)
        print(f"rows in {out / folder / 'rows'}: {len(own)}")
        if count := older_of(rows.values(), own):
            what = f"show later rows, of other settings or other code, in place of {count} of this run"
            print(f"figures and page {what}; --force runs these again")
        for line in draw_figures.redraw([*own, *beside(own, launch.config)], out, launch.config.protocol.order):
            print(line)
    if write_page.is_current(out, options.config):
        print(f"page: {out / write_page.NAME}, of these rows, left as it is")
    else:
        print(f"page: {write_page.write(out, options.config)}; open it in a browser")


def listing(options: argparse.Namespace) -> str:
    """What there is to choose from."""
    config = load_config(options.config, options.set)
    choose_models(config, options.models)
    check_models(config)
    expand_tasks(options.task)
    for path in options.signal or ():
        if path.endswith(".py"):
            only_one_of(path)
    signals = target_signals.registry

    def describe(signal: str) -> str:
        family = signals.get(signal)
        items = f": {' '.join(family.items)}" if issubclass(family, RecordedFamily) else ""
        return f"{signal} ({' and '.join(f'{d}D' for d in family.dims)}{items})"

    return "\n".join(
        [
            f"models:  {' '.join(group(config, 'all'))}",
            f"newer:   {' '.join(group(config, 'newer'))}; with --models newer, or by name",
            f"signals: {', '.join(map(describe, named_signals()))}; or paths of images or volumes",
            f"tasks:   {' '.join(tasks.get(name).usage() for name in tasks.names())}",
            f"presets: {' '.join(config.presets)}",
            "files:   models, signals and tasks may also be given as paths of .py files that register them",
        ]
    )
