"""The wavelets by lifting: exact inverses, PyWavelets' 9/7 pair inside, and nearly an orthonormal basis."""

import numpy as np
import pytest
import torch

from models.lifting import analyse, synthesise
from tests.models.codecs import nine_seven_matrix


@pytest.mark.parametrize(("shape", "levels"), [((16, 16), 4), ((13, 10), 3), ((5, 2, 7), 1), ((9,), 3), ((1, 4), 0)])
def test_synthesis_inverts_analysis(shape, levels):
    values = torch.rand(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = analyse(values, levels)
    assert found.shape == values.shape
    torch.testing.assert_close(synthesise(found, levels), values)


@pytest.mark.parametrize("n", [2, 3, 5, 16, 33])
def test_one_level_is_the_nine_seven_pair_over_mirrored_samples(n):
    found = analyse(torch.eye(n, dtype=torch.float64), 1).T  # column after column, as n channels
    np.testing.assert_allclose(found, nine_seven_matrix(n), atol=1e-9)


def test_coefficients_have_about_the_energy_of_the_samples():
    values = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert analyse(values, 4).square().sum().item() == pytest.approx(values.square().sum().item(), rel=0.1)


def test_a_constant_has_no_details():
    found = analyse(torch.full((1, 24, 20), 0.7, dtype=torch.float64), 2)[0]
    torch.testing.assert_close(found[:6, :5], torch.full((6, 5), 0.7 * 4, dtype=torch.float64), atol=1e-5, rtol=0)
    found[:6, :5] = 0
    assert found.abs().max() < 1e-9
