"""Products in three float16 ones against double precision: as good as float32's, for values and sums over points."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.kernels.network.products import mm
from models.kernels.planes import fp16x3
from models.kernels.planes.fp16x3 import RUN
from tests.models.kernels.errors import relative

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
exponents = st.floats(-6, 6)  # of 10


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return (scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))).to(DEVICE)


def slots(x: torch.Tensor, scale: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    """x [N, k] → [N, slots, k], its first and second parts in an order."""
    parts = fp16x3.split(x, scale)
    return torch.stack([parts[i] for i in order], dim=1)


@given(st.floats(1e-30, 3e22) | st.just(0.0))
def test_a_scale_is_a_power_of_two_that_keeps_values_within_float16(bound):
    bound = torch.tensor(bound, dtype=torch.float32)
    scale = fp16x3.scale_for(bound)
    mantissa, exponent = torch.frexp(scale)
    assert mantissa == 0.5
    assert bound * scale < 2**15
    assert bound * scale >= 2**14 or abs(int(exponent) - 1) == fp16x3.MOST or bound == 0


@given(st.integers(0, 2**23 - 1), st.integers(0, 17))
def test_a_number_has_22_bits_also_where_others_are_much_larger(mantissa, smaller):
    """Any float32 number, up to 2¹⁷ times smaller than the bound."""
    x = torch.tensor((1 + mantissa / 2**23) * 2.0**-smaller, dtype=torch.float32)
    scale = fp16x3.scale_for(torch.tensor(1.999, dtype=torch.float32))
    first, second = (part.double() for part in fp16x3.split(x, scale))
    assert abs((first + second) / scale.double() - x.double()) <= 2**-22 * x


@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 70), exponents, exponents)
def test_products_are_as_good_as_float32s(points, a, b, x_exponent, weight_exponent):
    """Of two numbers, and of one and zeros and ones."""
    x, weight = draw(points, a, scale=10**x_exponent), draw(a, b, seed=1, scale=10**weight_exponent)
    mask = (x > 0).float()
    of_x, own = (fp16x3.scale_for(tensor.abs().max()) for tensor in (x, weight))
    first, second = fp16x3.split(weight, own)
    three = mm(slots(x, of_x, (0, 1, 0)).flatten(1), torch.cat([second, first, first])) / (of_x * own)
    two = mm(torch.cat([mask, mask], dim=1).half(), torch.cat([second, first])) / own
    for found, factor in ((three, x.double()), (two, mask.double())):
        bound = factor.abs() @ weight.double().abs()
        assert ((found.double() - factor @ weight.double()).abs() <= 2**-20 * bound).all()


def test_sums_over_points_are_as_good_as_float32s():
    n, a, b = 3 * RUN, 24, 40
    x = draw(n, a, scale=30.0)
    mask = (draw(n, b, seed=1) > 0).float()
    scale = fp16x3.scale_for(x.abs().max())
    found = fp16x3.over_points(torch.stack([mask, mask], dim=1).half(), slots(x, scale, (1, 0))) / scale
    expected = mask.double().T @ x.double()
    assert found.shape == (b, a)
    assert relative(found, expected) < 5e-6  # on tensor cores; float32's own sums reach 3e-6
    assert relative(mask.double().T @ x.half().double(), expected) > 1e-5, "one float16 product would do"
