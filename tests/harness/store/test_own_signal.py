"""What fits to a person's own files saw: kept once, found again by a row, and never trusted blindly."""

import numpy as np
import pytest

from common.errors import UsageError
from common.files import Unfit
from harness.store.own_signal import keep_signal, load_signal, signal_path
from target_signals.base import Signal
from target_signals.geometry import Geometry

ROW = {"signal": "UserFile", "dim": 2, "task": "fit", "item": "photo.png-0123abcd", "length": None}


@pytest.fixture
def signal():
    return Signal(np.random.default_rng(0).random((5, 7, 3), np.float32), 2, "image")


def test_a_signal_comes_back(tmp_path, signal):
    path = signal_path(tmp_path, ROW)
    keep_signal(path, signal)
    found = load_signal(path, 2)
    assert (found.values.dtype, found.dim, found.channels) == (np.float32, 2, 3)
    assert np.array_equal(found.values, signal.values)


@pytest.mark.parametrize("unit", ["µm", ""])
def test_where_its_samples_lie_comes_back(tmp_path, unit):
    place = Geometry(np.arange(16.0).reshape(4, 4), unit)
    keep_signal(tmp_path / "a.npz", Signal(np.zeros((5, 7, 3), np.float32), 3, "volume", geometry=place))
    found = load_signal(tmp_path / "a.npz", 3).geometry
    assert np.array_equal(found.affine, place.affine)
    assert found.unit == unit
    keep_signal(tmp_path / "b.npz", Signal(np.zeros((5, 7, 3), np.float32), 3, "volume"))
    assert load_signal(tmp_path / "b.npz", 3).geometry is None, "as of a file that an older version kept"
    np.savez(tmp_path / "c.npz", values=np.zeros((5, 7), np.float32), affine=np.eye(2), unit=np.zeros(1, np.uint8))
    assert load_signal(tmp_path / "c.npz", 2).geometry is None


def test_tasks_share_a_signal_and_lengths_and_items_do_not(tmp_path):
    path = signal_path(tmp_path, ROW)
    assert signal_path(tmp_path, ROW | {"task": "denoise_0.1", "length": float("nan")}) == path
    others = [{"length": 32}, {"item": "photo.png-0123abce"}, {"item": "../photo"}, {"item": ".-photo"}]
    paths = {signal_path(tmp_path, ROW | changes) for changes in others}
    assert len(paths - {path}) == len(others)
    assert {one.parent for one in paths} == {path.parent}


def test_what_is_there_stays(tmp_path, signal):
    path = signal_path(tmp_path, ROW)
    keep_signal(path, signal)
    keep_signal(path, Signal(np.zeros((5, 7), np.float32), 2, "image"))
    assert np.array_equal(load_signal(path, 2).values, signal.values)


def test_a_folder_that_cannot_be_written_is_a_users_mistake(tmp_path, signal):
    path = signal_path(tmp_path, ROW)
    path.parent.parent.mkdir()
    path.parent.touch()
    with pytest.raises(UsageError, match="signals"):
        keep_signal(path, signal)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"values": np.zeros((4, 4))}, "float64"),
        ({"values": np.zeros(4, np.float32)}, r"shape \(4,\)"),
        ({"values": np.zeros((0, 4), np.float32)}, r"shape \(0, 4\)"),
        ({"values": np.full((4, 4), np.nan, np.float32)}, "not finite"),
        ({"values": np.array([{}], object)}, "object"),
        ({"other": np.zeros((4, 4), np.float32)}, "values.npy"),
        (None, "damaged"),
    ],
)
def test_a_damaged_file_is_unfit(tmp_path, arrays, says):
    path = tmp_path / "a.npz"
    if arrays is None:
        path.write_bytes(b"PK no zip")
    else:
        np.savez(path, **arrays)
    with pytest.raises(Unfit, match=says):
        load_signal(path, 2)
