"""What a fitted model takes as a file at some bits a value, and how good it then still is."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from common.lattice import Lattice
from harness.store.schema import RATE
from harness.train import compressed
from harness.train.chunks import ACTIVATION_GIB, predict
from models.base import Representation


def measure(
    model: Representation,
    bits: int,
    lattice: Lattice,
    psnr: Callable[[np.ndarray], float],
    activation_gib: float = ACTIVATION_GIB,
    quantised_passes: int = 0,
) -> tuple[dict[str, Any], bytes]:
    """Compress a model, decode the bytes, and score [*shape, C] on the lattice, which counts as decoding: an object of
    the column `rates`, and the file that it is about.

    quantised_passes: how many of the passes that made its values saw them quantised.
    """
    start = time.perf_counter()
    data = compressed.encode(model, bits)
    between = time.perf_counter()
    decoded = compressed.decode(data).to(model.device)
    decoded.backend = model.backend
    answer = predict(decoded, lattice, activation_gib)
    end = time.perf_counter()
    numbers = (bits, len(data), psnr(answer), between - start, end - between, quantised_passes)
    return dict(zip(RATE, numbers, strict=True)), data
