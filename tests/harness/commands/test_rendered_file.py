"""Renderings as files: what other readers find in them."""

import numpy as np
import pytest

from common.errors import UsageError
from harness.__main__ import main
from harness.commands import rendered_file
from harness.commands.rendered_file import VOLUMES, check, encode
from target_signals.geometry import Geometry
from target_signals.user_file import READERS

TURN = np.array([[0.6, -0.8, 0.0, -10.0], [0.8, 0.6, 0.0, 20.0], [0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 0.0, 1.0]])
PLACED = TURN @ np.diag([0.5, 0.75, 2.5, 1.0])
VALUES = np.random.default_rng(0).normal(size=(6, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("suffix", VOLUMES)
@pytest.mark.parametrize(("unit", "scale"), [("mm", 1.0), ("µm", 1e-3), ("", 1.0)])
def test_a_volume_comes_back_with_its_place_in_space(tmp_path, suffix, unit, scale):
    path = tmp_path / f"v{suffix}"
    path.write_bytes(encode(VALUES, 3, suffix, Geometry(PLACED, unit)))
    found = READERS[suffix](path, None)
    assert found.kind == "volume"
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.geometry.unit == "mm"
    np.testing.assert_allclose(found.geometry.spacing, np.array([0.5, 0.75, 2.5]) * scale, rtol=1e-5)
    if suffix not in (".tif", ".tiff"):  # which has no directions
        np.testing.assert_allclose(
            found.geometry.affine, np.diag([scale, scale, scale, 1]) @ PLACED, rtol=1e-5, atol=1e-9
        )


@pytest.mark.parametrize("suffix", VOLUMES)
def test_of_a_volume_without_a_place_no_file_says_one(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    path.write_bytes(encode(VALUES, 3, suffix))
    found = READERS[suffix](path, None)
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.geometry is None


def test_a_volume_of_ones_own_is_rendered_where_its_file_was(run_py, tmp_path, capsys):
    """At twice the samples along an axis these lie half as far apart, the first one a quarter of a sample before."""
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(VALUES, PLACED)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "scan.nii.gz")
    words = ["--signal", tmp_path / "scan.nii.gz", "--models", "Grid", "--sizes", 100, "--steps", 2, "--save-model"]
    assert run_py(*words, "--preset", "quick", "--device", "cpu", "--out", tmp_path / "out")[0] == 0
    (model,) = tmp_path.glob("out/*/models/*.safetensors")
    capsys.readouterr()
    for shape, expected in (
        ((6, 5, 4), PLACED),
        ((12, 5, 4), PLACED @ np.array([[0.5, 0, 0, -0.25], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])),
    ):
        out = tmp_path / "v.nii.gz"
        line = ["render", str(model), "--out", str(out), "--shape", *map(str, shape), "--device", "cpu"]
        assert main(line) == 0
        apart = " × ".join(f"{n:.4g}" for n in np.linalg.norm(expected[:3, :3], axis=0))
        told = capsys.readouterr().out.splitlines()[0]
        assert told.startswith(f"wrote {out}: {'×'.join(map(str, shape))}, from")
        assert told.endswith(f", samples {apart} mm apart")
        found = nibabel.load(out)
        assert found.shape == shape
        np.testing.assert_allclose(found.affine, expected, atol=1e-6)
    for kept in tmp_path.glob("out/*/signals/*"):
        kept.unlink()
    assert main(line) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(", samples taken for 1 apart")


@pytest.mark.parametrize(
    ("shape", "channels", "suffix", "says"),
    [
        ((4, 4, 4), 3, ".nii", "3 channels make no volume; write a .npy file"),
        ((4, 4), 2, ".png", "2 channels make no picture; write a .npy file"),
        ((2048, 1024, 1024), 1, ".tif", "a TIFF file of a volume has at most"),
    ],
)
def test_what_no_such_file_can_hold_is_refused(shape, channels, suffix, says):
    with pytest.raises(UsageError, match=says):
        check(shape, len(shape), channels, suffix)


def test_a_format_whose_package_is_not_here_is_one_line(monkeypatch):
    monkeypatch.setattr(rendered_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"writing \.nrrd needs SimpleITK; pip install SimpleITK, or .*\[volumes\]"):
        check((4, 4, 4), 3, 1, ".nrrd")
    check((4, 4, 4), 3, 1, ".tif")
