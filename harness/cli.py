"""The command line of run.py: plan → execute → table and figures (SPEC 6)."""

import argparse
import dataclasses
import io
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from harness.config import DEFAULT_CONFIG, Config, Preset, load_config
from harness.results import DEFAULT_OUT, OK, UNSUPPORTED, load, to_table
from registry import UsageError, is_file

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code of SPEC 6."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # people follow logs; a pipe would get nothing for minutes
    try:
        return run(parse(arguments))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one must not cut the message off
        print("\ninterrupted: finished trials are stored; run the same command again to resume", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as `| head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


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
    add("--device", help="cpu, cuda or cuda:1 (default: cuda where there is one)")
    add("--backend", help="an implementation that must run, like triton or torch (default: the fastest that works)")
    add("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
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


def run(options: argparse.Namespace) -> int:
    # torch takes seconds to import: --help and a mistyped option do not wait for it
    from harness import execute, system
    from harness.cost import describe_cost
    from harness.plan import check_models, make_plan, model_names
    from harness.source import find_source
    from models import backends, get_model
    from target_signals import perceptual

    config = load_config(options.config, options.set)
    models = choose_models(config, options.models)
    check_models(config)
    if options.list:
        print(listing(config))
        return EXIT_OK
    device = system.choose_device(options.device or system.default_device())
    if device.type == "cpu" and options.precision == "tf32":
        raise UsageError("precision tf32 exists on CUDA devices only; use --precision fp32 here")
    preset_name = options.preset or ("paper" if device.type == "cuda" else "quick")
    if options.signal is None:
        raise UsageError("give --signal, for example --signal Sierpinski; --list names them all")
    source, notes = find_source(options.signal, options.dim, options.items, options.bandlimits, config, preset_name)
    preset = override(config.preset(preset_name, source.family.name, source.dim), options, source.length_key)
    for name in models if options.backend is not None else ():
        backends.check(get_model(name), options.backend, device)
    trials = make_plan(config, source, options.task, preset_name, preset, models, options.precision, options.backend)

    done, left = execute.split_done(trials, options.out)
    if options.force:
        left = list(trials)
    tasks = list(dict.fromkeys(task for trial in trials for task in trial.scored))
    print(
        f"{source.family.name}, {source.dim}D, task {' + '.join(tasks)}, preset {preset_name}, "
        f"on {system.device_name(device)}"
    )
    if options.preset is None:
        print(f"(the preset follows from the device; --preset {' | '.join(config.presets)} changes it)")
    if source.dim == 2 and (lacks := perceptual.missing()) is not None:
        notes.append(lacks)
    for note in notes:
        print(note)
    print(f"{len(trials)} trials, {len(done)} of them done before, {len(left)} to run: {describe_cost(left, device)}")
    if options.dry_run:
        for trial in left:
            print(f"  {trial}, {trial.steps} passes: {describe_cost([trial], device)}")
        return EXIT_OK
    from harness import figures, published, report, saved, verdict  # which import pandas: a plan does not wait for it
    from harness.table import summarise

    if left:
        execute.execute(left, options.out, device, saved.saver(options.out) if options.save_model else None)

    order = model_names(config)
    rows = to_table([row for trial in trials for row in execute.stored(trial, options.out)])
    for task, of_task in rows.groupby("task", sort=False):
        print(f"\n{summarise(of_task, order, heading=f'{task}: ' if len(tasks) > 1 else '')}")
        if text := published.compare(of_task):
            print(f"\n{text}")
    if source.path is not None and (text := verdict.tell(rows, options.out, trials)):
        print(f"\n{text}")
    print()
    for folder in dict.fromkeys(row.folder for trial in trials for row in trial.rows):
        print(f"rows in {Path(options.out) / folder / 'rows'}")
        for path in figures.draw(load(options.out, folder), options.out, order):
            print(f"wrote {path}")
    print(f"wrote {report.write(options.out, options.config)}; open it in a browser")
    return EXIT_OK if rows["status"].isin([OK, UNSUPPORTED]).all() else EXIT_FAILED


def choose_models(config: Config, chosen: Sequence[str]) -> list[str]:
    """Names from `--models`: `all`, registered names, and paths of files that register some."""
    from harness.plan import model_names
    from models import get_model, registry

    names: list[str] = []
    for entry in chosen:
        if entry == "all":
            names += model_names(config)
        elif entry.endswith(".py") or is_file(entry):
            names += registry.load_file(entry)
        else:
            names.append(get_model(entry).name)
    return list(dict.fromkeys(names))


def override(preset: Preset, options: argparse.Namespace, kind: str) -> Preset:
    """The preset with what the command line gives in its place.

    kind: the key of its lengths that this signal's length stands under.
    """
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name in ("sizes", "bandlimits", "seeds", "steps")
        if (value := getattr(options, name)) is not None
    }
    if options.length is not None:
        given["length"] = preset.length | {kind: options.length}
    try:
        return dataclasses.replace(preset, **given)
    except ValueError as error:
        raise UsageError(f"--{error}") from error


def listing(config: Config) -> str:
    """What there is to choose from."""
    import target_signals
    from harness.plan import model_names
    from target_signals.base import RecordedFamily
    from target_signals.task import TASKS

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
