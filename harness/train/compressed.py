"""Fitted models as few bytes: values quantised by tensor and entropy-coded, in a file that is decoded by itself.

A file is MAGIC, three lengths, a header (JSON, deflated), a record for each tensor of the model in the order of its
`state_dict`, values that are kept as they are, and the words of the range coder (harness/train/coder.py).
Tensors that the generator of the initial values draws again cost nothing: the header states its seed. A checksum of
all decoded values is in the header, so what is decoded is what was promised, or an error.
"""

import functools
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from common.errors import UsageError, cause_of
from common.files import Unfit, read_bounded
from harness.plan.trial import BITS, EXACT
from harness.train import checkpoint, coder
from models import backends
from models.base import Representation
from models.defaults import drawing, own_defaults

MAGIC = b"RBC\x01"  # the last byte is the format's version
DRAWN, CONSTANT, KEPT, WHOLE, QUANTISED = range(5)  # kinds of records
CODED = {torch.float32: np.float32, torch.int64: np.int64, torch.int32: np.int32}  # other types are kept as bytes
MOST_BYTES = 1 << 30  # of a file
MOST_HEADER = 1 << 24  # bytes of its header, inflated
MOST_VALUES = 1 << 27  # of a model that a long file may make us allocate
FEW_VALUES = 1 << 22  # the same of any file
DENSEST = 1 << 12  # values a byte of all others; nothing that was fitted comes near
LENGTHS = struct.Struct("<III")


def encode(model: Representation, bits: int) -> bytes:
    """The model as the bytes of a file, its trainable values uniformly quantised to 2^bits levels from the least to
    the greatest of each tensor; 32 keeps them as they are. Buffers are exact, as are tensors with a value that is not
    finite and types other than float32. Raises UsageError for whole numbers beyond 2^60.
    """
    drawn = {} if model.drawn_from is None else _draw_again(model)
    kept, encoder, decoded = io.BytesIO(), coder.Encoder(), []
    trained = {name for name, _ in model.named_parameters()}
    for name, value in _arrays(model).items():
        own_bits = bits if name in trained else EXACT
        decoded.append(_write(value, drawn.get(name), own_bits, encoder, kept))
    header = checkpoint.describe(model) | {"bits": bits, "check": _checksum(decoded)}
    text = zlib.compress(json.dumps(header, separators=(",", ":")).encode(), 9)
    head = encoder.head.getvalue()
    lengths = LENGTHS.pack(len(text), len(head), kept.tell())
    return MAGIC + lengths + text + head + kept.getvalue() + encoder.words()


def decode(data: bytes) -> Representation:
    """The model that `encode` wrote, on the CPU. Raises one of checkpoint.UNREADABLE or UsageError for other bytes."""
    file = io.BytesIO(data)
    if coder.read_exactly(file, len(MAGIC)) != MAGIC:
        raise ValueError("it does not begin as one of this version")
    lengths = LENGTHS.unpack(coder.read_exactly(file, LENGTHS.size))
    text, head, kept = (coder.read_exactly(file, length) for length in lengths)
    inflate = zlib.decompressobj()
    found = inflate.decompress(text, MOST_HEADER)
    if not inflate.eof:
        raise ValueError("its header is cut off or too long")
    header = json.loads(found)
    bits = header["bits"]
    if type(bits) is not int or bits not in BITS:
        raise ValueError(f"it has {bits!r} bits a value")
    model = checkpoint.rebuild(header)
    rooms = checkpoint.stored(model)
    total = sum(room.numel() for room in rooms.values())
    most = min(MOST_VALUES, max(FEW_VALUES, DENSEST * len(data)))
    if total > most:
        raise ValueError(f"it asks for {total:,} values, and of {len(data):,} bytes at most {most:,} are decoded")
    records, exact = io.BytesIO(head), io.BytesIO(kept)
    decoder = coder.Decoder(records, file.read())
    drawn = functools.cache(functools.partial(_draw_again, model))  # most files need none
    values = {}
    for name, room in rooms.items():
        kind = coder.read_exactly(records, 1)[0]
        values[name] = drawn()[name] if kind == DRAWN else _read(kind, room, bits, decoder, records, exact)
    whole = not records.read(1) and not exact.read(1) and decoder.is_at_end()
    if not whole or _checksum(list(values.values())) != header["check"]:
        raise ValueError("its values are not those that were written, or PyTorch draws others here")
    tensors = {
        name: torch.from_numpy(values[name]).view(room.dtype).reshape(room.shape) for name, room in rooms.items()
    }
    return checkpoint.with_values(model, tensors)


def load(path: str | Path, device: str = "cpu") -> Representation:
    """The model in a file of what `encode` gave. Raises UsageError when the file is not such a one."""
    coder.check()
    try:
        model = decode(read_bounded(path, MOST_BYTES)).to(device)
    except (UsageError, Unfit) as error:
        raise UsageError(f"'{path}': {error}") from error
    except (*checkpoint.UNREADABLE, struct.error, zlib.error) as error:
        raise UsageError(
            f"'{path}' holds no compressed model: {cause_of(error)}; it is damaged, or not of this suite"
        ) from error
    model.backend = backends.choose(model, "fp32")
    return model


def is_compressed(path: str | Path) -> bool:
    """Whether a file begins as a compressed model does."""
    if not Path(path).is_file():  # opening a pipe would wait for its writer
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC) - 1) == MAGIC[:-1]
    except OSError:
        return False


def _draw_again(model: Representation) -> dict[str, np.ndarray]:
    """What the stated seed gives for every tensor. Raises ValueError where no seed is stated."""
    if model.drawn_from is None:
        raise ValueError("it states no seed of its initial values")
    with own_defaults(), drawing(model.drawn_from):
        fresh = model.construct(model.config, model.lattice, model.channels, model.size)
        fresh.initialise(torch.Generator().manual_seed(model.drawn_from))
    return _arrays(fresh)


def _arrays(model: Representation) -> dict[str, np.ndarray]:
    """What is stored of a model by name, as NumPy has it; types that are not coded as their bytes [n]."""
    values = {name: value.detach().cpu() for name, value in checkpoint.stored(model).items()}
    return {
        name: (value if value.dtype in CODED else value.reshape(-1).view(torch.uint8)).numpy()
        for name, value in values.items()
    }


def _write(
    value: np.ndarray, drawn: np.ndarray | None, bits: int, encoder: coder.Encoder, kept: io.BytesIO
) -> np.ndarray:
    """Write a tensor's record; what will be decoded."""
    if drawn is not None and np.array_equal(value, drawn):
        encoder.head.write(bytes([DRAWN]))
        return drawn
    if value.dtype == np.int64 and value.size:
        encoder.head.write(bytes([WHOLE]))
        encoder.whole(value.reshape(-1))
        return value
    if value.dtype != np.float32:  # words that are packed already, and types that are rare
        return _keep(value, encoder, kept)
    low, high = (float(value.min()), float(value.max())) if value.size else (0.0, 0.0)
    if low == high:
        encoder.head.write(bytes([CONSTANT]) + struct.pack("<f", low))
        return np.full(value.shape, low, dtype=np.float32)
    if bits == EXACT or not np.isfinite(value).all():
        return _keep(value, encoder, kept)
    encoder.head.write(bytes([QUANTISED]) + struct.pack("<ff", low, high))
    symbols = np.rint((value.astype(np.float64) - low) * (((1 << bits) - 1) / (high - low))).reshape(-1)
    encoder.symbols(symbols, bits)
    return _levels(symbols, low, high, bits).reshape(value.shape)


def _keep(value: np.ndarray, encoder: coder.Encoder, kept: io.BytesIO) -> np.ndarray:
    """Write a tensor as it is."""
    encoder.head.write(bytes([KEPT]))
    kept.write(value.astype(value.dtype.newbyteorder("<")).tobytes())
    return value


def _read(
    kind: int, room: torch.Tensor, bits: int, decoder: coder.Decoder, records: io.BytesIO, exact: io.BytesIO
) -> np.ndarray:
    """The rest of a tensor's record. room: of its shape and type."""
    shape, count = tuple(room.shape), room.numel()
    if kind == KEPT:
        stored = np.dtype(CODED.get(room.dtype, np.uint8))
        data = coder.read_exactly(exact, count * room.element_size())
        array = np.frombuffer(data, dtype=stored.newbyteorder("<")).astype(stored)
        return array.reshape(shape) if room.dtype in CODED else array
    if kind == WHOLE and room.dtype == torch.int64:
        return decoder.whole(count).reshape(shape)
    if room.dtype != torch.float32 or kind not in (CONSTANT, QUANTISED):
        raise ValueError(f"a record of kind {kind} stands where {room.dtype} is expected")
    if kind == CONSTANT:
        return np.full(shape, struct.unpack("<f", coder.read_exactly(records, 4))[0], dtype=np.float32)
    low, high = struct.unpack("<ff", coder.read_exactly(records, 8))
    if bits == EXACT or not np.isfinite((low, high)).all():
        raise ValueError("it states levels that are none")
    return _levels(decoder.symbols(count, bits), low, high, bits).reshape(shape)


def _levels(symbols: np.ndarray, low: float, high: float, bits: int) -> np.ndarray:
    """The values that symbols stand for, float32."""
    return (low + symbols.astype(np.float64) * ((high - low) / ((1 << bits) - 1))).astype(np.float32)


def _checksum(values: list[np.ndarray]) -> int:
    """CRC-32 over the bytes of all values."""
    found = 0
    for value in values:
        found = zlib.crc32(value.tobytes(), found)
    return found
