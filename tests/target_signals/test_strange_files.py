"""A user's own file that cannot be used, or means harm: one line that says why, and little memory."""

import contextlib
import errno
import gzip
import lzma
import struct
import tracemalloc
import warnings
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
from target_signals.readers import decoded
from tests.target_signals.files import (
    DEEP,
    FLOATS,
    GREY,
    RGB,
    VOLUME,
    header,
    load,
    nifti,
    npy,
    png,
    scaled,
    tiff,
    zipped,
)


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


def test_a_nifti_that_is_cut_or_no_volume_is_one_line(tmp_path):
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


def test_a_packed_nifti_with_another_checksum_is_damaged(tmp_path):
    nifti(VOLUME).to_filename(tmp_path / "a.nii.gz")
    content = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(content[:-8] + bytes([content[-8] ^ 1]) + content[-7:])
    with pytest.raises(UsageError, match=r"cannot be read as \.nii\.gz: .*CRC.*may be damaged"):
        load(tmp_path / "a.nii.gz")


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


@pytest.mark.parametrize("use", [user_file.load_signal, user_file.item_of])
@pytest.mark.parametrize("name", ["a.png", "a.npy", "a.tif", "a.nii", "a"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch, use, name):
    """By an error of the system, as tests may be run by somebody who may read everything."""
    (tmp_path / name).write_bytes(b"content")

    def refuse(*arguments, **named):
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr("pathlib.Path.open", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("target_signals.readers.tiff.OneFile", refuse)
    with pytest.raises(UsageError, match=r"a(\.\w+)?' cannot be read: Permission denied; make it readable$"):
        use(tmp_path / name)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModuleNotFoundError("No module named 'x'"), "without a package that is not here: Module"),
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


STARTS = [
    *(b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"II*\x00\x08\x00\x00\x00", b"MM\x00*", b"BM", b"GIF89a"),
    *(
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        b"P5 3 3 255\n",
        b"P6\n2 2\n65535\n",
    ),
    *(b"\x1f\x8b\x08", png(RGB), png(DEEP), npy(VOLUME), zipped("a.npy", npy(FLOATS)), tiff(DEEP), tiff(VOLUME)),
    tiff(np.dstack([DEEP] * 3), photometric="rgb", compression="zlib"),
]
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
