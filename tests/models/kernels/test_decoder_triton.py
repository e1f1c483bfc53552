"""The decoder in Triton against its modules: values and every gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.models.kernels.errors import relative
from tests.models.kernels.gaps import with_gaps

kernels = pytest.importorskip("models.kernels.hash_grid.decoder_triton", reason="Triton is not installed here")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("points", "columns", "hidden"),
    [
        (1, 32, 64),
        (300, 5, 7),
        (257, 32, 64),
        (65, 64, 64),
        pytest.param(100_003, 32, 64, marks=pytest.mark.gpu),
        pytest.param(1_000_000, 9, 33, marks=pytest.mark.gpu),
    ],
)
def test_the_decoder_is_its_modules_forward_and_backward(points, columns, hidden, channels):
    assert_its_modules(points, columns, hidden, channels)


@given(st.integers(1, 150), st.integers(1, kernels.WIDEST), st.integers(1, kernels.WIDEST), st.integers(1, 5))
@settings(max_examples=10)
def test_it_is_its_modules_at_any_shape(points, columns, hidden, channels):
    assert_its_modules(points, columns, hidden, channels)


def assert_its_modules(points, columns, hidden, channels):
    torch.manual_seed(0)
    layers = nn.Linear(columns, hidden).to(DEVICE), nn.Linear(hidden, channels).to(DEVICE)
    features = torch.randn(points, columns, device=DEVICE, requires_grad=True)
    ours, twin = kernels.decode(features, *layers), layers[1](torch.relu(layers[0](features)))
    assert relative(ours, twin) < 1e-5
    cotangent, wanted = torch.randn_like(twin), [features, *layers[0].parameters(), *layers[1].parameters()]
    for a, b in zip(
        torch.autograd.grad(ours, wanted, cotangent), torch.autograd.grad(twin, wanted, cotangent), strict=True
    ):
        assert relative(a, b) < 1e-4


def test_weights_may_have_gaps_in_memory():
    torch.manual_seed(0)
    dense = nn.Linear(8, 16).to(DEVICE), nn.Linear(16, 3).to(DEVICE)
    sparse = nn.Linear(8, 16).to(DEVICE), nn.Linear(16, 3).to(DEVICE)
    for layer, other in zip(dense, sparse, strict=True):
        layer.bias.data, other.weight.data, other.bias.data = layer.bias, with_gaps(layer.weight), with_gaps(layer.bias)
    features = torch.randn(40, 8, device=DEVICE)
    assert torch.equal(kernels.decode(with_gaps(features), *sparse), kernels.decode(features, *dense))


def test_no_points_give_no_values_and_no_gradient():
    layers = nn.Linear(8, 16).to(DEVICE), nn.Linear(16, 1).to(DEVICE)
    values = kernels.decode(torch.empty(0, 8, device=DEVICE), *layers)
    assert values.shape == (0, 1)
    assert torch.autograd.grad(values.sum(), layers[0].weight)[0].abs().max() == 0
