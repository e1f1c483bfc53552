"""`python -m harness render model.safetensors --shape 2000 3000 --out big.png`: a saved model on any lattice."""

import argparse
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import UsageError
from common.exits import EXIT_OK
from common.files import write_for_user
from harness.execution.option_types import given_path
from harness.execution.shared_options import add_device
from harness.store.store import CODED, parse_row, store_of

MOST_VALUES = 1 << 31  # of one rendering: 8 GiB in float32
OF_VALUE = 16  # bytes of memory for a value while a file of it is made
LONGEST_OF_JPEG = 65_500  # samples along an axis
PICTURES = (".png", ".jpg", ".tif")
SUFFIXES = (*PICTURES, ".npy")


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
    add("--out", type=given_path, required=True, help=f"the file to write: {', '.join(SUFFIXES)}")
    add_device(parser)


def run(options: argparse.Namespace) -> int:
    import torch

    from harness.train import checkpoint, compressed, machine
    from harness.train.chunks import predict_shape

    path, out = only_one(checkpoint.only_saved(options.models)), Path(options.out)
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"cannot write '{out}'; pictures are {', '.join(PICTURES)}, and any values .npy")
    if not out.parent.is_dir():
        raise UsageError(f"no folder '{out.parent}' to write '{out.name}' to")
    device = str(machine.choose_device(options.device))
    model = (compressed if compressed.is_compressed(path) else checkpoint).load(path, device)
    shape = tuple(options.shape or model.lattice.shape)
    check(shape, model.dim, model.channels, suffix, machine.memory(torch.device("cpu")))
    values = predict_shape(model, shape)
    if model.channels == 1:
        values = values[..., 0]  # a file of one channel has no axis for it
    content = encode(values, suffix)
    write_for_user(out, content)
    clipped = "" if suffix == ".npy" else ", clipped to [0, 1] in 8 bits"
    print(f"wrote {out}: {'×'.join(map(str, values.shape))}, from {values.min():.3g} to {values.max():.3g}{clipped}")
    if source := source_of(Path(path)):
        print(f"in the scale of the fit: {source}")
    return EXIT_OK


def source_of(path: Path) -> str | None:
    """How the values that a model was fitted to came to [0, 1], by the row beside it; None where there is none."""
    key = path.stem.rpartition("-")[0] if path.suffix == CODED else path.stem
    try:
        return parse_row(store_of(path.absolute()).row_path(key))["source"]
    except (OSError, ValueError):
        return None


def only_one(paths: Sequence[str]) -> str:
    """The model that is rendered. UsageError for none, and for several, such as a shell's pattern may stand for."""
    if not paths:
        raise UsageError("no model is named; run.py --save-model leaves models as .safetensors files")
    path, *more = paths
    if more:
        others = f"'{more[0]}' …" if len(more) > 1 else f"'{more[0]}'"
        raise UsageError(f"render draws one model, and {len(paths)} are named: '{path}', {others}; name one of them")
    return path


def check(shape: Sequence[int], dim: int, channels: int, suffix: str, memory: int | None) -> None:
    """UsageError for what no such file can hold, or this machine cannot, before anything is evaluated.

    memory: bytes that the machine has; None where that is not known.
    """
    most = MOST_VALUES if memory is None else min(MOST_VALUES, memory // OF_VALUE)
    if math.prod(shape) * channels > most:
        given = f"--shape {' '.join(map(str, shape))}"
        raise UsageError(f"{given} with {channels} channels are more than {most:,} values; render less")
    if suffix == ".npy":
        return
    if dim == 3:
        raise UsageError(f"a volume is written as .npy, not as '{suffix}'")
    if channels not in (1, 3):
        raise UsageError(f"{channels} channels make no picture; write a .npy file")
    if suffix == ".jpg" and max(shape) > LONGEST_OF_JPEG:
        raise UsageError(
            f"a JPEG has at most {LONGEST_OF_JPEG:,} samples along an axis, got {max(shape):,}; write .png"
        )


def encode(values: np.ndarray, suffix: str) -> bytes:
    """[*shape, C], or [*shape] of one channel, as a file: pictures in 8 bit, clipped to [0, 1]; .npy as it is."""
    from PIL import Image

    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, values, allow_pickle=False)
        return buffer.getvalue()
    picture = Image.fromarray(np.round(255 * np.clip(values, 0, 1)).astype(np.uint8))
    picture.save(buffer, format={".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}[suffix])
    return buffer.getvalue()
