"""`python -m harness compress model.safetensors --bits 4 8 16`: saved models as smaller files."""

import argparse
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.errors import UsageError, one_line
from common.exits import EXIT_OK
from common.files import write_for_user
from common.lattice import Lattice
from harness.execution.option_types import bits_a_value, given_path
from harness.execution.shared_options import add_config, add_device
from harness.plan.config import load_config
from harness.store.store import CODED, coded_path, parse_row, store_of
from target_signals.item_names import subject
from target_signals.tasks.metrics import psnr

if TYPE_CHECKING:
    from models.base import Representation

DEFAULT_BITS = (4, 6, 8, 12, 16, 32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="model",
        help="a file that run.py --save-model left, or a folder of such; where one holds a model of your own, name "
        "that one's .py as well",
    )
    bits = " ".join(map(str, DEFAULT_BITS))
    add(
        "--bits",
        nargs="+",
        type=bits_a_value,
        default=DEFAULT_BITS,
        metavar="B",
        help=f"a value, 2 to 16, or 32 for values as they are (default: {bits})",
    )
    add("--to", type=given_path, metavar="FOLDER", help="where the files go (default: beside each model)")
    add("--file", metavar="PATH", help="the user's own image or volume that the models were fitted to")
    add_device(parser)
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    from harness.train import checkpoint, coder, machine

    coder.check()
    device = str(machine.choose_device(options.device))
    for number, (to, path) in enumerate(files_to_write(checkpoint.only_saved(options.models), options.to).items()):
        print(end="\n" if number else "")
        compress(path, to, device, options)
    return EXIT_OK


def files_to_write(paths: Sequence[str], folder: str | None) -> dict[Path, Path]:
    """What the names of a model's files begin with → the model. UsageError where two have one, or without a folder."""
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        to = (path.parent if folder is None else Path(folder)) / path.stem
        if not to.parent.is_dir():
            raise UsageError(f"no folder '{to.parent}' to write to; make it, or choose another with --to")
        if to in found:
            raise UsageError(f"'{found[to]}' and '{path}' would both be written to '{to}-…'; compress one at a time")
        found[to] = path
    return found


def compress(path: Path, to: Path, device: str, options: argparse.Namespace) -> None:
    """Write a model at each number of bits, to files that begin with `to`, and print what they are worth."""
    from harness.train import checkpoint
    from harness.train.operations import operations_a_sample
    from harness.train.rates import measure

    if path.suffix == CODED:
        raise UsageError(f"'{path}' is compressed already; give the .safetensors file that it was made from")
    model = checkpoint.load(path, device)
    lattice, score, against = truth_of(model, path, options)
    print(f"{path.name}: {model.name}, {model.count_values():,} values, {len(lattice):,} samples")
    if (operations := operations_a_sample(model)) is not None:
        print(f"{operations:,.0f} floating-point operations to evaluate a sample")
    print(f"PSNR against {against}\n")
    rates = []
    measure(model, options.bits[0], lattice, score)  # the first one is slow, in a process that has evaluated nothing
    for bits in dict.fromkeys(options.bits):
        rate, data = measure(model, bits, lattice, score)
        rates.append(rate)
        write(coded_path(to, bits), data)
    print("\n".join(table(rates, len(lattice))))
    print(f"\nwrote {to}-<bits>{CODED}; python -m harness render decodes them")


def write(path: Path, data: bytes) -> None:
    """UsageError where another file is there: of a run's own, updates may have seen quantised values."""
    if path.is_file() and path.read_bytes() != data:
        raise UsageError(f"'{path}' is there and holds other values; delete it, or choose another folder with --to")
    write_for_user(path, data)


def truth_of(
    model: "Representation", path: Path, options: argparse.Namespace
) -> tuple[Lattice, Callable[[np.ndarray], float], str]:
    """Where a model is scored, how, and against what, in words: the signal where a row beside the model says which,
    and it can be made again, or a person's own was kept there; otherwise the model's own answer before compression."""
    from harness.plan.replay import trial_of
    from harness.train.chunks import predict
    from harness.train.data import signal_again, task_of

    store, config = store_of(path.absolute()), load_config(options.config)
    try:
        row = parse_row(store.row_path(path.stem))
        trial = trial_of(row, config, options.file)
        task = task_of(trial, signal_again(trial, row, store.folder.parent))
        scoring = task.scoring_of(row["task"])
        if (trial.model, task.lattice.shape, task.channels) != (model.name, model.lattice.shape, model.channels):
            raise ValueError("the row beside it is of another model")
        of = subject(row["signal"], row["item"])
        source = "" if row["source"] is None else f" ({row['source']})"
        return scoring.lattice, scoring.psnr, f"{of}{source}, task {row['task']}"
    except (OSError, ValueError, UsageError) as error:
        reason = "no row lies beside it" if isinstance(error, OSError) else one_line(error)
        if options.file is not None:  # whoever names a file wants scores against it and nothing else
            said = f"'{path}' cannot be scored against '{options.file}': {reason}"
            raise UsageError(f"{said}; give the file that it was fitted to, or leave --file out") from error
    own = predict(model, model.lattice)
    return model.lattice, functools.partial(psnr, own), f"the model's own answer before compression: {reason}"


def table(rates: Sequence[dict[str, Any]], samples: int) -> list[str]:
    """Rates as lines. samples: points of the lattice that is scored, whatever the channels."""
    lines = [f"{'bits':>4} {'bytes':>12} {'bits a sample':>14} {'PSNR (dB)':>10} {'encode (s)':>11} {'decode (s)':>11}"]
    for rate in rates:
        lines.append(
            f"{rate['bits']:>4} {rate['bytes']:>12,} {8 * rate['bytes'] / samples:>14.4f} {rate['psnr']:>10.2f} "
            f"{rate['encode_seconds']:>11.3f} {rate['decode_seconds']:>11.3f}"
        )
    return lines
