"""Sizes of voxels: kept from every format that has them, shown, and heeded where a volume is shrunk."""

import numpy as np
import pytest
import tifffile

from target_signals import load_signal
from target_signals.geometry import Geometry
from target_signals.shrink import shorter

VOLUME = np.random.default_rng(0).normal(size=(5, 6, 8)).astype(np.float32)
AFFINE = np.array([[0, 2.0, 0, 7], [-0.5, 0, 0, 8], [0, 0, 4.0, 9], [0, 0, 0, 1]])  # spacing 0.5, 2, 4


def close(geometry, spacing, unit):
    assert geometry.spacing == pytest.approx(spacing, rel=1e-6)
    assert geometry.unit == unit
    return True


def test_nifti_keeps_its_affine(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(VOLUME, AFFINE)
    image.header.set_xyzt_units("mm")
    image.to_filename(tmp_path / "a.nii.gz")
    signal = load_signal(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(signal.geometry.affine, AFFINE)
    assert close(signal.geometry, (0.5, 2, 4), "mm")
    assert signal.source.endswith("; samples 0.5 × 2 × 4 mm apart")
    nibabel.Nifti1Image(VOLUME[:, :1], AFFINE).to_filename(tmp_path / "b.nii")
    assert load_signal(tmp_path / "b.nii").geometry.spacing == pytest.approx((0.5, 4))


def test_itk_has_the_same_points_in_space(tmp_path):
    """A file that SimpleITK writes, in NRRD and NIfTI: each sample lies in one place."""
    sitk, nibabel = pytest.importorskip("SimpleITK"), pytest.importorskip("nibabel")
    image = sitk.GetImageFromArray(VOLUME)
    image.SetSpacing((0.5, 2.0, 4.0))
    image.SetOrigin((7.0, 8.0, 9.0))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    for name in ("a.nrrd", "a.mha", "a.nii"):
        sitk.WriteImage(image, str(tmp_path / name))
    x_first = load_signal(tmp_path / "a.nii")
    for name in ("a.nrrd", "a.mha"):
        z_first = load_signal(tmp_path / name)
        assert close(z_first.geometry, (4, 2, 0.5), "mm")
        assert (z_first.values == x_first.values.transpose(2, 1, 0)).all()
        np.testing.assert_allclose(z_first.geometry.affine, x_first.geometry.affine[:, [2, 1, 0, 3]], atol=1e-6)
    assert nibabel


@pytest.mark.parametrize(("units", "unit"), [(("um",) * 3, "µm"), (("parsec",) * 3, ""), (("mm", "mm", "um"), None)])
def test_nrrd_names_its_unit(tmp_path, units, unit):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(VOLUME)
    image.SetSpacing((0.5, 2.0, 4.0))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    header, _, values = (tmp_path / "a.nrrd").read_bytes().partition(b"\n\n")
    line = "\nspace units: " + " ".join(f'"{one}"' for one in units)
    (tmp_path / "a.nrrd").write_bytes(header + line.encode() + b"\n\n" + values)
    geometry = load_signal(tmp_path / "a.nrrd").geometry
    assert geometry is None if unit is None else close(geometry, (4, 2, 0.5), unit)


@pytest.mark.parametrize("size", [(6, 5, 1, 4), (1, 6, 5, 4), (6, 1, 1, 4)])
def test_an_axis_of_time_has_no_place_in_space(tmp_path, size):
    sitk = pytest.importorskip("SimpleITK")
    values = np.arange(np.prod(size), dtype=np.float32).reshape(size[::-1])
    image = sitk.GetImageFromArray(values, isVector=False)
    image.SetSpacing((0.5, 2.0, 4.0, 8.0))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    signal = load_signal(tmp_path / "a.mha", 5)
    assert signal.geometry is None
    assert max(signal.values.shape) == 5


def test_tiff_of_imagej_and_ome(tmp_path):
    options = {"resolution": (1 / 0.5, 1 / 0.25), "metadata": {"axes": "ZYX", "spacing": 3.0, "unit": "um"}}
    tifffile.imwrite(tmp_path / "a.tif", VOLUME, imagej=True, **options)
    assert close(load_signal(tmp_path / "a.tif").geometry, (3, 0.25, 0.5), "µm")
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 3.0, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(tmp_path / "b.ome.tif", VOLUME, metadata={"axes": "ZYX", **sizes})
    assert close(load_signal(tmp_path / "b.ome.tif").geometry, (3, 0.25, 0.5), "nm")
    sizes |= {"PhysicalSizeY": 250.0, "PhysicalSizeYUnit": "nm", "PhysicalSizeXUnit": "µm", "PhysicalSizeZUnit": "mm"}
    tifffile.imwrite(tmp_path / "d.ome.tif", VOLUME, metadata={"axes": "ZYX", **sizes})
    assert close(load_signal(tmp_path / "d.ome.tif").geometry, (3000, 0.25, 0.5), "µm")
    options["metadata"] |= {"zunit": "nm"}
    tifffile.imwrite(tmp_path / "e.tif", VOLUME, imagej=True, **options)
    assert close(load_signal(tmp_path / "e.tif").geometry, (0.003, 0.25, 0.5), "µm")
    tifffile.imwrite(tmp_path / "c.tif", VOLUME, photometric="minisblack", resolution=(72, 72), resolutionunit="INCH")
    assert load_signal(tmp_path / "c.tif").geometry is None, "dots an inch are those of a printer"


def test_formats_without_sizes_say_nothing(tmp_path):
    np.save(tmp_path / "a.npy", VOLUME)
    signal = load_signal(tmp_path / "a.npy")
    assert signal.geometry is None
    assert "apart" not in signal.source


@pytest.mark.parametrize("value", [np.nan, np.inf, 0, 1e30, 1e-30])
def test_what_no_volume_can_have_is_left_out(value):
    affine = AFFINE.copy()
    affine[:3, 0] = value
    assert Geometry.of(affine, "mm") is None
    assert Geometry.of(np.eye(4)) is None
    assert Geometry.regular((1, 1), ("mm", "mm")) is None
    assert Geometry.regular((1, 2), ("pixel", "mm")) is None


@pytest.mark.parametrize(
    ("shape", "length", "spacing", "expected"),
    [
        ((512, 512, 40), 128, (0.7, 0.7, 5.0), (128, 128, 40)),
        ((512, 512, 40), 128, (0.7, 0.7, 0.7), (128, 128, 10)),
        ((512, 512, 40), 128, None, (128, 128, 10)),
        ((100, 100), 50, (1.0, 2.0), (25, 50)),
        ((100, 100), 100, (1.0, 2.0), (100, 100)),
        ((10, 1000), 20, (90.0, 1.0), (10, 20)),
    ],
)
def test_coarse_axes_keep_their_samples(shape, length, spacing, expected):
    assert shorter(shape, length, spacing) == expected


def test_a_smaller_copy_fills_the_same_box(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    nibabel.Nifti1Image(np.random.default_rng(0).normal(size=(12, 8, 4)), affine).to_filename(tmp_path / "a.nii")
    whole, small = load_signal(tmp_path / "a.nii"), load_signal(tmp_path / "a.nii", 6)
    assert small.values.shape == (4, 3, 4), "its last axis is the longest, and has no more samples"
    for signal in (whole, small):
        n = np.array(signal.values.shape)
        corners = np.array([[-0.5] * 3 + [1], [*(n - 0.5), 1]]).T
        np.testing.assert_allclose((signal.geometry.affine @ corners)[:3].T, [[-0.5, -0.5, -2], [11.5, 7.5, 14]])
