"""TIFF: which way up, which bands, how many slices, and which packages a compression needs."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from common.errors import UsageError
from target_signals import load_signal
from tests.target_signals.files import scaled

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (9, 12), dtype=np.uint8)
DEEP = RNG.integers(0, 2**16, (9, 12), dtype=np.uint16)
GREY[0, 0], DEEP[0, 0] = 255, 65535
KINDS = {
    "8-bit grey": GREY,
    "16-bit grey": DEEP,
    "float32 grey": DEEP.astype(np.float32),
    "8-bit RGB": np.dstack([GREY, GREY[::-1], GREY[:, ::-1]]),
    "16-bit RGB": np.dstack([DEEP, DEEP[::-1], DEEP[:, ::-1]]),
}


def write(path, array, **options):
    photometric = "rgb" if array.ndim == 3 and array.shape[-1] in (3, 4) else "minisblack"
    tifffile.imwrite(path, array, **{"photometric": photometric} | options)
    return path


def white(array):
    return array / (255 if array.dtype == np.uint8 else 65535) if array.dtype.kind == "u" else scaled(array)


def upright(array, orientation):
    """The picture that Pillow makes of these pixels and this tag, channel by channel."""
    channels = []
    for channel in np.moveaxis(np.atleast_3d(array), -1, 0):
        picture = Image.fromarray(channel.astype(np.float32))
        picture.getexif()[274] = orientation
        channels.append(np.asarray(ImageOps.exif_transpose(picture)))
    return np.stack(channels, axis=-1).reshape(*channels[0].shape, *array.shape[2:]).astype(array.dtype)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_tag_says(tmp_path, kind, orientation, compression):
    array = KINDS[kind]
    path = write(tmp_path / "a.tif", array, compression=compression, extratags=[(274, "H", 1, orientation, True)])
    signal = load_signal(path)
    assert np.abs(signal.values - white(upright(array, orientation))).max() < 1e-6
    assert signal.source.startswith(kind)
    assert signal.source.endswith("turned as its orientation tag says") == (orientation > 1)


def test_a_palette_is_turned_as_well(tmp_path):
    """What Pillow reads: uncompressed, so that it would be mapped into memory."""
    palette = Image.fromarray(KINDS["8-bit RGB"]).quantize(8)
    palette.save(tmp_path / "a.tif", tiffinfo={274: 6})
    signal = load_signal(tmp_path / "a.tif")
    assert np.abs(signal.values - np.rot90(np.asarray(palette.convert("RGB")), -1) / 255).max() < 1e-6
    assert "; turned as" in signal.source


def test_an_orientation_that_there_is_not_turns_nothing(tmp_path):
    path = write(tmp_path / "a.tif", DEEP, extratags=[(274, "H", 1, 99, True)])
    assert load_signal(path).source == "16-bit grey, divided by 65535"


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("options", [{"imagej": True, "metadata": {"axes": "ZYX"}}, {}, {"volumetric": True}], ids=str)
def test_slices_behind_one_page_are_a_volume(tmp_path, kind, options):
    """ImageJ's hyperstack, tifffile's series, and one page with a depth; in pages of their own they are the same."""
    stack = np.stack([GREY, GREY[::-1], GREY // 2, GREY // 3]).astype(kind)
    if options.get("imagej"):
        path = truncated_imagej(tmp_path / "a.tif", stack)
    elif options:
        path = write(tmp_path / "a.tif", stack, tile=(4, 16, 16), **options)
    else:
        path = write(tmp_path / "a.tif", stack, truncate=True)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
    signal = load_signal(path)
    assert (signal.kind, signal.values.shape) == ("volume", (4, 9, 12))
    assert np.abs(signal.values - scaled(stack.astype(np.float64))).max() < 1e-6
    assert signal.source.startswith(f"4 pages of {stack.dtype.name}")


def truncated_imagej(path, stack):
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZYX"}, truncate=True)
    return path


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(("bands", "photometric"), [(2, "minisblack"), (5, "minisblack"), (5, "rgb"), (6, "rgb")])
def test_bands_that_are_no_alpha_are_refused(tmp_path, kind, bands, photometric):
    array = np.dstack([GREY] * bands).astype(kind)
    path = write(tmp_path / "a.tif", array, photometric=photometric, planarconfig="contig", extrasamples=None)
    with pytest.raises(UsageError, match=f"it has {bands} bands; save one of them as grey or three as RGB"):
        load_signal(path)


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("bits", [2, 4, 12])
def test_white_is_the_largest_number_of_so_many_bits(tmp_path, bits, bands):
    pytest.importorskip("imagecodecs", minversion="2026.3.6", reason="imagecodecs 2026.1 and older write no such files")
    array = (np.dstack([DEEP, DEEP[::-1], DEEP])[..., :bands] >> (16 - bits)).astype(
        np.uint8 if bits < 9 else np.uint16
    )
    array = array[..., 0] if bands == 1 else array
    signal = load_signal(write(tmp_path / "a.tif", array, bitspersample=bits))
    assert np.abs(signal.values - array / (2**bits - 1)).max() < 1e-6
    assert signal.source == f"{bits}-bit {'grey' if bands == 1 else 'RGB'}, divided by {2**bits - 1}"


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_dropped_beside_grey_or_rgb_is_said(tmp_path, kind):
    grey, rgb = GREY.astype(kind), np.dstack([GREY, GREY[::-1], GREY]).astype(kind)
    for array, extra, says in (
        (np.dstack([grey, grey]), "unassalpha", "alpha dropped"),
        (np.dstack([rgb, grey]), "assocalpha", "alpha dropped"),
        (np.dstack([rgb, grey]), "unspecified", "a fourth band dropped"),
    ):
        photometric = "rgb" if array.shape[-1] == 4 else "minisblack"
        path = write(tmp_path / "a.tif", array, photometric=photometric, extrasamples=[extra], planarconfig="contig")
        signal = load_signal(path)
        assert signal.source.split("; ")[1] == says
        assert (
            np.abs(signal.values - white(array[..., 0] if photometric == "minisblack" else array[..., :3])).max() < 1e-6
        )


LOWEST = "-3.4028234663852886e+38"  # of float32


@pytest.mark.parametrize(
    ("kind", "fill", "nodata", "told"),
    [
        (np.float32, -9999, "-9999", "-9999"),
        (np.float32, float(LOWEST), LOWEST, "-3.40282e+38"),
        (np.int16, -9999, "-9999", "-9999"),
        (np.float32, -9999, "1e40", None),
        (np.float32, -9999, "nothing", None),
        (np.uint8, 0, "-9999", None),
    ],
)
def test_values_that_a_geotiff_calls_missing_are_told(tmp_path, kind, fill, nodata, told):
    heights = GREY.astype(kind)
    heights[heights == fill] = 1
    heights[2, 3:6] = fill
    source = load_signal(write(tmp_path / "a.tif", heights, extratags=[(42113, "s", 0, nodata, True)])).source
    assert ("hint" in source) == (told is not None)
    assert told is None or f"; hint: 3 of its values are {told}, which it says are missing; fill them" in source


def test_channels_on_pages_of_their_own_are_no_volume(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([DEEP, DEEP]), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(UsageError, match="it has 2 channels on pages of their own; save one, or three as RGB"):
        load_signal(tmp_path / "a.tif")


# Pages that are not there


@pytest.mark.parametrize("share", [0.5, 0.7])
@pytest.mark.parametrize(
    "options",
    [{"compression": "zlib"}, {"imagej": True, "metadata": {"axes": "ZYX"}}, {"bigtiff": True}, {"byteorder": ">"}],
)
def test_a_stack_without_its_last_pages_is_no_smaller_one(tmp_path, options, share):
    path = write(tmp_path / "a.tif", np.stack([DEEP, DEEP[::-1], DEEP // 2, DEEP // 3]), **options)
    assert load_signal(path).values.shape == (4, 9, 12)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(
        UsageError, match=r"it is truncated: it ends before its last page|may be damaged, save it again"
    ):
        load_signal(path)


@pytest.mark.parametrize("other", ["b.ome.tif", "../b.ome.tif", "absent.ome.tif"])
def test_a_header_leads_to_no_other_file(tmp_path, other):
    """OME, whose pages may lie in several files."""
    (tmp_path / "folder").mkdir()
    names = ["a.ome.tif", other]
    pages = "".join(
        f'<TiffData FirstZ="{z}" PlaneCount="1"><UUID FileName="{name}">urn:{z}</UUID></TiffData>'
        for z, name in enumerate(names)
    )
    for z, name in enumerate(names):
        said = (
            f'<?xml version="1.0"?><OME UUID="urn:{z}"><Image><Pixels DimensionOrder="XYZCT" Type="uint16" SizeX="12" '
            f'SizeY="9" SizeZ="2" SizeC="1" SizeT="1">{pages}</Pixels></Image></OME>'
        )
        if not name.startswith("absent"):
            write(tmp_path / "folder" / name, DEEP, description=said, metadata=None)
    with pytest.raises(UsageError, match="1 of its 2 pages are not in it; save all in one file"):
        load_signal(tmp_path / "folder" / "a.ome.tif")


# Compressions


@pytest.mark.parametrize(("name", "array"), [("zstd", DEEP), ("webp", KINDS["8-bit RGB"])])
def test_what_needs_imagecodecs_is_read_with_it_and_names_it_without(tmp_path, monkeypatch, name, array):
    pytest.importorskip("imagecodecs")
    options = {"compressionargs": {"lossless": True}} if name == "webp" else {}
    path = write(tmp_path / "a.tif", array, compression=name, **options)
    assert np.abs(load_signal(path).values - white(array)).max() < 1e-6
    monkeypatch.setattr(tifffile.TIFF, "DECOMPRESSORS", Without())
    with pytest.raises(UsageError, match=rf"its compression {name.upper()} needs the package imagecodecs") as caught:
        load_signal(path)
    assert "damaged" not in str(caught.value)


class Without(dict):
    """tifffile's table of decompressors on a machine without the package."""

    def __missing__(self, key):
        raise KeyError(f"{key!r} requires the 'imagecodecs' package")


@pytest.mark.parametrize("array", [GREY, KINDS["8-bit RGB"], DEEP], ids=["grey", "rgb", "deep"])
def test_lzw_is_read_without_imagecodecs(tmp_path, monkeypatch, array):
    """By Pillow, which turns as well."""
    picture = Image.fromarray(array)
    picture.save(tmp_path / "a.tif", compression="tiff_lzw", tiffinfo={274: 6})
    monkeypatch.setattr(tifffile.TIFF, "DECOMPRESSORS", Without())
    signal = load_signal(tmp_path / "a.tif")
    assert np.abs(signal.values - white(np.rot90(array, -1))).max() < 1e-6
    assert "; turned as" in signal.source


def test_parts_with_a_size_of_their_own_are_not_unpacked(tmp_path):
    """A page of 16-bit grey whose part is a JPEG 2000 picture, of whatever size."""
    tags = [(256, 9), (257, 9), (258, 16), (259, 34712), (262, 1), (273, 8), (277, 1), (278, 9), (279, 9)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4))
    with pytest.raises(UsageError, match="its compression JPEG2000 has parts with a size of their own; save it un"):
        load_signal(tmp_path / "a.tif")
