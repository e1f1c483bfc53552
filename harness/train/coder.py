"""Arrays as entropy-coded words, and back: range coding (Martin 1979) by constriction (Bamler 2022).

Quantised values are coded under the best of four distributions with two parameters each, whole numbers as the gaps
between neighbours: the length of each gap in binary under their histogram, the digits behind its first as they are.
"""

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from common.errors import UsageError

try:
    import constriction
except ImportError:  # an extra
    constriction = None

FAMILIES = ("Uniform", "QuantizedGaussian", "QuantizedLaplace", "QuantizedCauchy")  # their places stand in files
NARROWEST, WIDEST = 1e-2, 1e6  # scales, in symbols
CHUNK = 16  # digits of a gap that are coded at once
GREATEST = 1 << 60  # so that neither gaps nor their differences leave int64
LONGEST = 63  # digits of a gap
PARAMETERS = struct.Struct("<Bff")  # family, location, scale
GAPS = struct.Struct("<qB")  # least gap, digits of the longest one above it


def is_here() -> bool:
    """Whether constriction is installed."""
    return constriction is not None


def check() -> None:
    """UsageError where constriction is not installed."""
    if not is_here():
        raise UsageError("coding in bits needs constriction: pip install -e '.[bits]'")


class Encoder:
    """Parameters of distributions go to `head` as bytes, symbols to a range coder."""

    def __init__(self) -> None:
        self.head = io.BytesIO()
        self._coder = constriction.stream.queue.RangeEncoder()

    def symbols(self, values: np.ndarray, bits: int) -> None:
        """Whole numbers [n] from 0 to 2^bits - 1."""
        values = values.astype(np.int32)
        parameters = min(_fits(values), key=lambda fit: _cost(values, bits, fit))
        self.head.write(PARAMETERS.pack(*parameters))
        self._coder.encode(values, _distribution(bits, *parameters))

    def whole(self, values: np.ndarray) -> None:
        """Whole numbers [n], n > 0, of magnitudes up to 2^60; few bits where they rise slowly."""
        if max(-int(values.min()), int(values.max())) > GREATEST:
            raise UsageError(f"whole numbers are coded up to {GREATEST:,}")
        gaps = np.diff(values.astype(np.int64), prepend=0)
        least = int(gaps.min())
        gaps -= least
        digits = _digits(gaps)
        counts = np.bincount(digits)
        self.head.write(GAPS.pack(least, len(counts) - 1) + counts.astype("<u4").tobytes())
        if len(counts) > 1:
            self._coder.encode(digits.astype(np.int32), _histogram(counts))
        for length, first, wide in _chunks(len(counts) - 1):
            part = gaps[digits == length] >> first & (1 << wide) - 1
            self._coder.encode(part.astype(np.int32), _flat(wide))

    def words(self) -> bytes:
        """What the range coder made of all symbols."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class Decoder:
    """Reads what an Encoder made. Raises ValueError where that cannot be."""

    def __init__(self, head: io.BytesIO, words: bytes):
        self._head = head
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(words, dtype="<u4").astype(np.uint32))

    def symbols(self, count: int, bits: int) -> np.ndarray:
        """[count] whole numbers from 0 to 2^bits - 1."""
        family, location, scale = PARAMETERS.unpack(read_exactly(self._head, PARAMETERS.size))
        if family >= len(FAMILIES) or not abs(location) <= WIDEST or not NARROWEST * 0.99 <= scale <= WIDEST:
            raise ValueError("it states a distribution that is none")
        return self._coder.decode(_distribution(bits, family, location, scale), count)

    def whole(self, count: int) -> np.ndarray:
        """[count] whole numbers, int64."""
        least, longest = GAPS.unpack(read_exactly(self._head, GAPS.size))
        counts = np.frombuffer(read_exactly(self._head, 4 * (longest + 1)), dtype="<u4")
        if longest > LONGEST or counts.sum(dtype=np.int64) != count:
            raise ValueError("it states a histogram that is none")
        digits = self._coder.decode(_histogram(counts), count) if longest else np.zeros(count, dtype=np.int32)
        gaps = np.where(digits > 0, np.int64(1) << np.maximum(digits.astype(np.int64) - 1, 0), 0)
        for length, first, wide in _chunks(longest):
            at = digits == length
            gaps[at] |= self._coder.decode(_flat(wide), int(at.sum())).astype(np.int64) << first
        return np.cumsum(gaps + least)

    def is_at_end(self) -> bool:
        """Whether what was read may be all there is."""
        return bool(self._coder.maybe_exhausted())


def read_exactly(file: io.BytesIO, count: int) -> bytes:
    """Read so many bytes. Raises ValueError where there are fewer."""
    data = file.read(count)
    if len(data) != count:
        raise ValueError("it ends too early")
    return data


def _fits(values: np.ndarray) -> Iterator[tuple[int, float, float]]:
    """A fit of each family to values: its place in FAMILIES, location and scale, as float32 holds them."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    mean = values.mean()
    found = ((0, 1), (mean, values.std()), (median, np.abs(values - median).mean()), (median, (high - low) / 2))
    for family, (location, scale) in enumerate(found):
        yield family, float(np.float32(location)), float(np.float32(np.clip(scale, NARROWEST, WIDEST)))


def _cost(values: np.ndarray, bits: int, parameters: tuple[int, float, float]) -> int:
    """Bits that values take under a distribution."""
    coder = constriction.stream.queue.RangeEncoder()
    coder.encode(values, _distribution(bits, *parameters))
    return coder.num_bits()


def _distribution(bits: int, family: int, location: float, scale: float) -> Any:
    if FAMILIES[family] == "Uniform":
        return _flat(bits)
    return getattr(constriction.stream.model, FAMILIES[family])(0, (1 << bits) - 1, location, scale)


def _flat(digits: int) -> Any:
    return constriction.stream.model.Uniform(1 << digits)


def _histogram(counts: np.ndarray) -> Any:
    return constriction.stream.model.Categorical(counts / counts.sum(dtype=np.float64), perfect=False)


def _digits(values: np.ndarray) -> np.ndarray:
    """How many binary digits each number from 0 up has; 0 has none."""
    powers = np.int64(1) << np.arange(LONGEST, dtype=np.int64)
    return np.searchsorted(powers, values, side="right")


def _chunks(longest: int) -> Iterator[tuple[int, int, int]]:
    """Digits behind the first, in order: the gaps' length, the chunk's lowest digit, its number of digits."""
    for length in range(2, longest + 1):
        for first in range(0, length - 1, CHUNK):
            yield length, first, min(CHUNK, length - 1 - first)
