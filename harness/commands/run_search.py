"""What `python -m harness tune` does with its searches: announces them, runs their trials, tells what they found."""

import argparse
import dataclasses
import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

from common.exits import EXIT_OK
from common.files import write_atomically
from common.grouped import grouped
from common.words import budget_text, duration, plural
from harness.analysis.tuning import SearchResult, search_results
from harness.analysis.tuning_tables import missing, tables
from harness.execution import run_trials, trial_rows
from harness.execution.choose_executor import count_workers, place, run_where_asked
from harness.execution.options import words_of
from harness.execution.search import Search, changed_extent, make_search
from harness.execution.search_options import VERB
from harness.execution.shared_options import deadline
from harness.figures import tuning
from harness.plan.describe_cost import describe_cost, describe_seconds
from harness.plan.model_settings import model_names
from harness.plan.search import AGAIN, FINALISTS
from harness.plan.trial import Trial
from harness.plan.tuned import Found, write_tuned

# what workers are not told: what is done here alone, and what a search gives no choice of
HERE = ("verb", "minutes", "write", "dry_run", "seeds", "signal_seeds", "bandlimits", "save_model", "bits")


def tune(options: argparse.Namespace) -> int:
    """Do what the options ask for; the exit code."""
    found = make_search(options)
    trials = found.trials
    done, left, _ = trial_rows.read_done(trials, options.out, options.dry_run)
    workers = count_workers(options, found.device, left)
    print("\n".join(announcement(found, options, workers, len(done), left)))
    if options.dry_run:
        return EXIT_OK
    until = deadline(options)
    how, words = run_trials.RunOptions(options.out, found.device, deadline=until), order_of(options)
    keys = {trial.key for trial in left}
    for part in parts(found, until):
        run_where_asked([trial for trial in part.trials if trial.key in keys], how, options, workers, words)
        run_where_asked(again(part, options), how, options, workers, words)
    report(found, options)
    return EXIT_OK


def parts(found: Search, deadline: float) -> list[Search]:
    """What runs together: everything, or where there is a deadline the searches of one kind of data and one budget, and
    then those of the next, so that most of what was begun is complete."""
    if deadline == math.inf:
        return [found]
    cells = grouped(found.cells, attrgetter("kind", "budget"))
    return [dataclasses.replace(found, cells=own) for own in cells.values()]


def announcement(
    found: Search, options: argparse.Namespace, workers: int | None, done: int, left: Sequence[Trial]
) -> Iterator[str]:
    """What is said before anything runs: what, where and the cost; with --dry-run, of every search."""
    count = sum(len(cell.trials) for cell in found.cells)
    searches = "1 search" if len(found.cells) == 1 else f"{len(found.cells)} searches"
    yield (
        f"{searches} of {plural(options.trials, 'trial')}, one for each model, budget, kind of data and seed; "
        f"preset {found.preset}, on {place(options, found.device, workers)}"
    )
    yield from (f"left out: {reason}" for reason in found.left_out)
    cost = describe_cost(left, found.device.type, workers=workers)
    yield f"{plural(count, 'fit')}, {done} of them done before, {len(left)} to run: {cost}"
    if options.minutes is not None:
        yield f"none begins later than {duration(60 * options.minutes)} from now; the same command goes on"
    more = sum(min(FINALISTS + 1, len(cell.fits)) * len(AGAIN) * len(cell.fits[0]) for cell in found.cells)
    best = f"the best {FINALISTS} of each search and trial 0"
    yield f"then at most {plural(more, 'fit')}: {best}, each from {len(AGAIN)} other initial values"
    if options.dry_run:
        keys = {trial.key for trial in left}
        for cell in found.cells:
            own = [trial for trial in cell.trials if trial.key in keys]
            name = f"{cell.kind} {budget_text(cell.budget)} {cell.model}, search {cell.seed}"
            seconds = describe_seconds(own, found.device.type)
            yield f"  {name}: {len(own)} fits" + ("" if seconds is None else f", {seconds}")


def again(found: Search, options: argparse.Namespace) -> list[Trial]:
    """The fits of finalists that have no row yet, of the searches whose trials all have; each once."""
    results = search_results(found.cells, options.out)
    due = {fit.key: fit for one in results for fit in one.due}  # searches share trial 0
    if due:
        print(f"the best of each search and trial 0 from other initial values: {plural(len(due), 'fit')}")
    return list(due.values())


def order_of(options: argparse.Namespace) -> tuple[str, ...]:
    """The words from which a worker makes the same search."""
    return (VERB, *words_of({name: value for name, value in vars(options).items() if name not in HERE}))


def report(found: Search, options: argparse.Namespace) -> None:
    """Print the tables and what is missing, and write tables, figures and, with --write, the settings."""
    every, out = search_results(found.cells, options.out), Path(options.out)
    text = tables(every)
    print(f"\n{text}\n")
    path = out / f"tuning_{found.preset}.md"
    write_atomically(path, f"{text}\n".encode())
    first = [one for one in every if one.cell.seed == options.search_seeds[0]]
    for written in (path, *tuning.draw(first, model_names(found.config), out, f"tuning_{found.preset}")):
        print(f"wrote {written}")
    print("\n".join(f"missing: {line}" for line in missing(every)) or "nothing is missing")
    presets = [name for name in found.config.presets if found.config.presets[name].get("tuned_at") == found.preset]
    readers = f"for --preset {' or '.join(presets)}" if presets else "which no preset reads"
    best = found_by(first)
    if options.write and best:
        print(f"wrote {write_tuned(Path(options.config), {found.preset: best})}, {readers}")
    elif options.write:
        print("wrote no settings: no search is complete and has some with which all fits ended well")
    elif presets and not changed_extent(options):
        print(f"the same command with --write puts the best settings into tuned.json, {readers}")


def found_by(every: Sequence[SearchResult]) -> dict[str, dict[str, dict[str, Found]]]:
    """The best settings of the searches that are complete, by model, kind of data and budget."""
    found: dict[str, dict[str, dict[str, Found]]] = {}
    for one in every:
        candidate, rows = one.candidate, [row for own in (*one.rows, *one.again.values()) for row in own if row]
        if not one.complete or candidate is None:
            continue
        of_kind = found.setdefault(one.cell.model, {}).setdefault(one.cell.kind, {})
        of_kind[str(one.cell.budget)] = Found(
            settings=candidate.dials,
            gain=round(one.known[candidate.index], 4),
            paper=round(one.known[0], 4) if 0 in one.known else None,
            seed=one.cell.seed,
            trials=len(one.gains),
            best=candidate.index,
            signals=tuple(str(fit.item) for fit in one.cell.fits[0]),
            steps=one.cell.fits[0][0].steps,
            seconds=round(one.seconds, 1),
            device=", ".join(sorted({str(row["device"]) for row in rows})),
            commit=", ".join(sorted({str(row["commit"]) for row in rows})),
        )
    return found
