"""Coordinate networks in Triton against their modules: values and every gradient."""

import pytest
import torch

import models
from harness.config import load_config
from harness.plan import model_settings
from target_signals import Lattice

kernels = pytest.importorskip("models.kernels.fused_mlp_triton", reason="Triton is not installed here")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CONFIG = load_config()


def make(name, dim, channels, width, **changed):
    settings = model_settings(CONFIG, name, "synthetic", 10_000)
    settings = type(settings)(**{**vars(settings), **changed})
    model = models.get_model(name)(settings, Lattice.regular((8,) * dim), channels, width)
    model.initialise(torch.Generator().manual_seed(0))
    return model.to(DEVICE)


def relative(ours, twin):
    return ((ours - twin).norm() / twin.norm().clamp(min=1e-6)).item()


def both(model, x):
    """Outputs and gradients of every parameter, of the kernels and of the twin in float64."""
    cotangent, results = None, []
    for backend in ("triton", "torch"):
        if backend == "torch":
            model, x = model.double(), x.double()
        model.backend = backend
        heads = model.heads(x)
        if cotangent is None:
            cotangent = torch.randn(heads.shape, generator=torch.Generator().manual_seed(2)).to(DEVICE)
        results.append((heads, *torch.autograd.grad(heads, list(model.parameters()), cotangent.to(heads))))
    return results


@pytest.mark.parametrize("name", ["Siren", "Wire", "BACON"])
@pytest.mark.parametrize(
    ("points", "dim", "channels", "width"),
    [
        (1, 2, 1, 5),
        (257, 2, 3, 57),
        (65, 3, 1, 70),
        pytest.param(100_003, 2, 1, 57, marks=pytest.mark.gpu),
        pytest.param(100_003, 3, 3, 182, marks=pytest.mark.gpu),
    ],
)
def test_the_network_is_its_modules_forward_and_backward(name, points, dim, channels, width):
    x = torch.rand(points, dim, generator=torch.Generator().manual_seed(1)).to(DEVICE) * 2 - 1
    ours, twin = both(make(name, dim, channels, width), x)
    assert relative(ours[0], twin[0]) < 1e-5
    for a, b in zip(ours[1:], twin[1:], strict=True):
        assert relative(a, b) < 1e-4
