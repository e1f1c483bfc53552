"""A user's own file: every format that is read, what is said of it, and its name. Others: test_strange_files.py."""

import hashlib
import os
import struct
import sys
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from common.errors import UsageError
from target_signals import user_file
from target_signals.item_names import name_of
from tests.target_signals.files import DEEP, FLOATS, GREY, RGB, RNG, VOLUME, load, nifti, scaled

PICTURES = {
    "grey.png": (Image.fromarray(GREY), GREY / 255, "8-bit grey, divided by 255"),
    "rgb.png": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "rgb.bmp": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "rgb.PPM": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "rgb.tif": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "deep.png": (Image.fromarray(DEEP), DEEP / 65535, "16-bit grey, divided by 65535"),
    "deep.pgm": (Image.fromarray(DEEP.astype(np.int32)), DEEP / 65535, "16-bit grey, divided by 65535"),
    "bits.png": (Image.fromarray(GREY > 99), GREY > 99, "1-bit grey, 0 and 1 as they are"),
    "alpha.png": (Image.fromarray(np.dstack([RGB, GREY])), RGB / 255, "8-bit RGB, divided by 255; alpha dropped"),
    "faint.png": (
        Image.fromarray(np.dstack([GREY, GREY]), "LA"),
        GREY / 255,
        "8-bit grey, divided by 255; alpha dropped",
    ),
}


@pytest.mark.filterwarnings("ignore:.*mode.*parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_without_loss(tmp_path, name):
    picture, expected, source = PICTURES[name]
    picture.save(tmp_path / name)
    signal = load(tmp_path / name)
    assert np.abs(signal.values - expected).max() < 1e-6
    assert (signal.kind, signal.dim, signal.source) == ("image", 2, source)


@pytest.mark.parametrize(
    ("name", "options"), [("a.jpg", {"quality": 95}), ("a.webp", {"lossless": True}), ("a.jpeg", {})]
)
def test_pictures_that_lose_something(tmp_path, name, options):
    smooth = np.uint8(np.add.outer(np.arange(64), np.arange(48))[..., None] * [1, 2, 1] + [5, 9, 2])
    Image.fromarray(smooth).save(tmp_path / name, **options)
    signal = load(tmp_path / name)
    assert np.abs(signal.values - smooth / 255).mean() < 0.02
    assert signal.source == "8-bit RGB, divided by 255"


def test_a_palette_becomes_colours(tmp_path):
    palette = Image.fromarray(RGB).quantize(8)
    palette.save(tmp_path / "a.png")
    signal = load(tmp_path / "a.png")
    assert (signal.values == np.asarray(palette.convert("RGB")) / np.float32(255)).all()
    assert signal.source == "8-bit RGB, divided by 255; palette turned into colours"
    palette.save(tmp_path / "b.gif", transparency=0)
    assert load(tmp_path / "b.gif").source == "8-bit RGB, divided by 255; palette turned into colours; alpha dropped"


def test_other_colour_models_become_rgb(tmp_path):
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.tif")
    signal = load(tmp_path / "a.tif")
    assert np.abs(signal.values - RGB / 255).max() < 0.01
    assert signal.source == "8-bit RGB, divided by 255; CMYK turned into RGB"


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif)
    signal = load(tmp_path / "a.png")
    assert (signal.values == np.rot90(GREY, -1) / np.float32(255)).all()
    assert signal.source.endswith("; turned as its EXIF data say")


def test_the_first_of_several_frames(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    signal = load(tmp_path / "a.webp")
    assert np.abs(signal.values[..., 0] - GREY / 255).max() < 0.01
    assert signal.source.endswith("the first of 2 frames")


@pytest.mark.parametrize(
    ("colours", "samples", "kept", "says"), [(2, 3, slice(None), "8-bit RGB"), (4, 2, 0, "8-bit grey")]
)
def test_sixteen_bits_of_colour_or_beside_alpha_are_said_to_be_cut(tmp_path, colours, samples, kept, says):
    """Written by hand: Pillow does not write such PNG files. colours: what PNG calls so, 4 for grey with alpha."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    deep = RNG.integers(0, 2**16, (4, 5, samples), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    head = struct.pack(">IIBBBBB", 5, 4, 16, colours, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    signal = load(tmp_path / "a.png")
    assert signal.values.shape == deep[..., kept].shape
    assert np.abs(signal.values - deep[..., kept] / 65535).max() < 0.01
    cut = "of 16 bits the upper 8 alone (a .tif file keeps all)"
    assert signal.source == f"{says}, divided by 255; {cut}{'; alpha dropped' if colours == 4 else ''}"


WHITE = np.dstack([DEEP] * 3)
SMALL_INTS = (GREY // 2).astype(np.int8)
TIFFS = {
    "grey 16": (DEEP, {}, DEEP / 65535, "16-bit grey, divided by 65535"),
    "colour 16": (WHITE, {}, WHITE / 65535, "16-bit RGB, divided by 65535"),
    "alpha 16": (np.dstack([DEEP] * 4), {}, WHITE / 65535, "16-bit RGB, divided by 65535; alpha dropped"),
    "planes": (np.stack([DEEP] * 3), {"planarconfig": "separate"}, WHITE / 65535, "16-bit RGB, divided by 65535"),
    "deflated": (DEEP, {"compression": "zlib"}, DEEP / 65535, "16-bit grey, divided by 65535"),
    "big endian": (DEEP, {"byteorder": ">"}, DEEP / 65535, "16-bit grey, divided by 65535"),
    "float": (FLOATS, {}, scaled(FLOATS), f"float32 grey, scaled from [{FLOATS.min():g}, {FLOATS.max():g}] to [0, 1]"),
    "int32": (SMALL_INTS.astype(np.int32) - 7, {}, scaled(SMALL_INTS), "int32 grey, scaled from [-7, 120] to [0, 1]"),
    "int8": (SMALL_INTS, {}, scaled(SMALL_INTS), "int8 grey, scaled from [0, 127] to [0, 1]"),
    "8 bits": (GREY, {}, GREY / 255, "8-bit grey, divided by 255"),
    "bool": (GREY > 99, {}, GREY > 99, "1-bit grey, 0 and 1 as they are"),
}


@pytest.mark.parametrize("name", TIFFS)
def test_a_tiff_image_is_scaled_by_its_type(tmp_path, name):
    array, options, expected, source = TIFFS[name]
    photometric = "rgb" if array.ndim == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tiff", array, photometric=photometric, **options)
    signal = load(tmp_path / "a.tiff")
    assert np.abs(signal.values - expected).max() < 1e-6
    assert (signal.dim, signal.source) == (2, source)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32, np.float64, bool])
def test_pages_of_a_tiff_are_a_volume(tmp_path, kind):
    array = (VOLUME > 0) if kind is bool else (VOLUME * 20 + 90).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack")
    signal = load(tmp_path / "a.tif")
    assert (signal.kind, signal.dim, signal.values.shape) == ("volume", 3, (5, 4, 6))
    assert np.abs(signal.values - scaled(array)).max() < 1e-6
    how = "0 and 1 as they are" if kind is bool else "scaled from"
    assert signal.source.startswith(f"5 pages of {array.dtype.name}, {how}")


ARRAYS = [VOLUME, VOLUME.astype(">f8"), VOLUME > 0, (VOLUME * 50).astype(np.int16), (VOLUME > 0).astype(np.uint8)]
ARRAYS += [np.asfortranarray(VOLUME), FLOATS, (VOLUME * 1e4).astype(np.int64) + 2**62, VOLUME.astype(np.float16)]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: array.dtype.str)
@pytest.mark.parametrize("ending", ["npy", "npz", "nii", "nii.gz"])
def test_an_array_is_scaled_from_its_own_range(tmp_path, array, ending):
    path = tmp_path / f"a.{ending}"
    if ending == "npy":
        np.save(path, array)
    elif ending == "npz":
        np.savez_compressed(path, array)
    else:
        if array.dtype == bool or array.dtype.itemsize == 2 or array.dtype == np.int64:
            pytest.skip("NIfTI has no such type, or nibabel wants it confirmed")
        nifti(array).to_filename(path)
    signal = load(path)
    binary = set(np.unique(array)) <= {0, 1}
    expected = array if binary else scaled(array - array.min() if array.dtype.kind == "i" else array)
    assert (signal.dim, signal.kind) == ((2, "image") if array.ndim == 2 else (3, "volume"))
    assert np.abs(signal.values - expected).max() < 1e-6
    assert ("0 and 1 as they are" in signal.source) == binary


def test_a_nifti_volume_may_have_an_empty_time_axis(tmp_path):
    nifti(VOLUME[..., None]).to_filename(tmp_path / "a.nii.gz")
    signal = load(tmp_path / "a.nii.gz")
    assert signal.values.shape == VOLUME.shape
    assert signal.source.endswith("; shape (5, 4, 6, 1) without its axes of 1")


def test_without_nibabel_it_is_named(tmp_path, monkeypatch):
    nifti(VOLUME).to_filename(tmp_path / "a.nii")
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(UsageError, match="reading NIfTI needs nibabel; pip install nibabel"):
        load(tmp_path / "a.nii")


def test_the_one_array_of_an_npz_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", density=VOLUME)
    assert "; array 'density'" in load(tmp_path / "a.npz").source
    np.savez(tmp_path / "a.npz", density=VOLUME, mask=VOLUME)
    with pytest.raises(UsageError, match=r"it has 2 arrays \(density, mask\) and must have one"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz")
    with pytest.raises(UsageError, match=r"it has 0 arrays \(none\)"):
        load(tmp_path / "a.npz")


def test_ranges_that_floats_cannot_hold(tmp_path):
    for array, expected in (
        (np.array([[-(2**63), 2**63 - 1], [0, 0]]), [[0, 1], [0.5, 0.5]]),
        (np.array([[2**64 - 2, 2**64 - 1], [2**64 - 1, 2**64 - 2]], dtype=np.uint64), [[0, 1], [1, 0]]),
        (np.array([[-1.7e308, 1.7e308], [0, 0]]), [[0, 1], [0.5, 0.5]]),
        (np.array([[0, 5e-324], [0, 0]]), [[0, 1], [0, 0]]),
    ):
        np.save(tmp_path / "a.npy", array)
        assert load(tmp_path / "a.npy").values.tolist() == expected


def test_a_length_shrinks_and_never_enlarges(tmp_path):
    np.save(tmp_path / "a.npy", VOLUME)
    np.save(tmp_path / "b.npy", VOLUME > 1.5)
    Image.fromarray(RGB).save(tmp_path / "c.png")
    assert load(tmp_path / "a.npy", 3).values.shape == (2, 2, 3)
    small = load(tmp_path / "b.npy", 3)
    assert (small.values.shape, small.binary) == ((2, 2, 3), True)
    assert small.source.endswith("; 1 in the smaller copy where any part was 1")
    assert "any part" not in load(tmp_path / "a.npy", 3).source + load(tmp_path / "b.npy").source
    assert load(tmp_path / "c.png", 6).values.shape == (4, 6, 3)
    assert load(tmp_path / "c.png", 100).values.shape == (9, 12, 3)
    with pytest.raises(UsageError, match="length 1 is too short"):
        load(tmp_path / "c.png", 1)


def test_a_mask_that_is_whole_once_it_is_shrunk_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.indices((6, 6, 6)).sum(axis=0) % 2 == 0)
    with pytest.raises(UsageError, match=r"a\.npy' is 1 everywhere at length 3; give a larger length"):
        load(tmp_path / "a.npy", 3)


@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_of_both_sorts_and_orders(tmp_path, kind, order):
    nibabel = pytest.importorskip("nibabel")
    image = getattr(nibabel, kind)(VOLUME.astype(f"{order}f4"), np.eye(4))
    image.header.set_data_dtype(f"{order}f4")
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"said"))
    image.to_filename(tmp_path / "a.nii.gz")
    assert np.abs(load(tmp_path / "a.nii.gz").values - scaled(VOLUME)).max() < 1e-6
    scaled_image = getattr(nibabel, kind)(VOLUME, np.eye(4))
    scaled_image.header.set_data_dtype(np.int16)  # values are then stored with a slope and an intercept
    scaled_image.to_filename(tmp_path / "b.nii")
    assert np.abs(load(tmp_path / "b.nii").values - scaled(VOLUME)).max() < 1e-3


def test_an_item_is_the_name_as_people_read_it_and_its_contents_sum(tmp_path):
    for name, called in (
        ("photo.jpg", "photo.jpg"),
        ("my photo (1).PNG", "my photo (1).PNG"),
        ("Straße é 山.png", "Straße é 山.png"),
        ("-a$b$\\\n\x1b[1m\udcff.png", "-a_b____[1m_.png"),
        ("x" * 200 + ".npy", "x" * 56 + ".npy"),
    ):
        (tmp_path / name).write_bytes(b"content")
        item = user_file.item_of(tmp_path / name)
        assert item == f"{called}-{hashlib.sha256(b'content').hexdigest()[:8]}"
        assert name_of(item) == called
    (tmp_path / "photo.jpg").write_bytes(b"other")
    assert user_file.item_of(tmp_path / "photo.jpg") != "photo.jpg-ed7002b4"
    (tmp_path / "notes.txt").write_bytes(b"content")
    with pytest.raises(UsageError, match="is of no known format"):
        user_file.item_of(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("most", "factor"), [(4095, 16), (4096, 15), (1023, 64), (16383, 4), (16384, None), (65535, None)]
)
def test_a_sixteenth_of_the_range_is_remarked_on(tmp_path, most, factor):
    values = (DEEP // 2**8 * (most // 255)).astype(np.uint16)
    values[0, 0] = most
    Image.fromarray(values).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", values)
    for name in ("a.png", "a.tif"):
        source = load(tmp_path / name).source
        assert ("hint" in source) == (factor is not None)
        if factor:
            assert f"its largest value is {most}, so 1/{factor} of the range is used; multiply it by" in source


@pytest.mark.parametrize(("share", "told"), [(0.005, True), (0.02, False)])
def test_a_high_dynamic_range_is_remarked_on(tmp_path, share, told):
    values = np.random.default_rng(1).uniform(0, 1, (40, 50))
    values.flat[: round(share * values.size)] = 30.0
    for name, content in (("a.npy", values), ("log.npy", np.log(values + 1e-3))):
        np.save(tmp_path / name, content)
    assert ("of a high dynamic range give the logarithm" in load(tmp_path / "a.npy").source) == told
    assert "hint" not in load(tmp_path / "log.npy").source
    np.save(tmp_path / "mask.npy", (values > 1).astype(np.float32))
    assert "hint" not in load(tmp_path / "mask.npy").source


@pytest.mark.parametrize(
    ("head", "cut"), [("P6 5 4 65535\n", True), ("P6\n# a\n5 4 # b\n1023\n", True), ("P6 5 4 255\n", False)]
)
def test_a_ppm_of_more_than_eight_bits_says_what_is_used(tmp_path, head, cut):
    white = int(head.split()[-1])
    deep = RNG.integers(0, white + 1, (4, 5, 3), dtype=np.uint16)
    (tmp_path / "a.ppm").write_bytes(head.encode() + deep.astype(">u2" if white > 255 else "u1").tobytes())
    signal = load(tmp_path / "a.ppm")
    assert np.abs(signal.values - deep / white).max() < 0.01
    assert ("of 16 bits the upper 8 alone" in signal.source) == cut


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("nowhere.png")], ids=["pipe", "broken link"])
def test_what_is_there_and_no_file_is_told_so(tmp_path, make):
    make(tmp_path / "photo.png")
    with pytest.raises(UsageError, match=r"photo\.png' is no regular file, or a link to none; give the path of"):
        user_file.load_signal(tmp_path / "photo.png")
