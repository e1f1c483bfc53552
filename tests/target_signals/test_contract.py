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
    name, band, dims = family.name, 0.5 if family.bands else None, " or ".join(map(str, family.dims))
    absent = [
        (d, 9, band, f"^{name} does not exist with dim {d}; it has dim {dims}$") for d in {1, 3, 4} - {*family.dims}
    ]
    absent += [(dim, length, band, f"^length {length} is too short") for length in (0, 1)]
    absent += [(dim, 9.0, band, "^length must be a whole number of samples, got 9.0$")]
    if family.bands:
        odd = (None, 0.0, 0.95, 1.0)
        absent += [(dim, 9, other, f"^{name} needs a bandlimit from 0.1 to 0.9, got {other}") for other in odd]
    else:
        absent.append((dim, 9, 0.5, f"^{name} has no bandlimit, got 0.5; leave it out$"))
    for dim, length, band, says in absent:
        with pytest.raises(UsageError, match=says):
            target_signals.get_signal(name, dim, length, band)


@pytest.mark.parametrize(
    ("name", "drawn", "binary", "rings"),
    [
        (own_files.NEW["signal"], True, False, 0),
        ("BandlimitedSignal", True, False, 0),
        ("SparseSphereSignal", True, True, 0),
        ("Sierpinski", False, True, 0),
        ("StarTarget", False, True, 9),
    ],
)
def test_what_sort_of_signal_it_is(name, drawn, binary, rings):
    family = target_signals.registry.get(name)
    band = 0.5 if family.bands else None
    one, other = (target_signals.get_signal(name, 2, 21, band, seed) for seed in (1, 2))
    assert (one.kind, one.channels, one.binary, len(one.rings)) == ("synthetic", 1, binary, rings)
    assert family.draws == drawn
    assert np.abs(one.values - other.values).mean() > 1e-3 if drawn else np.array_equal(one.values, other.values)
