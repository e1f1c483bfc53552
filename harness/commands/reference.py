"""`python -m harness reference`: the results that come with the suite: what is there, what is missing, adding it.

The order of want stands in hyperparameters.json; docs/submitting.md says how rows get in.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import UsageError, suggest
from common.exits import EXIT_FAILED, EXIT_OK
from common.words import columns, first_few, plural
from harness.analysis.selection import few
from harness.commands.verify import TOLERANCE
from harness.execution.option_types import given_path, positive
from harness.execution.shared_options import add_config, add_minutes, add_workers, deadline
from harness.plan import want
from harness.plan.config import Config, load_config
from harness.store.names import Name
from harness.store.parquet import read_folder
from harness.store.scan import Stored
from harness.store.schema import Row
from harness.store.store import Store

if TYPE_CHECKING:
    import torch

    from harness.plan.reference import Group

HEAD = ("group", "preset", "trials", "there", "no data here", "missing", "cost of what is missing")
SAID = 10  # lines of one sort; what is more is counted
ACTIONS_OF = {  # an option that not every action reads → those that do
    "groups": ("status", "fill", "verify"),
    "models": ("status", "fill", "verify"),
    "minutes": ("fill", "verify"),
    "device": ("fill", "verify"),
    "workers": ("fill",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="what there is, what is missing and its cost (the default)")
    what.add_argument("--fill", action="store_true", help="run the most wanted trials that have no rows")
    what.add_argument("--check", action="store_true", help="whether the rows may be shipped, before they are reviewed")
    what.add_argument("--verify", type=positive, metavar="N", help="run N trials again, evenly spread, and compare")
    add(
        "--groups",
        nargs="+",
        metavar="GROUP",
        help="only these of the order of want, each as its line begins: b2, or all of it",
    )
    add(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="only these, or the group 'all' or 'newer', of those that the order of want names",
    )
    add_minutes(parser)
    add_workers(parser)
    add(
        "--out",
        type=given_path,
        metavar="FOLDER",
        help="where the files are written, and read as well (default: reference)",
    )
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    from harness.plan import reference
    from harness.train import machine

    check_options(options)
    options.deadline = deadline(options)
    device = machine.choose_device(options.device)
    config = load_config(options.config)
    order = reference.groups(config)
    out = want.FOLDER if options.out is None else Path(options.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out: '{out}' is a file; give a folder")
    rows = read_folder(want.FOLDER) | (own := read_folder(out))
    why = reference.stale(rows, order)
    current = {name: row for name, row in rows.items() if name not in why}
    if options.check:
        if not own:
            raise UsageError(f"--check: '{out}' has no Parquet file with rows; give a folder of such files with --out")
        found = reference.flaws(out, order)
        print("\n".join([*found, f"{out}: {len(found):,} flaws"]))
        return EXIT_FAILED if found else EXIT_OK
    if options.groups:
        order = chosen_groups(order, options.groups)
    if options.models is not None:
        options.models = config.protocol.without_groups(options.models, config.protocol.order)
    for model in options.models or ():
        if model not in (known := config.protocol.order):
            raise UsageError(
                f"--models: the protocol has no '{model}'{suggest(model, known)}; it has {', '.join(known)}; a model "
                "of your own joins by its name under protocol, newer, in the settings file (docs/submitting.md)"
            )
    if options.models:
        chosen = [reference.only(group, options.models) for group in order]
        order = [group for group in chosen if group.trials or group.untuned]
    if options.verify:
        return verify_some(order, current, config, device, options)
    print("\n".join(describe(order, current, why)))
    if options.fill:
        fill(order, current, {name: rows[name] for name in why}, out, device, options)
    return EXIT_OK


def check_options(options: argparse.Namespace) -> None:
    """UsageError for an option that the action asked for does not read."""
    asked = next((action for action in ("fill", "check", "verify") if getattr(options, action)), "status")
    for name, actions in ACTIONS_OF.items():
        if getattr(options, name) is not None and asked not in actions:
            others = " or ".join(f"--{action}" for action in actions)
            raise UsageError(f"--{name} has no meaning with --{asked}; give it with {others}")


def chosen_groups(order: "Sequence[Group]", words: Sequence[str]) -> "list[Group]":
    """The groups that these words name, by their whole names or by what stands before the colon; UsageError for one
    that names none."""
    names = {group.name: group.name.partition(":")[0] for group in order}
    known = [*dict.fromkeys(names.values())]
    for word in words:
        if word not in (*names, *known):
            raise UsageError(
                f"--groups: the order of want has no '{word}'{suggest(word, known)}; it has {', '.join(known)}"
            )
    return [group for group in order if {group.name, names[group.name]} & {*words}]


def describe(order: "Sequence[Group]", rows: Mapping[Name, Row], gone: Mapping[Name, str]) -> Iterator[str]:
    """How the reference stands, group by group of the order of want."""
    from harness.plan.describe_cost import describe_cost
    from harness.plan.reference import is_there, missing

    yield f"{len(rows):,} reference rows; the order of want, the most wanted first:"
    lines: list[tuple[str, ...]] = [HEAD]
    for group in order:
        there = sum(is_there(trial, rows) for trial in group.trials)
        left = list(missing([group], rows, group.device))
        absent = len(group.trials) - there - len(left)
        here = describe_cost(left, group.device) if left or not absent else "nothing that can run here"
        cost, counts = f"{group.device}: {here}", (len(group.trials), there, absent, len(left))
        lines.append((group.name, group.preset, *map(str, counts), cost))
    yield from ["", *columns(lines, texts=(0, 1, len(HEAD) - 1))]
    for what, said in (
        ("models without settings that were tuned, whose trials are left out (docs/tuning.md)", _untuned(order)),
        ("data not at hand, whose trials are left out", _absent(order)),
        ("stale rows, which --fill drops", [f"{folder}/{key}: {why}" for (folder, key), why in gone.items()]),
    ):
        if said:
            yield from ["", f"{what}:", *(f"  {line}" for line in first_few(said, SAID))]


def _untuned(order: "Sequence[Group]") -> list[str]:
    every = [(f"{group.preset}, {where}", out) for group in order for where, out in group.untuned.items()]
    return list(dict.fromkeys(f"{where}: {', '.join(out)}" for where, out in every))


def _absent(order: "Sequence[Group]") -> list[str]:
    from harness.plan.reference import not_at_hand

    found: dict[str, dict[str, str]] = {}
    for signal, item in dict.fromkeys((trial.signal, trial.item) for group in order for trial in group.trials):
        if item is not None and (why := not_at_hand(signal, item)) is not None:
            found.setdefault(signal, {})[item] = why
    return [f"{signal} {' '.join(items)}: {next(iter(items.values()))}" for signal, items in found.items()]


def fill(
    order: "Sequence[Group]",
    rows: Mapping[Name, Row],
    gone: Mapping[Name, Row],
    out: Path,
    device: "torch.device",
    options: argparse.Namespace,
) -> None:
    """Run what is missing on a device until the deadline, and write the files without the rows that are gone."""
    from harness.execution.fill import Files
    from harness.execution.fill import fill as run_missing
    from harness.plan.reference import missing
    from harness.train import coder

    files = Files(out, rows, gone)
    left = list(missing(order, rows, device.type))
    if any(trial.bits for trial in left):
        coder.check()
    others = {group.device for group in order} - {device.type}
    elsewhere = [f"{len(list(missing(order, rows, kind))):,} on {kind}" for kind in sorted(others)]
    also = f"; missing besides: {', '.join(elsewhere)}" if elsewhere else ""
    print(f"\n{plural(len(left), 'trial')} to run on {device.type}, into {out}{also}")
    run_missing(left, files, device, options)
    replaced = sum(name in rows for name in files.new)
    added, again = len(files.new) - replaced, f"{replaced:,} replaced, " if replaced else ""
    print(f"{out}: {plural(added, 'row')} added, {again}{len(gone):,} dropped; {len(files.rows):,} now")


def verify_some(
    order: "Sequence[Group]",
    rows: Mapping[Name, Row],
    config: Config,
    device: "torch.device",
    options: argparse.Namespace,
) -> int:
    """Repeat some of the rows that were made on this kind of device, always the same, and compare."""
    from harness.commands.repeat import report
    from harness.plan.reference import not_at_hand

    trials = [trial for group in order if group.device == device.type for trial in group.trials]
    names = [row.name for trial in trials for row in trial.rows]
    found = [name for name in names if name in rows and not_at_hand(rows[name]["signal"], rows[name]["item"]) is None]
    if not found:
        of = f" of {', '.join(options.models)}" if options.models else ""
        raise UsageError(
            f"there are no reference rows{of} that were made on {device.type} and whose data are at hand; see --status"
        )
    picked = few(found, options.verify)
    chosen = [Stored(Store(want.FOLDER, folder), key, rows[folder, key]) for folder, key in picked]
    return report(chosen, config, device, TOLERANCE, deadline=options.deadline)
