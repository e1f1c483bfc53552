"""`python -m harness render model.safetensors --shape 2000 3000 --out big.png`: a saved model on any lattice."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from common.errors import UsageError
from common.exits import EXIT_OK
from common.files import write_for_user
from harness.commands.rendered_file import FORMATS, check, encode, suffix_of
from harness.execution.option_types import given_path
from harness.execution.shared_options import add_device
from harness.store.own_signal import kept_signal, signal_path
from harness.store.schema import Row
from harness.store.store import CODED, parse_row, store_of
from target_signals.geometry import Geometry

MOST_VALUES = 1 << 31  # of one rendering: 8 GiB in float32
OF_VALUE = 16  # bytes of memory for a value while a file of it is made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="model",
        help="a file that run.py --save-model or python -m harness compress left; "
        "where it holds a model of your own, name that one's .py file as well",
    )
    add("--shape", nargs="+", type=int, metavar="N", help="samples along each axis (default: the training lattice's)")
    add("--out", type=given_path, required=True, help=f"the file to write: {FORMATS}")
    add_device(parser)


def run(options: argparse.Namespace) -> int:
    import torch

    from harness.train import checkpoint, compressed, machine
    from harness.train.chunks import predict_shape

    path, out = only_one(checkpoint.only_saved(options.models)), Path(options.out)
    suffix = suffix_of(out)
    if not out.parent.is_dir():
        raise UsageError(f"no folder '{out.parent}' to write '{out.name}' to; make it, or choose another with --out")
    device = str(machine.choose_device(options.device))
    model = (compressed if compressed.is_compressed(path) else checkpoint).load(path, device)
    shape = tuple(options.shape or model.lattice.shape)
    check_room(shape, model.channels, machine.memory(torch.device("cpu")))
    check(shape, model.dim, model.channels, suffix)
    values = predict_shape(model, shape)
    if model.channels == 1:
        values = values[..., 0]  # a file of one channel has no axis for it
    row = row_of(Path(path))
    geometry = geometry_of(row, Path(path), shape) if row is not None and model.dim == 3 else None
    write_for_user(out, encode(values, model.dim, suffix, geometry))
    note = "" if suffix == ".npy" else ", clipped to [0, 1] in 8 bits"
    if model.dim == 3 and suffix != ".npy":
        note = f", {geometry or 'samples taken for 1 apart'}"
    print(f"wrote {out}: {'×'.join(map(str, values.shape))}, from {values.min():.3g} to {values.max():.3g}{note}")
    if row is not None and row["source"]:
        print(f"in the scale of the fit: {row['source']}")
    return EXIT_OK


def row_of(path: Path) -> Row | None:
    """The row beside a model; None where there is none."""
    key = path.stem.rpartition("-")[0] if path.suffix == CODED else path.stem
    try:
        return parse_row(store_of(path.absolute()).row_path(key))
    except (OSError, ValueError):
        return None


def geometry_of(row: Row, path: Path, shape: Sequence[int]) -> Geometry | None:
    """Where samples of a rendering of a model lie, by the person's own file that it was fitted to; None where that is
    not known."""
    try:
        signal = kept_signal(signal_path(store_of(path.absolute()).folder.parent, row), row["dim"])
    except (OSError, UsageError):
        return None
    return None if signal.geometry is None else signal.geometry.of_cells(signal.lattice.shape, shape)


def only_one(paths: Sequence[str]) -> str:
    """The model that is rendered. UsageError for none, and for several, such as a shell's pattern may stand for."""
    if not paths:
        raise UsageError("no model is named; run.py --save-model leaves models as .safetensors files")
    path, *more = paths
    if more:
        others = f"'{more[0]}' …" if len(more) > 1 else f"'{more[0]}'"
        raise UsageError(f"render draws one model, and {len(paths)} are named: '{path}', {others}; name one of them")
    return path


def check_room(shape: Sequence[int], channels: int, memory: int | None) -> None:
    """UsageError for what this machine cannot hold, before anything is evaluated.

    memory: bytes that the machine has; None where that is not known.
    """
    most = MOST_VALUES if memory is None else min(MOST_VALUES, memory // OF_VALUE)
    if math.prod(shape) * channels > most:
        given = f"--shape {' '.join(map(str, shape))}"
        raise UsageError(f"{given} with {channels} channels are more than {most:,} values; render less")
