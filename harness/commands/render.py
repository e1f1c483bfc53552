"""`python -m harness render model.safetensors --shape 2000 3000 --out big.png`: a saved model on any lattice."""

import argparse
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.errors import UsageError
from common.files import write_atomically

if TYPE_CHECKING:
    from models.base import Representation

MOST_VALUES = 1 << 31  # of one rendering: 8 GiB in float32
SUFFIXES = (".png", ".jpg", ".tif", ".npy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", help="a file that run.py --save-model left")
    add("--shape", nargs="+", type=int, metavar="N", help="samples along each axis (default: the training lattice's)")
    add("--out", required=True, help=f"the file to write: {', '.join(SUFFIXES)}")
    add("--device", default=None, help="cpu, cuda or cuda:1 (default: cuda where there is one)")


def run(options: argparse.Namespace) -> int:
    from harness.train import checkpoint, machine

    out = Path(options.out)
    if out.suffix not in SUFFIXES:
        raise UsageError(f"cannot write '{out}'; its name must end in {', '.join(SUFFIXES)}")
    if not out.parent.is_dir():
        raise UsageError(f"no folder '{out.parent}' to write '{out.name}' to")
    model = checkpoint.load(options.model, str(machine.choose_device(options.device or machine.default_device())))
    shape = tuple(options.shape or model.lattice.shape)
    if len(shape) != model.dim or any(n < 1 for n in shape):
        raise UsageError(f"--shape needs {model.dim} numbers of at least 1 for this model, got {shape}")
    if math.prod(shape) * model.channels > MOST_VALUES:
        raise UsageError(f"{shape} with {model.channels} channels are more than {MOST_VALUES} values; render less")
    if model.dim == 3 and out.suffix != ".npy":
        raise UsageError(f"a volume is written as .npy, not as '{out.suffix}'")
    values = render(model, shape)
    write_atomically(out, lambda file: file.write(encode(values, out.suffix)))
    print(f"wrote {out}: {'×'.join(map(str, values.shape))}, from {values.min():.3g} to {values.max():.3g}")
    return 0


def render(model: "Representation", shape: tuple[int, ...]) -> np.ndarray:
    """The model's values [*shape, C] on a lattice over the box that its training samples fill."""
    import torch

    from common.lattice import Lattice
    from harness.train.chunks import predict

    own = model.lattice
    lattice = own if shape == own.shape else Lattice.aligned(shape, own.shape)
    with torch.no_grad():
        return predict(model, lattice)


def encode(values: np.ndarray, suffix: str) -> bytes:
    """[*shape, C] as the bytes of a file: pictures in 8 bit, clipped to [0, 1]; .npy as it is."""
    from PIL import Image

    buffer = io.BytesIO()
    if values.shape[-1] == 1:
        values = values[..., 0]
    if suffix == ".npy":
        np.save(buffer, values, allow_pickle=False)
        return buffer.getvalue()
    if values.ndim == 3 and values.shape[-1] != 3:
        raise UsageError(f"{values.shape[-1]} channels make no picture; write a .npy file")
    picture = Image.fromarray(np.round(255 * np.clip(values, 0, 1)).astype(np.uint8))
    picture.save(buffer, format={".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}[suffix])
    return buffer.getvalue()
