"""What the axes of an array mean, in a file and in memory; NIfTI by its content."""

import gzip

import numpy as np
import pytest
import torch
from PIL import Image

from common.errors import UsageError
from target_signals import load_signal
from target_signals.in_memory import from_memory

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8)
RGB[0, 0] = 0, 255, 1
GREY = RGB[..., 0]
LAST_AXIS = "its last axis taken as RGB; dim 3 takes it as one of space"


def save(path, array):
    if path.suffix == ".npz":
        np.savez(path, array)
    else:
        np.save(path, array)
    return path


@pytest.mark.parametrize("ending", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("array", "expected", "how"),
    [
        (RGB, RGB / 255, "divided by 255"),
        (RGB.astype(np.uint16) * 257, RGB / 255, "divided by 65535"),
        ((RGB / 300).astype(np.float32), RGB / 300, "from 0 to 1 as they are"),
        (RGB.astype(float), RGB / 255, "scaled from [0, 255] to [0, 1]"),
        (RGB > 99, RGB > 99, "0 and 1 as they are"),
        ((RGB > 99).astype(np.uint8), RGB > 99, "0 and 1 as they are"),
        (RGB[None], RGB / 255, "divided by 255"),
    ],
    ids=["uint8", "uint16", "unit floats", "floats", "bool", "masks", "one picture of a batch"],
)
def test_three_samples_on_the_last_axis_are_colours(tmp_path, ending, array, expected, how):
    path = save(tmp_path / f"a{ending}", array)
    signal = load_signal(path)
    assert (signal.kind, signal.dim, signal.channels) == ("image", 2, 3)
    assert np.abs(signal.values - expected).max() < 1e-6
    assert how in signal.source
    assert LAST_AXIS in signal.source
    solid = load_signal(path, dim=3)
    assert (solid.kind, solid.dim, solid.values.shape) == ("volume", 3, (9, 12, 3))
    assert "RGB" not in solid.source


def test_four_samples_are_colours_with_alpha(tmp_path):
    signal = load_signal(save(tmp_path / "a.npy", np.dstack([RGB, GREY])))
    assert (signal.values == RGB / np.float32(255)).all()
    assert signal.source.endswith("taken as RGBA; dim 3 takes it as one of space; alpha dropped")


def test_three_slices_are_a_volume_and_said(tmp_path):
    signal = load_signal(save(tmp_path / "a.npy", np.moveaxis(RGB, -1, 0)))
    assert (signal.dim, signal.values.shape) == (3, (3, 9, 12))
    assert signal.source.endswith("a volume of 3 slices; if these are colours, move that axis last")


def test_a_grey_picture_and_a_mask_of_uint8(tmp_path):
    assert (load_signal(save(tmp_path / "a.npy", GREY // 2)).values == (GREY // 2) / np.float32(255)).all()
    assert (load_signal(save(tmp_path / "b.npy", (GREY > 99).astype(np.uint8))).values == (GREY > 99)).all()


@pytest.mark.parametrize("shape", [(9, 12, 1), (1, 9, 12), (1, 9, 1, 12, 1)])
def test_axes_of_one_sample_are_dropped(tmp_path, shape):
    signal = load_signal(save(tmp_path / "a.npy", GREY.reshape(shape)))
    assert (signal.kind, signal.values.shape) == ("image", (9, 12))
    assert signal.source.endswith(f"shape {shape} without its axes of 1")


def test_an_axis_of_one_sample_in_nifti(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    nibabel.Nifti1Image(GREY[..., None], np.eye(4)).to_filename(tmp_path / "a.nii.gz")
    assert load_signal(tmp_path / "a.nii.gz").values.shape == (9, 12)
    nibabel.Nifti1Image(RGB, np.eye(4)).to_filename(tmp_path / "b.nii")  # whose format says that it is of space
    assert load_signal(tmp_path / "b.nii").values.shape == (9, 12, 3)


def test_nifti_is_unpacked_by_its_content(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    volume = RNG.normal(size=(4, 5, 6)).astype(np.float32)
    nibabel.Nifti1Image(volume, np.eye(4)).to_filename(tmp_path / "a.nii")
    content = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "packed.nii").write_bytes(gzip.compress(content))
    (tmp_path / "plain.nii.gz").write_bytes(content)
    expected = load_signal(tmp_path / "a.nii").values
    assert (load_signal(tmp_path / "packed.nii").values == expected).all()
    assert (load_signal(tmp_path / "plain.nii.gz").values == expected).all()


# In memory


def test_an_array_in_memory_is_read_as_a_file_is():
    for array, shape in ((RGB, (9, 12, 3)), (GREY, (9, 12)), (GREY[..., None], (9, 12))):
        signal, _ = from_memory(array)
        assert (signal.dim, signal.values.shape) == (2, shape)
        assert np.abs(signal.values - array.reshape(shape) / 255).max() < 1e-6
        assert signal.units == (0, 255)
    assert LAST_AXIS.replace("dim 3 takes", "channels_last=False takes") in from_memory(RGB)[0].source
    assert from_memory(RGB, channels_last=False)[0].dim == 3
    assert from_memory(RGB, channels_last=True)[0].dim == 2
    assert from_memory(RNG.uniform(size=(4, 5, 6, 7)), channels_last=True)[0].channels == 7


def test_floats_in_memory_stay_where_they_are_about_from_0_to_1():
    near = RNG.uniform(-0.1, 1.2, size=(8, 9))
    signal, _ = from_memory(near)
    assert (signal.values == near.astype(np.float32)).all()
    assert (signal.units, signal.source) == ((0, 1), "in memory, float64, as it is")


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64, np.float16])
def test_hounsfield_units_are_scaled_and_remembered(kind):
    values = RNG.integers(-1000, 1500, size=(5, 6, 7)).astype(kind)
    signal, _ = from_memory(values)
    low, high = signal.units
    assert (signal.values.min(), signal.values.max()) == (0, 1)
    assert np.abs(low + (high - low) * signal.values - values).max() < 1e-2
    assert "scaled from" in signal.source


def test_pillow_images():
    palette = Image.fromarray(RGB).quantize(4)
    for picture, expected in (
        (Image.fromarray(RGB), RGB),
        (Image.fromarray(GREY), GREY),
        (palette, np.asarray(palette.convert("RGB"))),
    ):
        signal, _ = from_memory(picture)
        assert (signal.values == expected / np.float32(255)).all()


def test_masked_values_are_refused_and_others_of_such_an_array_are_not():
    with pytest.raises(UsageError, match=r"cannot be used: 2 of its values are masked; fill them"):
        from_memory(np.ma.masked_less(np.arange(9.0).reshape(3, 3), 1.5))
    assert from_memory(np.ma.masked_less(np.arange(9.0).reshape(3, 3), -1))[0].values.max() == 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([[1, 2], [3]], "NumPy makes no array of it"),
        (torch.eye(3).to_sparse(), "NumPy makes no array of it"),
        (torch.empty(3, 3, device="meta"), "NumPy makes no array of it"),
        ([["photo", "png"]], "its values are of type str"),
        (np.zeros((2, 2), object), "its values are of type object"),
        (np.array([[1, np.inf], [0, 0.5]]), "1 of its 4 values are NaN or infinite"),
        (np.ones((4, 4)), "all its values are 1.0"),
    ],
)
def test_what_is_no_array_of_numbers_is_one_line(values, says):
    with pytest.raises(UsageError, match=f"the array cannot be used: {says}"):
        from_memory(values)


def test_an_image_without_channels_is_one_line():
    with pytest.raises(UsageError, match=r"its shape \(4, 5, 0\) has no channels; give 1 or more"):
        from_memory(np.zeros((4, 5, 0)), channels_last=True)
