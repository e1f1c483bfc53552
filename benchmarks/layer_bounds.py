"""What a kernel a layer must do at least at a point, forward and backward (models/kernels/network/layers_triton.py).

It is reckoned from the layers' widths and the formats in which values travel, and needs no device. Networks that run in
fewer kernels (models/kernels/network/narrow) move less.
"""

import itertools
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import triton
from torch import Tensor

from cost_table import markdown
from models.kernels.network.layers import Layer
from models.kernels.network.layers_kernels import STRIP
from models.kernels.network.layers_triton import tile_shape

HALF, SINGLE = 2, 4  # bytes of a number of 16 and of 32 bits
HEADINGS = "kernels", "moved, GB", "ms", "read by tiles, GB", "products, TFLOP", "ms", "bound, ms"


@dataclass(frozen=True)
class Work:
    """Of one kernel at one point.

    moved: bytes that memory has to move, each value read once and written once. read: bytes that the tiles read
    together: a tile of each strip of units reads the layer before anew, and a tile of each 128 points the weights.
    flop: of products of bf16 matrices.
    """

    moved: float
    read: float
    flop: float


def bounds(layers: Sequence[Layer], dim: int, parts: int, points: int, copy: float, peak: float) -> str:
    """A table of the kernels of one pass, by kind.

    parts: bf16 numbers of a value, 2 for the precision bf16x3 and 1 for bf16. copy: GB/s of memory. peak: TFLOP/s of
    bf16 products. A kernel's bound is the longer of its two times.
    """
    rows = [list(HEADINGS)]
    kinds = works(layers, dim, parts)
    for name, own in (kinds | {"all": list(itertools.chain(*kinds.values()))}).items():
        every = [Work(*(points * value for value in astuple(work))) for work in own]
        moved, read, flop = (sum(values) for values in zip(*map(astuple, every), strict=True))
        bound = sum(max(work.moved / copy / 1e6, work.flop / peak / 1e9) for work in every)
        numbers = moved / 1e9, moved / copy / 1e6, read / 1e9, flop / 1e12, flop / peak / 1e9, bound
        rows.append([name, *(f"{number:.3g}" for number in numbers)])
    return "\n".join(markdown(rows))


def works(layers: Sequence[Layer], dim: int, parts: int) -> dict[str, list[Work]]:
    """What the kernels of one update do: forward, backward, and the products for the gradients of the weights."""
    below = [None, *layers[:-1]]
    above = [*layers[1:], None]
    trained = [layer.weight.requires_grad or layer.bias.requires_grad for layer in layers]
    pairs = [i for i in range(1, len(layers)) if trained[i]]
    return {
        "forward": [forward(layer, below[i], dim, parts, trained[i]) for i, layer in enumerate(layers)],
        "backward": [backward(layer, above[i], dim, i == 0) for i, layer in enumerate(layers) if trained[i]],
        "weights": [product(layers[i].weight) for i in pairs],
    }


def forward(layer: Layer, below: Layer | None, dim: int, parts: int, trained: bool) -> Work:
    """It reads the layer below in `parts`, and writes its own values so, what backward needs, and sums for a head."""
    n, shape = len(layer.weight), tile_shape(len(layer.weight))
    tiles, products = triton.cdiv(n, shape["COLUMNS"]), 3 if parts == 2 else 1
    k = 0 if below is None else len(below.weight)
    coordinates = SINGLE * dim if below is None or layer.filter else 0
    saved = n if trained and layer.activation not in ("none", "relu") else 0
    sums = SINGLE * tiles * shape["COLUMNS"] // STRIP.value * _channels(layer)
    moved = coordinates + HALF * (parts * (k + n) + saved) + sums
    read = tiles * (coordinates + HALF * products * k) + HALF * products * n * k / shape["ROWS"]
    return Work(moved, read, 2 * products * n * k)


def backward(layer: Layer, above: Layer | None, dim: int, first: bool) -> Work:
    """It reads the gradient of the layer above and what forward kept, and writes its own gradient and sums."""
    n, shape, channels = len(layer.weight), tile_shape(len(layer.weight)), _channels(layer)
    tiles, depth = triton.cdiv(n, shape["COLUMNS"]), 0 if above is None else len(above.weight)
    shared = SINGLE * channels + (SINGLE * dim if first or layer.filter else 0)  # read by every strip of units
    value = n if channels or layer.activation in ("relu", "gabor") else 0  # the first of its parts
    kept = HALF * (value + (0 if layer.activation in ("none", "relu") else n))
    sums = SINGLE * n * (1 + channels + (dim if first else 0) + (1 if layer.filter else 0)) / shape["ROWS"]
    moved = HALF * depth + shared + kept + (0 if first else HALF * n) + sums
    read = tiles * (HALF * depth + shared) + kept + HALF * depth * n / shape["ROWS"]
    return Work(moved, read, 2 * depth * n)


def product(weight: Tensor) -> Work:
    """PyTorch's product of a layer's gradient and of the values below it, each in one part; its tiles are not known."""
    n, k = weight.shape
    return Work(HALF * (n + k), HALF * (n + k), 2 * n * k)


def _channels(layer: Layer) -> int:
    return 0 if layer.head is None else len(layer.head[0])
