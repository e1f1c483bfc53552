"""`python -m harness status`: what is done, running, failed and left, from the results folder alone."""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from common.exits import EXIT_OK
from common.words import budget_text, columns, duration, plural
from harness.analysis.cell import Cell
from harness.analysis.experiments import Experiment, experiments
from harness.commands.selected_rows import no_rows
from harness.execution.shared_options import add_config, add_out
from harness.plan.config import Config, load_config
from harness.store.liveness import is_alive
from harness.store.scan import Gathered, gather
from harness.store.schema import OK, UNSUPPORTED

HEAD = ("experiment", "preset", "ok", "unsupported", "failed", "missing", "left of preset")
NOTES = (
    "missing: combinations of the models, budgets, bands, items and seeds in an experiment's rows that have no row",
    "left of preset: what the preset plans beyond the rows; - where a run had steps or a length of its own",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_out(parser)
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    print("\n".join(describe(gather(options.out, curves=False), load_config(options.config))))
    return EXIT_OK


def describe(found: Gathered, config: Config) -> list[str]:
    """The lines that tell how a results folder stands."""
    rows = found.rows
    every = experiments(rows, config.protocol.order)
    if not (rows or found.running or found.problems):
        return [str(no_rows(found.out))]  # no mistake: a folder may be new
    lines = [f"{found.out}: {plural(len(rows), 'row')} of {plural(len(every), 'experiment')}"]
    if every:
        lines += ["", *columns([HEAD, *(_numbers(experiment, config) for experiment in every)], texts=(0, 1))]
        lines += ["", *NOTES]
    older = sum(len(experiment.older) for experiment in every)
    if older:
        lines += ["", f"{plural(older, 'row')} not counted: later ones are of other settings or other code"]
    if found.running:
        lines += ["", "running:", *(f"  {_describe_run(said)}" for said in found.running)]
    failed = [line for experiment in every for line in _failures(experiment)]
    if failed:
        lines += ["", "failed:", *failed]
    if found.problems:
        lines += ["", f"{plural(len(found.problems), 'file')} that cannot be read as rows:"]
        lines += [f"  {problem}" for problem in found.problems]
    return lines


def _numbers(experiment: Experiment, config: Config) -> tuple[str, ...]:
    kind = experiment.kind
    statuses = Counter(row["status"] for row in experiment.by_cell.values())
    failed = statuses.total() - statuses[OK] - statuses[UNSUPPORTED]
    left = experiment.left(config)
    counts = (
        statuses[OK],
        statuses[UNSUPPORTED],
        failed,
        len(experiment.missing()),
        "-" if left is None else len(left),
    )
    return (f"{experiment.title} {kind.task}", ", ".join((kind.preset, *kind.extent)), *map(str, counts))


def _failures(experiment: Experiment) -> Iterator[str]:
    cells: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell, row in experiment.by_cell.items():
        status = row["status"]
        if status not in (OK, UNSUPPORTED):
            cells[cell.model, status, str(row.get("reason") or "no reason given")].append(cell)
    for (model, status, reason), at in cells.items():
        sizes = " ".join(budget_text(size) for size in sorted({cell.size for cell in at}))
        kind = experiment.kind
        yield (
            f"  {experiment.title} {kind.task} {kind.preset}: {model} {status.replace('_', ' ')} "
            f"{len(at)}× (budgets {sizes}): {reason}"
        )


def _describe_run(said: dict[str, Any]) -> str:
    at = f"pass {said['step']} of {said.get('steps')}" if "step" in said else "not at its first pass yet"
    text = f"{said.get('trial')}, {at}"
    text += f", on {said.get('host')} (process {said.get('pid')}), started {said.get('started')}"
    if is_alive(said):
        return text
    return f"ended without finishing, runs again: {text}, silent for {duration(max(0.0, said['silent']))}"
