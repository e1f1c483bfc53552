"""`python -m harness figures`: the figures of a results folder again, from its rows alone, and what they lack."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from common.errors import UsageError
from common.exits import EXIT_OK, guarded
from common.parser import Parser
from harness.analysis import published
from harness.analysis.reference_rows import beside
from harness.commands.figure_options import add_looks, choice_of
from harness.commands.selected_rows import add_own, add_selection, choose_experiments, choose_models, no_rows
from harness.execution.shared_options import add_config, add_out
from harness.figures import draw_figures
from harness.plan.config import Protocol, load_config
from harness.store.scan import results_folder
from harness.store.schema import Row
from harness.store.table import load_rows
from target_signals.tasks.metrics import METRICS


def add_arguments(
    parser: argparse.ArgumentParser, signals: Sequence[str] | None = None, metrics: Sequence[str] = ("psnr",)
) -> None:
    """signals: those that a script is about, by default all. metrics: drawn unless --metric names others."""
    add = parser.add_argument
    add_out(parser)
    add_config(parser)
    add_own(parser)
    add_selection(parser)
    names = " ".join(metrics)
    add("--metric", nargs="+", default=list(metrics), choices=list(METRICS), help=f"which scores (default: {names})")
    add_looks(parser)
    add("--waiting", action="store_true", help="count from a model's construction on in scores over seconds")
    add("--against", metavar="PRESET", help="scores beside those of this preset, like paper; no other figure")
    parser.set_defaults(signals=signals)


def main(
    description: str,
    signals: Sequence[str] | None = None,
    metrics: Sequence[str] = ("psnr",),
    arguments: Sequence[str] | None = None,
) -> int:
    """The same as a script of its own, about some signals; returns an exit code."""
    parser = Parser(description=description)
    add_arguments(parser, signals, metrics)
    return guarded(lambda: run(parser.parse_args(arguments)))


def run(options: argparse.Namespace) -> int:
    """Draw what the options choose, and say what it lacks. UsageError where there is nothing to draw."""
    own, config = chosen(options), load_config(options.config)
    order = config.protocol.order
    if options.against is not None:
        draw_against(own, config.protocol, options)
        return EXIT_OK
    rows = own if options.own else [*own, *beside(own, config)]
    # names what there is not; `choice` draws these models, and knows what is missing
    choose_models(rows, options, config.protocol)
    choice = choice_of(options)
    paths: list[Path] = []
    for metric in options.metric:
        drawn = draw_figures.draw(rows, options.out, order, metric, options.waiting, choice)
        for path in drawn:
            print(f"wrote {path}")
        if (drawn or len(options.metric) == 1) and choice == draw_figures.EVERYTHING:
            for line in draw_figures.missing(rows, metric=metric, out_folder=options.out):
                print(f"note: {line}")
        paths += drawn
    if not paths:
        raise UsageError(f"no row of these has {' or '.join(options.metric)}; choose another --metric")
    if choice != draw_figures.EVERYTHING:  # a part of the rows is nothing to compare with published values
        return EXIT_OK
    for experiment in dict.fromkeys((row["signal"], row["task"]) for row in own):
        if text := published.compare(row for row in own if (row["signal"], row["task"]) == experiment):
            print(f"\n{text}")
    return EXIT_OK


def draw_against(rows: Sequence[Row], protocol: Protocol, options: argparse.Namespace) -> None:
    """Draw what has scores of the preset and of another one."""
    if options.waiting:
        raise UsageError("--against draws scores, not seconds; leave --waiting out")
    mine, choice = choose_models(rows, options, protocol), choice_of(options)
    paths = [
        path
        for metric in options.metric
        for path in draw_figures.draw_presets(mine, options.out, options.against, protocol.order, metric, choice)
    ]
    if not paths:
        raise UsageError(f"no experiment has scores of {options.against} and of another preset, otherwise alike")
    for path in paths:
        print(f"wrote {path}")


def chosen(options: argparse.Namespace) -> list[Row]:
    """The rows that the options leave, oldest first."""
    rows, signals = load_rows(results_folder(options.out)), options.signals
    if signals is not None:
        rows = [row for row in rows if row["signal"] in signals]
    if not rows:
        of_what = f" of {' or '.join(signals)}" if signals else ""
        raise no_rows(options.out, of_what)
    return choose_experiments(rows, options, options.against)
