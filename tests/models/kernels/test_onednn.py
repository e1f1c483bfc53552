"""oneDNN's products against double precision, of layers that it serves and of those that it must leave to PyTorch."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models.kernels.network import onednn
from models.kernels.network.onednn import LEAST_WIDTH, LONGEST_SUM, OneDnn, linear

pytestmark = pytest.mark.skipif(not onednn.serves(nn.Linear(1, 1)), reason="this PyTorch has no oneDNN")
widths = st.integers(LEAST_WIDTH, 70)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def gradients(layer, x, weight, bias):
    """Values, and gradients of a weighted sum of them, in the precision of what is given."""
    given = [values.clone().requires_grad_() for values in (x, weight, bias)]
    y = layer(*given)
    return y, *torch.autograd.grad(y, given, draw(*y.shape, seed=9).to(y.dtype))


@pytest.fixture
def products(monkeypatch):
    """The shapes of the products that oneDNN was asked for."""
    seen, inner = [], onednn.product
    monkeypatch.setattr(onednn, "product", lambda a, *b: (seen.append(tuple(a.shape)), inner(a, *b))[1])
    return seen


@given(st.integers(1, 300), widths, widths)
def test_values_and_gradients_are_those_of_double_precision(points, k, n):
    given = draw(points, k), draw(n, k, seed=1), draw(n, seed=2)
    exact = gradients(F.linear, *(values.double() for values in given))
    for found, wanted in zip(gradients(linear, *given), exact, strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-6 * max(points, k, n))


@pytest.mark.parametrize("shape", [(20,), (5, 20), (3, 4, 20), (0, 20), (3, 0, 20)])
def test_points_have_any_shape(shape):
    x, weight, bias = draw(*shape), draw(30, 20, seed=1), draw(30, seed=2)
    torch.testing.assert_close(gradients(linear, x, weight, bias), gradients(F.linear, x, weight, bias))
    torch.testing.assert_close(linear(x, weight), F.linear(x, weight))


def test_layouts_do_not_matter():
    """oneDNN takes memory as it lies, and some layouts for what they are not."""
    x, weight, bias = draw(1, 20).expand(50, 20), draw(20, 60, seed=1)[:, ::2].T, draw(1, seed=2).expand(30)
    torch.testing.assert_close(linear(x, weight, bias), F.linear(x, weight, bias))
    for found, wanted in zip(
        torch.autograd.grad(linear(draw(50, 20), leaf := nn.Parameter(weight), bias).sum(), leaf),
        torch.autograd.grad(F.linear(draw(50, 20), leaf, bias).sum(), leaf),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted)


def test_gradients_can_be_differentiated():
    """As a model's penalty on its slope would."""
    x, weight, bias, found = draw(4, 20), draw(30, 20, seed=1), draw(30, seed=2), []
    for layer in (linear, F.linear):
        given = [values.clone().requires_grad_() for values in (x, weight)]
        (slope,) = torch.autograd.grad(layer(*given, bias).square().sum(), given[0], create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), given))
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-2)


def test_a_mode_serves_layers_that_are_wide_enough(products):
    network = nn.Sequential(nn.Linear(2, 32), nn.Linear(32, 48), nn.Linear(48, 1))
    with OneDnn():
        y = network(draw(100, 2))
    assert products == [(100, 32)]
    y.sum().backward()
    assert products[1:] == [(100, 48), (48, 100)]  # to the values and to the weights of the one in the middle


def test_long_sums_are_left_to_pytorch(monkeypatch):
    x, weight = draw(4, LONGEST_SUM + 1), draw(20, LONGEST_SUM + 1, seed=1)
    monkeypatch.setattr(F, "linear", lambda *given: "PyTorch's")
    assert onednn.product(x, weight) == "PyTorch's"
    assert isinstance(onednn.product(x[:, 1:], weight[:, 1:]), torch.Tensor)


def test_other_types_are_left_to_pytorch(products):
    assert linear(draw(5, 20).double(), draw(30, 20).double()).dtype == torch.float64
    assert linear(draw(5, 20).bfloat16(), draw(30, 20).bfloat16()).dtype == torch.bfloat16
    assert products == []


def test_it_serves_models_with_linear_layers_on_the_cpu():
    class Values(nn.Module):
        def __init__(self):
            super().__init__()
            self.values = nn.Parameter(torch.zeros(3))

    assert not onednn.serves(Values())
    assert not onednn.serves(nn.Linear(20, 20, device="meta"))
    assert onednn.serves(nn.Sequential(nn.Linear(20, 20), nn.ReLU()))
