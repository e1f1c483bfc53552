"""A user's own file: every format that is read, what is said of it, and one line for whatever cannot be."""

import contextlib
import errno
import gzip
import hashlib
import io
import lzma
import struct
import sys
import tracemalloc
import warnings
import zipfile
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as some
from PIL import Image

from common.errors import UsageError
from target_signals import user_file
from target_signals.item_names import name_of
from target_signals.readers import decoded

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (9, 12), dtype=np.uint8)
GREY[0, :2] = 0, 255
RGB = RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 2**16, (9, 12), dtype=np.uint16)
VOLUME = RNG.normal(size=(5, 4, 6)).astype(np.float32)


def nifti(array):
    nibabel = pytest.importorskip("nibabel")
    return nibabel.Nifti1Image(array, np.eye(4))


def load(path, length=None):
    """The signal, after what every signal must be."""
    signal = user_file.load_signal(path, length)
    assert signal.values.dtype == np.float32
    assert signal.values.flags.c_contiguous
    assert 0 <= signal.values.min() <= signal.values.max() <= 1
    assert signal.values.ndim == signal.dim + (signal.values.ndim > signal.dim)
    assert "\n" not in signal.source
    return signal


def scaled(values):
    values = values.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


PICTURES = {
    "grey.png": (Image.fromarray(GREY), GREY / 255, "8-bit grey, divided by 255"),
    "rgb.png": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "rgb.bmp": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "rgb.PPM": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "rgb.tif": (Image.fromarray(RGB), RGB / 255, "8-bit RGB, divided by 255"),
    "deep.png": (Image.fromarray(DEEP), DEEP / 65535, "16-bit grey, divided by 65535"),
    "deep.pgm": (Image.fromarray(DEEP), DEEP / 65535, "16-bit grey, divided by 65535"),
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


FLOATS = RNG.normal(size=(9, 12)).astype(np.float32)
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
def test_tiff_images(tmp_path, name):
    array, options, expected, source = TIFFS[name]
    photometric = "rgb" if array.ndim == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tiff", array, photometric=photometric, **options)
    signal = load(tmp_path / "a.tiff")
    assert np.abs(signal.values - expected).max() < 1e-6
    assert (signal.dim, signal.source) == (2, source)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32, np.float64, bool])
def test_tiff_volumes(tmp_path, kind):
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
def test_arrays(tmp_path, array, ending):
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


def test_length_shrinks(tmp_path):
    np.save(tmp_path / "a.npy", VOLUME)
    np.save(tmp_path / "b.npy", VOLUME > 0)
    Image.fromarray(RGB).save(tmp_path / "c.png")
    assert load(tmp_path / "a.npy", 3).values.shape == (2, 2, 3)
    small = load(tmp_path / "b.npy", 3)
    assert (small.values.shape, small.binary) == ((2, 2, 3), True)
    assert load(tmp_path / "c.png", 6).values.shape == (4, 6, 3)
    assert load(tmp_path / "c.png", 100).values.shape == (9, 12, 3)
    with pytest.raises(UsageError, match="length 1 is too short"):
        load(tmp_path / "c.png", 1)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape, descr="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def tiff(array, photometric="minisblack", **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric=photometric, **options)
    return file.getvalue()


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was run')",)


HOLE = VOLUME.copy()
HOLE[0, 0, :2] = np.nan, np.inf
FOUR = np.zeros((4, 9, 8, 3), dtype=np.uint16)
TENS = np.full((5, 5), 10, dtype=np.uint8)
BROKEN = {
    "empty.png": (b"", "cannot be used: it is empty"),
    "noise.png": (b"\x89PNG\r\n\x1a\n" + bytes(range(200)), "cannot be read as .png: "),
    "text.jpg": (b"hello", "cannot be used: its content is of none of PNG, JPEG"),
    "cut.png": (png(RGB)[:-200], "cannot be read as .png: OSError"),
    "constant.png": (png(TENS), "cannot be used: all its values are 10; there is nothing to fit"),
    "thin.png": (png(GREY[:1]), r"its shape is \(1, 12\) and every axis needs at least 2 samples"),
    "pixel.png": (png(RGB[:1, :1]), r"its shape is \(1, 1\) and every axis needs at least 2 samples"),
    "thin.npy": (npy(GREY[:1]), r"it has 1 axes beside those of 1, shape \(1, 12\); give 2 for a grey image"),
    "script.png": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "cannot be used: its content is of none of PNG, JPEG",
    ),
    "line.npy": (npy(np.arange(9.0)), r"it has 1 axes, shape \(9,\); give 2 for a grey image or 3 for a volume"),
    "four.npy": (npy(np.zeros((2, 2, 2, 2))), "it has 4 axes"),
    "point.npy": (npy(np.float32(1)), r"it has 0 axes, shape \(\)"),
    "none.npy": (npy(np.zeros((0, 4))), "every axis needs at least 2 samples"),
    "nan.npy": (npy(HOLE), "2 of its 120 values are NaN or infinite; replace them"),
    "constant.npy": (npy(np.ones((3, 3))), "all its values are 1.0; there is nothing to fit"),
    "complex.npy": (npy(np.ones((3, 3), complex)), "its values are of type complex128; save it as bool"),
    "words.npy": (npy(np.array([["a", "b"]] * 2)), "its values are of type str"),
    "dates.npy": (npy(np.zeros((2, 2), "M8[s]")), "its values are of type datetime64"),
    "rows.npy": (npy(np.zeros((2, 2), "f4,i4")), "its values are of type structured"),
    "object.npy": (header((2, 2), "|O") + b"\x80\x04", "its values are of type object"),
    "cut.npy": (npy(VOLUME)[:-1], "it is truncated: it ends before its last value"),
    "vast.npy": (header((2**20, 2**20)), "it has 1048576 × 1048576 values and at most 268,435,456 are read; give"),
    "less.npy": (header((-2, 4)), "every axis needs at least 2 samples|it has"),
    "head.npy": (npy(VOLUME)[:20], "cannot be read as .npy: ValueError"),
    "pickle.npz": (zipped("a.npy", header((2, 2), "|O")), "its values are of type object"),
    "vast.npz": (zipped("a.npy", header((2**20, 2**10))), "at most 268,435,456 are read"),
    "no.npz": (b"PK", "cannot be read as .npz: BadZipFile"),
    "rgb-stack.tif": (tiff(FOUR.astype(np.uint8), photometric="rgb"), "it has 4 pages in colour; save one"),
    "four.tif": (tiff(FOUR), r"shape \(4, 9, 8, 3\); give an image, or a grey volume"),
    "cut.tif": (tiff(DEEP)[:-50], "cannot be read as .tif: "),
    "inverse.tif": (tiff(DEEP, photometric="miniswhite"), "its colour model is MINISWHITE; save it as grey or RGB"),
    "complex.tif": (tiff(FLOATS.astype(complex)), "its values are of type complex128"),
    "no.nii": (b"1234" * 200, "its first four bytes are not those of NIfTI"),
    "no.nii.gz": (b"1234" * 200, "its first four bytes are not those of NIfTI"),
    "cut.nii.gz": (gzip.compress(bytes(500))[:20], "cannot be read as .nii.gz: "),
    "table.csv": (b"1,2", "is of no known format; known: .png .jpg"),
    "unnamed": (b"1,2", "is of no known format"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_used_is_one_line_that_says_why(tmp_path, name):
    if ".nii" in name:
        pytest.importorskip("nibabel")
    content, text = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=text) as caught:
        load(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickles_are_never_run(tmp_path):
    array = np.empty((2, 2), dtype=object)
    array[:] = Evil()
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError, match="its values are of type object"):
        load(tmp_path / "a.npy")


def test_broken_nifti_volumes(tmp_path):
    nifti(VOLUME).to_filename(tmp_path / "a.nii")
    (tmp_path / "cut.nii").write_bytes((tmp_path / "a.nii").read_bytes()[:-9])
    nifti(np.zeros((4, 4, 4, 3), np.float32)).to_filename(tmp_path / "time.nii")
    nifti(np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])).to_filename(tmp_path / "rgb.nii")
    with pytest.raises(UsageError, match=r"cannot be read as \.nii: "):
        load(tmp_path / "cut.nii")
    with pytest.raises(UsageError, match=r"it has 4 axes, shape \(4, 4, 4, 3\)"):
        load(tmp_path / "time.nii")
    with pytest.raises(UsageError, match="its values are of type structured"):
        load(tmp_path / "rgb.nii")


def test_a_decompression_bomb_is_not_opened(tmp_path, monkeypatch):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    for limit in (100, 40):  # Pillow warns above the limit and raises above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(UsageError, match=f"it has more than {limit} pixels, Pillow's limit against bombs"):
            load(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy", "a.npz", "a.nii"])
def test_sizes_are_judged_by_the_header(tmp_path, monkeypatch, name):
    path = tmp_path / name
    if name == "a.png":
        Image.fromarray(GREY).save(path)
    elif name == "a.tif":
        tifffile.imwrite(path, DEEP)
    elif name == "a.npy":
        np.save(path, FLOATS)
    elif name == "a.npz":
        np.savez(path, FLOATS)
    else:
        nifti(FLOATS).to_filename(path)
    monkeypatch.setattr(decoded, "LARGEST", 100)
    with pytest.raises(UsageError, match="values and at most 100 are read"):
        load(path)


ZEROS = 64 << 20  # bytes that unpack from a few thousand


@pytest.mark.parametrize("compression", ["deflate", "lzma"])
def test_a_part_of_a_tiff_that_unpacks_to_too_much_is_not_unpacked(tmp_path, compression):
    """A 16-bit image of 10 × 10 in one strip, of which far too much unpacks."""
    code, packed = {"deflate": (8, zlib.compress(bytes(ZEROS))), "lzma": (34925, lzma.compress(bytes(ZEROS)))}[
        compression
    ]
    tags = [(256, 10), (257, 10), (258, 16), (259, code), (262, 1), (273, 0), (277, 1), (278, 10), (279, len(packed))]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in tags)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    (tmp_path / "a.tif").write_bytes(head + entries + bytes(4) + packed)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="its compressed parts unpack to more than its size"):
            load(tmp_path / "a.tif")
        assert tracemalloc.get_traced_memory()[1] < ZEROS / 4
    finally:
        tracemalloc.stop()


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


@pytest.mark.parametrize("size", ["offset", "extension"])
def test_a_nifti_header_does_not_lead_far_away(tmp_path, size):
    """Neither to values behind gigabytes of zeros nor to an extension of so many."""
    nibabel = pytest.importorskip("nibabel")
    header = bytearray(nifti(VOLUME).header.binaryblock)
    struct.pack_into("<f", header, 108, 1 << 30 if size == "offset" else 1 << 10)
    content = (
        bytes(header) + b"\1\0\0\0" + struct.pack("<ii", 1 << 30, 6) + bytes((1 << 10) - 360) + VOLUME.tobytes("F")
    )
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    if size == "offset":
        with pytest.raises(UsageError, match=r"its values begin at byte .*, and at most 16,777,216 are"):
            load(tmp_path / "a.nii.gz")
    else:  # an extension that lies about its size is none of ours
        assert np.abs(load(tmp_path / "a.nii.gz").values - scaled(VOLUME)).max() < 1e-6
    assert nibabel is not None


@pytest.mark.parametrize("name", ["a.png", "a.npy", "a.tif"])
def test_a_picture_of_a_hundred_thousand_squared_is_not_held(tmp_path, name):
    """Headers alone, as whoever means harm would send them."""
    side = 100_000
    if name == "a.png":
        chunk = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        content += struct.pack(">I", 9) + b"IDAT"
    elif name == "a.npy":
        content = header((side, side)) + bytes(100)
    else:
        tags = [(256, side), (257, side), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, side), (279, 9)]
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        content = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=r"limit against bombs|at most 268,435,456 are read"):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("absent.png", "no file '.*absent.png'; give the path of an image or a volume"),
        ("", "is a folder without DICOM files; name one file in it"),
        ("x" * 5000 + ".png", "no file"),
        ("a\0.png", "no file"),
    ],
)
@pytest.mark.parametrize("use", [user_file.load_signal, user_file.item_of])
def test_paths_that_are_no_file(tmp_path, use, path, text):
    with pytest.raises(UsageError, match=text):
        use(f"{tmp_path}/{path}")


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


@pytest.mark.parametrize("use", [user_file.load_signal, user_file.item_of])
@pytest.mark.parametrize("name", ["a.png", "a.npy", "a.tif", "a.nii"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch, use, name):
    """By an error of the system, as tests may be run by somebody who may read everything."""
    (tmp_path / name).write_bytes(b"content")

    def refuse(*arguments, **named):
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr("pathlib.Path.open", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UsageError, match=r"a\.\w+' cannot be read: Permission denied; make it readable$"):
        use(tmp_path / name)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ModuleNotFoundError("No module named 'x'"),
            "without a package that is not here: Module",
        ),
        (MemoryError(), "it does not fit into memory; give a part of it or a smaller copy"),
        (NotImplementedError("sort 7"), "of a sort of .npy that is not read: NotImplementedError: sort 7; save it in"),
        (ValueError("bad"), "cannot be read as .npy: ValueError: bad; it may be damaged, save it again"),
    ],
)
def test_only_what_nothing_else_explains_may_be_damage(tmp_path, monkeypatch, error, says):
    def fail(path, dim):
        raise error

    (tmp_path / "a.npy").write_bytes(b"content")
    monkeypatch.setitem(user_file.READERS, ".npy", fail)
    with pytest.raises(UsageError, match=says):
        load(tmp_path / "a.npy")


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


STARTS = [
    b"",
    b"\x93NUMPY\x01\x00",
    b"PK\x03\x04",
    b"II*\x00\x08\x00\x00\x00",
    b"MM\x00*",
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"GIF89a",
]
STARTS += [
    b"RIFF\x00\x00\x00\x00WEBP",
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    b"P5 3 3 255\n",
    b"P6\n2 2\n65535\n",
    b"\x1f\x8b\x08",
]
STARTS += [png(RGB), png(DEEP), npy(VOLUME), zipped("a.npy", npy(FLOATS)), tiff(DEEP), tiff(VOLUME)]
STARTS += [tiff(WHITE, photometric="rgb", compression="zlib")]
QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.sampled_from(sorted(user_file.READERS)), st.sampled_from(STARTS), st.binary(max_size=80), st.data())
@QUIET
def test_random_bytes_give_a_signal_or_a_usage_error(tmp_path, ending, start, end, data):
    content = bytearray(start + end)
    for _ in range(data.draw(st.integers(0, 3), label="damages")):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a{ending}"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)), label="cut")]))
    with contextlib.suppress(UsageError):
        load(path)


def write_tiff(path, array):
    tifffile.imwrite(path, array, photometric="minisblack")


ANY_TYPE = st.one_of(some.scalar_dtypes(), some.byte_string_dtypes(max_len=3), some.array_dtypes(max_size=2))
SMALL = some.arrays(ANY_TYPE, some.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5))


@given(st.sampled_from([".npy", ".npz", ".tif"]), SMALL, st.sampled_from([None, 2, 3]))
@QUIET
def test_random_arrays_give_a_signal_or_a_usage_error(tmp_path, ending, array, length):
    path = tmp_path / f"a{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            {".npy": np.save, ".npz": np.savez, ".tif": write_tiff}[ending](path, array)
        except Exception:
            return  # TIFF has no such array
    with contextlib.suppress(UsageError):
        signal = load(path, length)
        assert array.dtype.kind in "biuf"
        dropped = array.size // 4 if "alpha dropped" in signal.source else 0
        assert length or signal.values.size == array.size - dropped
