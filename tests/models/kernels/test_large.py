"""Where kernels read and write in signals and tables that 32 bits cannot count, without having any of that size.

A kernel that stands here has nothing but one step of a shipped kernel, at a place far on.
"""

import mmap

import pytest
import torch

from models.kernels.network.layers import Layer
from tests.models.kernels.networks import draw_network, single, with_one_head
from tests.models.kernels.test_filters import SOLID
from tests.models.kernels.test_filters import draw as draw_filters

pytest.importorskip("triton", reason="Triton is not installed here")

import triton
import triton.language as tl

from models.kernels.gaussians import additive_kernels
from models.kernels.hash_grid import encoding_kernels
from models.kernels.network import layers_triton
from models.kernels.splats import rasterise_kernels

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
COUNTED = 2**31  # what 32 bits do not count
C = 3  # channels
_corner, _locate = encoding_kernels._corner, encoding_kernels._locate
_samples, _weigh = rasterise_kernels._samples, additive_kernels._weigh


@triton.jit
def weigh_kernel(axis, to, rows, columns, C: tl.constexpr):
    one = tl.full((1,), 1, tl.int32)
    gaussian, box = (0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0), (0, rows - 1, columns - 1, 1, 1)
    at, _, _, _, _, _, _, _ = _weigh(gaussian, box, 1, one - 1, axis, axis, axis, rows, columns)
    tl.store(to + tl.arange(0, 1), at * C)


def test_the_last_sample_of_a_large_lattice_in_colour():
    rows, columns, to = 40_000, 30_000, torch.zeros(1, dtype=torch.int64, device=DEVICE)
    weigh_kernel[(1,)](torch.zeros(rows, device=DEVICE), to, rows, columns, C=C)
    assert to.item() == (rows * columns - 1) * C > COUNTED


@triton.jit
def samples_kernel(axis, to, width, C: tl.constexpr):
    _, _, at, _, _ = _samples(axis, axis, width, 4, width // 8, 8, 4)
    tl.store(to + tl.arange(0, 32), at * C)


def test_the_first_tile_of_a_wide_image_in_colour():
    width, to = 1 << 29, torch.zeros(32, dtype=torch.int64, device=DEVICE)
    samples_kernel[(1,)](torch.zeros(8, device=DEVICE), to, width, C=C)
    assert to.max() == (3 * width + 7) * C > COUNTED


@triton.jit
def corner_kernel(to, offset, F: tl.constexpr):
    node, fraction = tl.arange(0, 1)[:, None], tl.zeros((1, 1), tl.float32)
    places = (node, node, node, fraction, fraction, fraction, 1, 1, 8, offset, False)
    row, _, _, _ = _corner(0, places, 2, True)
    tl.store(to + tl.arange(0, 1)[:, None], row * F)


def test_the_last_level_of_a_large_table():
    offset, to = 1 << 29, torch.zeros(1, dtype=torch.int64, device=DEVICE)
    corner_kernel[(1,)](to, offset, F=8)
    assert to.item() == offset * 8 > COUNTED


@triton.jit
def locate_kernel(x, to, first, D: tl.constexpr):
    p = first + tl.arange(0, 1)
    below, _ = _locate(x, p, p >= 0, D - 1, 7.0, tl.full((1, 1), 8, tl.int32), D)
    tl.store(to + tl.arange(0, 1)[:, None], below)


@pytest.mark.skipif(DEVICE == "cuda", reason="needs memory that is not there, which a GPU does not lend")
def test_coordinates_of_the_last_of_many_points():
    """Memory that nobody touches is not taken. The points lie in its middle: what is read below them is 0."""
    first = 1 << 30
    private, anonymous, no_reserve = 0x02, 0x20, 0x4000  # Linux's
    memory = torch.frombuffer(mmap.mmap(-1, 24 << 30, private | anonymous | no_reserve), dtype=torch.float32)
    x, to = memory[len(memory) // 2 :], torch.zeros(1, dtype=torch.int32)
    x[2 * first + 1] = 0.5
    locate_kernel[(1,)](x, to, first, D=2)
    assert to.item() == 4


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        (single(draw_network("gabor", 3, [64, 64], C, seed=0)), 2),
        (single(with_one_head(draw_network("gabor", 3, 3 * [96], C, seed=0))), 2),
        (single(with_one_head(draw_network("sine", 3, 4 * [56], C, seed=0))), 2),
        (single(draw_filters(SOLID, 40, 3, C)), 1),
    ],
    ids=["layer by layer", "gabor", "elementwise", "filters"],
)
def test_what_kernels_of_networks_read_and_write_at_once_is_counted_in_32_bits(network, parts, monkeypatch):
    """Tensors without values, as many as there are of the most points that are taken at once."""
    launched = []
    kind = type(layers_triton.forward_kernel)
    monkeypatch.setattr(kind, "run", lambda kernel, *arguments, **_: launched.append((kernel.__name__, arguments)))

    def without_values(x):
        if isinstance(x, tuple):
            return tuple(map(without_values, x))
        return x.detach().to("meta").requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x

    network = [Layer(**{name: without_values(value) for name, value in vars(one).items()}) for one in network]
    layers_triton.heads(network, torch.empty(layers_triton.MOST, 3, device="meta"), parts).sum().backward()
    assert {"forward_kernel", "backward_kernel"} <= {name for name, _ in launched}
    sizes = [x.numel() for _, arguments in launched for x in arguments if isinstance(x, torch.Tensor)]
    assert layers_triton.MOST < max(sizes) < COUNTED
