"""The compiled sine against numpy's in double precision.

Up to 8000 rad, far beyond any network's phases, the multiples of the parts of π are exact, and what is left is a few
roundings of values of at most 1.6: 2.5e-7. `torch.compile` with the back end `eager` decides what is called, as with
any other, and compiles nothing.
"""

import math
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.kernels.compiled import compiled
from models.kernels.network import sine

phases = st.floats(-8000, 8000, width=32)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def traced(function):
    return torch.compile(function, backend="eager", fullgraph=True)


def cosine_of(x):
    return sine.sine_of(x, 0.5)


@pytest.mark.parametrize(("ours", "exact"), [(sine.sine_of, np.sin), (cosine_of, np.cos)])
def test_values_are_those_of_the_sine(ours, exact):
    x = torch.linspace(-8000, 8000, 2_000_001)
    error = ours(x).double().numpy() - exact(x.double().numpy())
    assert np.abs(error).max() < 2.5e-7


@pytest.mark.parametrize(("ours", "exact"), [(sine.sine_of, np.sin), (cosine_of, np.cos)])
def test_next_to_multiples_of_a_quarter_turn(ours, exact):
    """Where the sign, the multiple of π or the greatest value changes: float32's neighbours of k·π/2."""
    middle = (np.arange(-5000, 5001) * np.pi / 2).astype(np.float32)
    x = np.concatenate([middle, np.nextafter(middle, np.float32(9e3)), np.nextafter(middle, np.float32(-9e3))])
    assert np.abs(ours(torch.from_numpy(x)).double().numpy() - exact(x.astype(float))).max() < 2.5e-7


@given(phases)
def test_any_phase(phase):
    x = torch.tensor(phase)
    assert abs(float(sine.sine_of(x)) - math.sin(float(x))) < 2.5e-7
    assert abs(float(cosine_of(x)) - math.cos(float(x))) < 2.5e-7


@given(st.lists(finite, min_size=1, max_size=50))
def test_no_finite_phase_gives_more_than_one(phases):
    x = torch.tensor(phases)
    both = torch.stack([sine.sine_of(x), cosine_of(x)])
    assert (both.abs() <= 1 + 1e-6).all()


def test_no_phase_of_any_magnitude_gives_more_than_one():
    """All exponents, the greatest float32 with them, where a multiple of π is beyond all precision."""
    magnitudes = np.exp2(np.linspace(-149, 127, 200_001)).astype(np.float32)
    x = torch.from_numpy(np.concatenate([magnitudes, -magnitudes, np.float32([3.4028235e38, -3.4028235e38])]))
    both = torch.stack([sine.sine_of(x), cosine_of(x)])
    assert (both.abs() <= 1 + 1e-6).all()


@pytest.mark.parametrize("phase", [math.nan, math.inf, -math.inf])
def test_what_is_no_phase_stays_visible(phase):
    x = torch.tensor([0.0, phase])
    assert sine.sine_of(x).isnan().tolist() == cosine_of(x).isnan().tolist() == [False, True]


def test_uncompiled_it_is_pytorchs_own():
    x = torch.linspace(-100, 100, 1001, requires_grad=True)
    assert torch.equal(sine.sine(x), torch.sin(x))
    assert torch.equal(sine.sine_values(x), torch.sin(x))
    assert not torch.equal(sine.sine_of(x), torch.sin(x)), "these arguments do not tell the two apart"
    sine.sine(x).sum().backward()
    assert torch.equal(x.grad, torch.cos(x))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # PyTorch's own tracing of a Function
def test_compiled_it_is_the_polynomial_and_its_gradient_the_cosine():
    x = torch.linspace(-300, 300, 10_001, requires_grad=True)
    cotangent = torch.rand(10_001, generator=torch.Generator().manual_seed(0)) - 0.5
    values = traced(sine.sine)(x)
    assert torch.equal(values, sine.sine_of(x))
    assert torch.equal(traced(sine.sine_values)(x), sine.sine_of(x))
    values.backward(cotangent)
    expected = cotangent.double().numpy() * np.cos(x.detach().double().numpy())
    np.testing.assert_allclose(x.grad, expected, rtol=0, atol=1e-6)


@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch's compiler needs g++ on a CPU")
def test_compiled_to_machine_code_it_is_as_exact():
    """A compiler that joins or reorders r - k·π₁ - k·π₂ - k·π₃ would lose what the three parts are for."""
    x = (torch.rand(100_000, generator=torch.Generator().manual_seed(1)) * 16_000 - 8000).requires_grad_()
    values = compiled(sine.sine)(x)
    values.sum().backward()
    exact = x.detach().double().numpy()
    np.testing.assert_allclose(values.detach(), np.sin(exact), rtol=0, atol=2.5e-7)
    np.testing.assert_allclose(x.grad, np.cos(exact), rtol=0, atol=2.5e-7)


@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch's compiler needs g++ on a CPU")
def test_its_gradient_stays_compiled_on_disk(tmp_path, monkeypatch):
    """PyTorch does not keep gradients that are written by hand unless it is told to."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    counted = torch._dynamo.utils.counters["aot_autograd"]

    def compile_anew():
        torch._dynamo.reset()
        counted.clear()
        compiled(sine.sine)(torch.ones(3, requires_grad=True)).sum().backward()
        return dict(counted)

    assert "autograd_cache_hit" not in compile_anew()
    assert compile_anew()["autograd_cache_hit"] == 1
