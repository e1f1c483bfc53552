"""Products in three bf16 ones against double precision, and their gradients against products of bf16 factors.

Each factor is stored to 2⁻¹⁷ and the product of the second parts, up to 2⁻¹⁸, is left out: values are good to 2⁻¹⁵
of |x|·|W|, sums in float32 with them. Without the second parts it would be 2⁻⁸.
"""

import copy
import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models.kernels.compiled import compiled
from models.kernels.network import bf16x3
from models.kernels.network.aligned import ALIGNMENT, aligned, widened
from models.kernels.network.bf16x3 import LEAST_WIDTH, Bf16x3, linear
from models.kernels.network.sine import sine

widths = st.integers(LEAST_WIDTH, 70)
exponents = st.floats(-3, 3)  # of 10, for factors from 1e-3 to 1e3
quiet = pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # PyTorch's own tracing of a Function


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def exact(x: torch.Tensor, weight: torch.Tensor) -> np.ndarray:
    return x.double().numpy() @ weight.double().numpy().T


def rounded(x: torch.Tensor) -> np.ndarray:
    """x to the nearest number of bf16, ties to even, by its bits."""
    bits = x.detach().numpy().view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32).astype(float)


def network() -> nn.Sequential:
    """Odd widths, all of them wide enough but the last."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 37), nn.ReLU(), nn.Linear(37, 21), nn.ReLU(), nn.Linear(21, 3))


@given(st.integers(1, 40), widths, widths, exponents, exponents, st.integers(0, 1000))
def test_values_have_sixteen_bits(points, k, n, x_exponent, weight_exponent, seed):
    x = draw(points, k, seed=seed, scale=10**x_exponent)
    weight, bias = draw(n, k, seed=seed + 1, scale=10**weight_exponent), draw(n, seed=seed + 2)
    bound = 2**-15 * np.abs(x.double().numpy()) @ np.abs(weight.double().numpy()).T
    found = linear(x, weight)
    assert found.shape == (points, n)
    assert found.dtype == torch.float32
    assert (np.abs(found.numpy() - exact(x, weight)) <= bound).all()
    assert torch.equal(linear(x, weight, bias), found + bias)


@pytest.mark.parametrize("where", ["x", "weight"])
def test_one_number_alone_has_sixteen_bits(where):
    """Numbers halfway between two of bf16, and next to them, against a one: each factor's parts on their own."""
    bits = np.arange(0x3F800000, 0x3F820000, 0x80, dtype=np.int64)[:, None] + np.array([-1, 0, 1])
    numbers = torch.from_numpy(bits.astype(np.int32).view(np.float32).reshape(-1, 1))
    many, one = torch.zeros(len(numbers), LEAST_WIDTH), torch.zeros(LEAST_WIDTH, LEAST_WIDTH)
    many[:, :1], one[0, 0] = numbers, 1.0
    found = linear(many, one)[:, 0] if where == "x" else linear(one, many)[0]
    expected = numbers[:, 0].double().numpy()
    assert (np.abs(found.double().numpy() - expected) <= 2**-17 * expected).all()


def test_a_single_bf16_product_is_far_worse():
    x, weight = draw(200, 64), draw(48, 64, seed=1)
    one = (x.bfloat16().float() @ weight.bfloat16().float().T).numpy()
    errors = [np.abs(values - exact(x, weight)).mean() for values in (linear(x, weight).numpy(), one)]
    assert 50 * errors[0] < errors[1]


@given(widths, widths)
def test_gradients_are_products_of_rounded_factors(k, n):
    x, weight, bias = (
        draw(30, k).requires_grad_(),
        draw(n, k, seed=1).requires_grad_(),
        draw(n, seed=2).requires_grad_(),
    )
    gradient = draw(30, n, seed=3)
    linear(x, weight, bias).backward(gradient)
    # products of 8 bits by 8 are exact in float32, and sums of up to 70 good to 1e-5; rounding costs 1e-2
    np.testing.assert_allclose(x.grad, rounded(gradient) @ rounded(weight), rtol=0, atol=2e-5)
    np.testing.assert_allclose(weight.grad, rounded(gradient).T @ rounded(x), rtol=0, atol=2e-5)
    np.testing.assert_allclose(bias.grad, gradient.double().numpy().sum(0), rtol=0, atol=1e-5)
    assert np.abs(x.grad.numpy() - gradient.double().numpy() @ weight.detach().double().numpy()).max() > 1e-3


def test_what_needs_no_gradient_gets_none():
    x, weight = draw(6, 20), draw(18, 20, seed=1)
    for wanted, other in ((x, weight), (weight, x)):
        wanted.requires_grad_().grad = None
        other.requires_grad_(False).grad = None
        linear(x, weight).sum().backward()
        assert wanted.grad.shape == wanted.shape
        assert other.grad is None


@pytest.mark.parametrize("shape", [(LEAST_WIDTH - 1, 64), (64, LEAST_WIDTH - 1)])
def test_narrow_layers_stay_in_float32(shape):
    """The values and the gradients."""
    bias, cotangent = draw(shape[0], seed=2), draw(9, shape[0], seed=3)

    def values_and_gradients(product):
        x, weight = draw(9, shape[1]).requires_grad_(), draw(*shape, seed=1).requires_grad_()
        values = product(x, weight, bias)
        return values, *torch.autograd.grad(values, (x, weight), cotangent)

    for one, other in zip(values_and_gradients(linear), values_and_gradients(F.linear), strict=True):
        assert torch.equal(one, other)


def test_the_least_width_is_split():
    x, weight = draw(9, LEAST_WIDTH), draw(LEAST_WIDTH, LEAST_WIDTH, seed=1)
    assert not torch.equal(linear(x, weight), F.linear(x, weight))


@pytest.mark.parametrize("shape", [(), (1,), (5,), (5, 3), (2, 1, 4)])
def test_leading_axes_are_kept(shape):
    x, weight, bias = draw(*shape, 40), draw(24, 40, seed=1), draw(24, seed=2)
    found = linear(x, weight, bias)
    assert found.shape == (*shape, 24)
    assert torch.equal(found.reshape(-1, 24), linear(x.reshape(-1, 40), weight, bias))


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_no_points_have_no_values(shape):
    assert linear(draw(*shape, 40), draw(24, 40), draw(24)).shape == (*shape, 24)


def test_memory_in_any_order_gives_the_same():
    x, weight = draw(40, 30), draw(40, 24, seed=1)
    assert torch.equal(linear(x.T, weight.T), linear(x.T.contiguous(), weight.T.contiguous()))


def test_the_context_reaches_every_linear_layer_and_ends():
    layer, x = nn.Linear(40, 24), draw(5, 3, 40)
    plain = layer(x)
    with Bf16x3():
        inside = layer(x)
        with Bf16x3():
            assert torch.equal(layer(x), inside)
        assert torch.equal(layer(x), inside), "the inner one has ended the outer one, too"
    assert inside.shape == plain.shape
    assert torch.equal(inside, linear(x, layer.weight, layer.bias))
    assert 0 < (inside - plain).abs().max() < 1e-4
    assert torch.equal(layer(x), plain)


def test_the_context_ends_with_an_error_too():
    layer, x = nn.Linear(40, 24), draw(5, 40)
    plain = layer(x)
    with pytest.raises(KeyError), Bf16x3():
        raise KeyError
    assert torch.equal(layer(x), plain)


def test_the_gradient_may_be_asked_for_outside_the_context():
    layer, x = nn.Linear(40, 24), draw(30, 40)
    with Bf16x3():
        values = layer(x)
    cotangent = draw(30, 24, seed=1)
    values.backward(cotangent)
    np.testing.assert_allclose(layer.weight.grad, rounded(cotangent).T @ rounded(x), rtol=0, atol=2e-5)


@quiet
def test_a_traced_network_knows_whether_it_is_inside():
    """One compiled function, called inside and outside in turn, must not answer with what it was traced in first."""
    plain, x = network(), draw(50, 20, scale=3)
    fast = torch.compile(copy.deepcopy(plain), fullgraph=True, backend="aot_eager")
    cotangent = draw(50, 3, seed=1)

    def values_and_gradients(model):
        model.zero_grad()
        values = model(x)
        values.backward(cotangent)
        return [values, *(value.grad for value in model.parameters())]

    outside = values_and_gradients(plain)
    with Bf16x3():
        inside = values_and_gradients(plain)
    assert not torch.equal(inside[0], outside[0])
    for _ in range(2):
        with Bf16x3():
            found = values_and_gradients(fast)
        for one, other in zip(found, inside, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
        assert torch.equal(found[0], inside[0])
        assert torch.equal(values_and_gradients(fast)[0], outside[0])


@torch.library.custom_op("test_bf16x3::product", mutates_args=())
def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """What a GPU's product is to the compiler: a call whose bf16 factors lie in memory."""
    assert a.dtype == b.dtype == torch.bfloat16
    return a.float() @ b.float()


@product.register_fake
def _(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.empty(len(a), b.shape[1], device=a.device)


@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch's compiler needs g++ on a CPU")
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_compiled_network_keeps_the_second_parts(device, monkeypatch):
    """A compiler may leave out that a value is rounded to bf16 and back, and then nothing is left to add.

    On a CPU it would leave out the roundings before the product as well, and the values would be those of float32
    however the parts are made; so there the product is one that it cannot look into.
    """
    if device == "cpu":
        monkeypatch.setattr(bf16x3, "mm", product)
    torch.manual_seed(0)
    first, second = nn.Linear(20, 37, device=device), nn.Linear(37, 21, device=device)
    x = draw(50, 20, scale=3).to(device)

    def network(x: torch.Tensor) -> torch.Tensor:
        return second(sine(first(x)))

    expected, cotangent = network(x), draw(50, 21, seed=1).to(device)
    with Bf16x3():
        found, inside = compiled(network)(x), network(x)
    assert (found - expected).abs().max() < 1e-4
    assert (found - inside).abs().max() < 2e-5
    assert (inside - expected).abs().max() > 1e-6, "the network does not tell the two precisions apart"
    parameters = [*first.parameters(), *second.parameters()]
    for one, other in zip(
        torch.autograd.grad(found, parameters, cotangent),
        torch.autograd.grad(expected, parameters, cotangent),
        strict=True,
    ):
        assert (one - other).norm() < 1e-2 * other.norm()


@given(st.integers(1, 30), st.integers(1, 30))
def test_aligned_appends_zeros(rows, columns):
    x = draw(rows, columns)
    wide = aligned(x, 0, 1)
    assert all(n % ALIGNMENT == 0 and n - m < ALIGNMENT for n, m in zip(wide.shape, x.shape, strict=True))
    assert torch.equal(wide[:rows, :columns], x)
    assert wide.abs().sum() == pytest.approx(float(x.abs().sum()))
    assert aligned(x, 0).shape == (wide.shape[0], columns)


def test_a_widened_layer_answers_the_same():
    hidden, output, x = nn.Linear(5, 13), nn.Linear(13, 3), draw(7, 5)
    weight, bias = widened(hidden, scale=2.0)
    wide = F.linear(aligned(x, 1), weight, bias)
    torch.testing.assert_close(wide[:, :13], 2 * hidden(x))
    assert not wide[:, 13:].any()
    answer = F.linear(wide / 2, *widened(output, output=True))
    torch.testing.assert_close(answer, output(hidden(x)))
