"""Every registered synthetic signal keeps the contract of target_signals/base.py, and a new one as
`python -m harness new signal` writes it. Recorded ones: tests/target_signals/recorded, test_stand_ins.py."""

import numpy as np
import pytest

import target_signals
from common.errors import UsageError
from target_signals.base import GREATEST_BAND, LEAST_BAND, RecordedFamily
from target_signals.user_file import UserFile
from tests import own_files

LENGTH = {2: 21, 3: 15}
FAMILIES = map(target_signals.registry.get, target_signals.registry.names())
DIMS = {f.name: f.dims for f in FAMILIES if not issubclass(f, RecordedFamily) and f is not UserFile}
CASES = [(name, dim) for name, dims in [*DIMS.items(), (own_files.NEW["signal"], (2, 3))] for dim in dims]


@pytest.fixture(scope="module", autouse=True)
def new_signal(tmp_path_factory):
    with own_files.registered("signal", tmp_path_factory.mktemp("own")):
        yield


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}d")
def case(request):
    """A family, a dimension, and what makes it at a band and a seed."""
    name, dim = request.param
    family = target_signals.registry.get(name)

    def make(band=0.5, seed=1234):
        return target_signals.get_signal(name, dim, LENGTH[dim], band if family.bands else None, seed)

    return family, dim, make


def test_values_are_about_from_0_to_1_on_a_lattice_of_the_length_asked_for(case):
    family, dim, make = case
    for band in (LEAST_BAND, GREATEST_BAND) if family.bands else (None,):
        signal = make(band)
        assert signal.values.dtype == np.float32
        assert signal.values.shape[:dim] == signal.lattice.shape == (LENGTH[dim],) * dim
        assert signal.values.ndim in (dim, dim + 1)
        assert np.isfinite(signal.values).all()
        assert signal.values.min() > -0.5
        assert signal.values.max() < 1.5
        assert (signal.dim, signal.kind) == (dim, family.kind)
        assert all(ring.shape == signal.lattice.shape and ring.dtype == bool for ring in signal.rings)


def test_the_same_arguments_give_the_same_values_whatever_was_drawn_before(case):
    make = case[2]
    first = make().values
    np.random.seed(99)  # noqa: NPY002 the global stream is what must not move
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    np.testing.assert_array_equal(make().values, first)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_dial_is_a_dial(case):
    family, _, make = case
    if not family.bands:
        pytest.skip("has none")
    assert np.abs(make(LEAST_BAND).values - make(GREATEST_BAND).values).mean() > 1e-3


def test_what_there_is_not_is_one_line(case):
    family, dim, _ = case
    with pytest.raises(UsageError, match=f"^{family.name} does not exist with dim 4"):
        family.check(4, 10, None)
    with pytest.raises(UsageError, match="length 1 is too short"):
        family.check(dim, 1, None)
    with pytest.raises(UsageError, match="bandlimit"):
        family.check(dim, 10, 1.5)


@pytest.mark.parametrize("name", [own_files.NEW["signal"], "BandlimitedSignal", "SparseSphereSignal"])
def test_seeds_draw_different_signals(name):
    one, other = (target_signals.get_signal(name, 2, 21, 0.5, seed).values for seed in (1, 2))
    assert np.abs(one - other).mean() > 1e-3
