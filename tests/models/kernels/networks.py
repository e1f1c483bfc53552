"""Networks of random layers in double precision, which fused ones are held to.

Values of two parts are good to some 2⁻¹⁵ of what is summed, values of one part and all gradients to some 2⁻⁸.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import torch

from models.kernels.network import layers
from models.kernels.network.layers import Layer
from tests.models.kernels.errors import relative

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
VALUES = {2: 1e-4, 1: 2e-2}  # relative errors, by number of parts
GRADIENTS = 5e-2
KINKED = 0.2  # where ReLUs of one part are on the other side of their kink

Heads = Callable[[Sequence[Layer], torch.Tensor, int], torch.Tensor]  # of layers, points and a number of parts


def draw_network(activation: str, dim: int, widths: list[int], channels: int, seed: int) -> list[Layer]:
    """A network with a head at every layer but the first, and with values that do not grow from layer to layer."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int, scale: float = 1.0, trained: bool = True) -> torch.Tensor:
        return (scale * torch.randn(shape, generator=rng, dtype=torch.float64)).to(DEVICE).requires_grad_(trained)

    small = 0.05 if activation == "gabor" else 1.0
    constants = {"gabor": (15.0, 10.0), "finer": (1 / 30, 0.0), "hosc": (4.0, 0.0)}.get(activation, (0.0, 0.0))
    first = "sine" if activation in ("filter", "relu", "none") else activation
    found = [Layer(draw(widths[0], dim, scale=small), draw(widths[0], scale=small), first, constants=constants)]
    for before, width in itertools.pairwise(widths):
        own = (draw(width, dim, trained=False), draw(width)) if activation == "filter" else None
        weight, bias = draw(width, before, scale=small * before**-0.5), draw(width, scale=small)
        head = draw(channels, width, scale=width**-0.5), draw(channels)
        found.append(Layer(weight, bias, activation, filter=own, constants=constants, head=head))
    return found


def with_one_head(network: list[Layer]) -> list[Layer]:
    """The same with a head at its last layer alone."""
    *others, last = network
    return [*(dataclasses.replace(layer, head=None) for layer in others), last]


def draw_points(n: int, dim: int) -> torch.Tensor:
    """Points [N, d] of [-1, 1]^d."""
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(DEVICE) * 2 - 1


def tensors(network: list[Layer]) -> list[torch.Tensor]:
    every = (x for one in network for x in (one.weight, one.bias, *(one.filter or ()), *(one.head or ())))
    return [x for x in every if x.requires_grad]


def single(network: list[Layer]) -> list[Layer]:
    """The same in float32, for the kernels; what layers share they still do."""
    made: dict[int, torch.Tensor] = {}

    def rounded(x):
        if isinstance(x, tuple):
            return tuple(map(rounded, x))
        if not isinstance(x, torch.Tensor):
            return x
        if id(x) not in made:
            made[id(x)] = x.detach().float().requires_grad_(x.requires_grad)
        return made[id(x)]

    return [Layer(**{name: rounded(value) for name, value in vars(one).items()}) for one in network]


def assert_same_values(
    heads: Heads, network: list[Layer], own: list[Layer], points: torch.Tensor, parts: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """A fused `heads` of `own`, which is the network in float32, and what it is in double precision."""
    found = heads(own, points.float(), parts)
    expected = layers.heads(network, points.split(1, dim=1))
    assert found.shape == expected.shape
    assert found.dtype == torch.float32
    assert relative(found, expected) < VALUES[parts]
    return found, expected


def assert_same(heads: Heads, network: list[Layer], points: torch.Tensor, parts: int, seed: int = 0) -> None:
    """Values and gradients of a fused `heads` are those in double precision."""
    own = single(network)
    found, expected = assert_same_values(heads, network, own, points, parts)
    towards = torch.randn(expected.shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)
    found_gradients = torch.autograd.grad(found, tensors(own), towards)
    kinked = parts == 1 and network[-1].activation == "relu"
    gradients = torch.autograd.grad(expected, tensors(network), towards.double())
    for ours, theirs in zip(found_gradients, gradients, strict=True):
        assert ours.shape == theirs.shape
        assert relative(ours, theirs) < (KINKED if kinked else GRADIENTS)
