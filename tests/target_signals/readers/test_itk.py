"""NRRD, MetaImage and DICOM: the values, what a stranger's header may not do, and packages that are not here."""

import locale
import struct
import sys
import zlib

import numpy as np
import pytest

from common.errors import UsageError
from target_signals import load_signal, user_file
from target_signals.readers import decoded
from tests.target_signals.files import scaled

sitk = pytest.importorskip("SimpleITK")
RNG = np.random.default_rng(0)
VOLUME = RNG.integers(-1000, 1000, (5, 6, 8)).astype(np.int16)
COLOURS = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
COLOURS[0, 0] = 255


def write(path, values, packed=False, colours=False):
    image = sitk.GetImageFromArray(values, isVector=colours)
    image.SetSpacing((0.5, 0.75, 2.0)[: image.GetDimension()])
    sitk.WriteImage(image, str(path), useCompression=packed)
    return path


def write_series(folder, volume, series="1.2.3.4", start=0, places=None, tags_of=None):
    """One DICOM file a slice, named against their order in space. Writing it sets the process's locale to C.

    places: in mm, of each slice. tags_of: other tags of some slices, by their index.
    """
    folder.mkdir(exist_ok=True)
    before = locale.setlocale(locale.LC_ALL)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for z, (slice_, place) in enumerate(zip(volume, places or 2.0 * np.arange(len(volume)), strict=True)):
        image = sitk.GetImageFromArray(slice_[None])
        image.SetSpacing((0.5, 0.75, 2.0))
        image.SetOrigin((0, 0, place))
        tags = {"0008|0060": "CT", "0020|000d": "1.2.3", "0020|000e": series, "0008|0018": f"{series}.{z}"}
        tags |= {"0020|0032": f"0\\0\\{place}", "0020|0037": "1\\0\\0\\0\\1\\0", "0020|0013": str(z)}
        tags |= (tags_of or {}).get(z, {})
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{start + len(volume) - z}.dcm"))
        writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", ["nrrd", "mha", "MHA"])
@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32, np.float64])
def test_a_volume(tmp_path, ending, packed, kind):
    values = np.abs(VOLUME // 4).astype(kind)
    path = write(tmp_path / f"a.{ending.lower()}", values, packed).rename(tmp_path / f"b.{ending}")
    signal = load_signal(path)
    assert (signal.kind, signal.dim, signal.values.shape) == ("volume", 3, VOLUME.shape)
    assert np.abs(signal.values - scaled(values)).max() < 1e-6
    assert np.dtype(kind).name in signal.source


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_an_image_a_slice_and_colours(tmp_path, ending):
    assert load_signal(write(tmp_path / f"a.{ending}", VOLUME[0])).values.shape == (6, 8)
    assert load_signal(write(tmp_path / f"b.{ending}", VOLUME[:1])).values.shape == (6, 8)
    signal = load_signal(write(tmp_path / f"c.{ending}", COLOURS, colours=True))
    assert (signal.kind, signal.channels) == ("image", 3)
    assert np.abs(signal.values - COLOURS / 255).max() < 1e-6
    with pytest.raises(UsageError, match="it has 2 values a sample; save one of them, or three as RGB"):
        load_signal(write(tmp_path / f"d.{ending}", COLOURS[..., :2], colours=True))
    with pytest.raises(UsageError, match="give an image, or a grey volume"):
        load_signal(write(tmp_path / f"e.{ending}", np.stack([COLOURS] * 3), colours=True))


def test_a_dicom_series_is_ordered_by_where_its_slices_lie(tmp_path):
    folder = write_series(tmp_path / "scan", VOLUME)
    (folder / "notes.txt").write_text("nothing")
    signal = load_signal(folder)
    assert (signal.kind, signal.values.shape) == ("volume", VOLUME.shape)
    assert np.abs(signal.values - scaled(VOLUME)).max() < 1e-6
    assert signal.source.startswith("DICOM, int16, scaled from")
    assert "; a series of 5 files" in signal.source
    one = load_signal(folder / "5.dcm")
    assert np.abs(one.values - scaled(VOLUME[0])).max() < 1e-6
    (folder / "5.dcm").rename(folder / "IM5")  # as scanners write them
    np.testing.assert_array_equal(load_signal(folder / "IM5").values, one.values)


def test_an_item_of_a_series_changes_with_any_of_its_files(tmp_path):
    folder = write_series(tmp_path / "scan", VOLUME)
    item = user_file.item_of(folder)
    assert item.startswith("scan-")
    assert user_file.item_of(folder) == item
    write_series(folder, VOLUME + (np.arange(5) == 3).astype(np.int16)[:, None, None])
    assert user_file.item_of(folder) != item


def test_a_folder_of_two_series_is_refused(tmp_path):
    write_series(tmp_path / "scan", VOLUME)
    write_series(tmp_path / "scan", VOLUME, "1.2.3.5", start=10)
    with pytest.raises(UsageError, match="it has 2 DICOM series; give a folder with the files of one"):
        load_signal(tmp_path / "scan")


def test_slices_that_are_not_equally_far_apart_are_said_to_be(tmp_path):
    told = "; its slices lie 2 to 6 mm apart, and are taken as equally far"
    assert told in load_signal(write_series(tmp_path / "gap", VOLUME, places=[0.0, 2.0, 8.0, 10.0, 12.0])).source
    near = write_series(tmp_path / "rounded", VOLUME, places=[0.0, 2.0, 4.05, 6.0, 8.0])
    nowhere = write_series(tmp_path / "nowhere", VOLUME, places=[0.0] * 5)
    assert "equally far" not in load_signal(near).source + load_signal(nowhere).source


def test_slices_of_several_volumes_are_refused(tmp_path):
    for name, places, apart in (("twice", [0.0, 2.0, 0.0, 2.0], "0 to 2"), ("scout", [0.0, 1.0, 2.0, 40.0], "1 to 38")):
        folder = write_series(tmp_path / name, VOLUME[:4], places=places)
        with pytest.raises(UsageError, match=f"its slices lie {apart} mm apart; give a folder with those of one"):
            load_signal(folder)
    across = write_series(tmp_path / "across", VOLUME, tags_of={0: {"0020|0037": "1\\0\\0\\0\\0\\-1"}})
    with pytest.raises(UsageError, match="its slices differ in size or direction"):
        load_signal(across)


def change(path, tag, value, following=b""):
    """Write another 16-bit value of a tag of group 28 into a DICOM file, and other elements behind it."""
    content = path.read_bytes()
    head = struct.pack("<HHI", 0x28, tag, 2)
    at = content.index(head) + len(head)
    path.write_bytes(content[:at] + struct.pack("<H", value) + following + content[at + 2 :])


def test_slices_with_scales_of_their_own_keep_their_values(tmp_path):
    """As PET's have. The first one's are whole numbers, which those of the others do not fit into."""
    folder, slopes = write_series(tmp_path / "scan", VOLUME), ("1.00", "0.25", "100 ", "1.00", "1.00")
    for z, slope in enumerate(slopes):
        scale = [struct.pack("<HHI4s", 0x28, tag, 4, n.encode()) for tag, n in ((0x1052, "0.00"), (0x1053, slope))]
        change(folder / f"{5 - z}.dcm", 0x103, 1, b"".join(scale))
    expected = VOLUME * np.array(slopes, dtype=float)[:, None, None]
    assert np.abs(load_signal(folder).values - scaled(expected)).max() < 1e-6


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_header_leads_to_no_other_file(tmp_path, ending):
    write(tmp_path / ("a.nhdr" if ending == "nrrd" else "a.mhd"), VOLUME)
    text = next(path for path in tmp_path.iterdir() if path.suffix in (".nhdr", ".mhd")).read_bytes()
    (tmp_path / f"b.{ending}").write_bytes(text + b"\n\n")
    with pytest.raises(UsageError, match="its header names another file for its values; save both in one file"):
        load_signal(tmp_path / f"b.{ending}")


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_sizes_are_judged_by_the_header(tmp_path, monkeypatch, ending):
    path = write(tmp_path / f"a.{ending}", VOLUME)
    monkeypatch.setattr(decoded, "LARGEST", 100)
    with pytest.raises(UsageError, match="5 × 6 × 8 × 1 values and at most 100 are read"):
        load_signal(path)


@pytest.mark.parametrize("ending", ["nrrd", "mha", "dcm"])
@pytest.mark.parametrize("content", [b"hello" * 99, b"NRRD0004\n", b""])
def test_what_is_none_of_these_is_one_line(tmp_path, ending, content):
    (tmp_path / f"a.{ending}").write_bytes(content)
    with pytest.raises(UsageError, match="cannot be used: "):
        load_signal(tmp_path / f"a.{ending}")


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_small_file_with_a_large_header_is_not_unpacked(tmp_path, ending):
    path = write(tmp_path / f"a.{ending}", VOLUME, packed=True)
    path.write_bytes(path.read_bytes().replace(b"8 6 5", b"800 600 500"))
    with pytest.raises(UsageError, match="its header speaks of more values than its bytes can hold"):
        load_signal(path)


def test_nor_is_a_dicom_file_whose_header_speaks_of_more(tmp_path):
    path = write_series(tmp_path / "scan", VOLUME) / "1.dcm"
    change(path, 0x10, 9999)  # rows
    change(path, 0x11, 9999)
    with pytest.raises(UsageError, match="its header speaks of more values than its bytes can hold"):
        load_signal(path)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_cut_file_may_be_damaged(tmp_path, capfd, ending):
    path = write(tmp_path / f"a.{ending}", VOLUME)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UsageError, match=rf"cannot be read as \.{ending}: .*may be damaged") as caught:
        load_signal(path)
    assert "SimpleITK-build" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("damage", ["one byte", "no size", "too few values", "one byte, compressed in another word"])
def test_compressed_values_that_itk_takes_from_elsewhere_are_refused(tmp_path, damage):
    """It reads such a MetaImage file without a word, and gives what was in memory."""
    path = write(tmp_path / "a.mha", VOLUME, packed=True)
    head, values = path.read_bytes().split(b"LOCAL\n")
    size = f"CompressedDataSize = {len(values)}\n".encode()
    assert size in head
    few = zlib.compress(bytes(100))
    head, values = {
        "one byte": (head, (wrong := values[:-1] + bytes([values[-1] ^ 1]))),
        "one byte, compressed in another word": (head.replace(b"CompressedData = True", b"CompressedData = T"), wrong),
        "no size": (head.replace(size, b""), values),
        "too few values": (head.replace(size, f"CompressedDataSize = {len(few)}\n".encode()), few),
    }[damage]
    path.write_bytes(head + b"LOCAL\n" + values)
    with pytest.raises(UsageError, match="its compressed values are damaged, or not as its header says"):
        load_signal(path)


@pytest.mark.parametrize("kind", [np.int16, np.float64])
def test_compressed_values_of_the_other_byte_order(tmp_path, kind):
    path, values = tmp_path / "a.mha", VOLUME.astype(kind)
    packed = zlib.compress(values.astype(values.dtype.newbyteorder(">")).tobytes())
    said = {"BinaryDataByteOrderMSB": True, "CompressedData": True, "CompressedDataSize": len(packed)}
    said |= {"DimSize": "8 6 5", "ElementType": "MET_SHORT" if kind is np.int16 else "MET_DOUBLE"}
    head = "".join(f"{key} = {value}\n" for key, value in ({"NDims": 3, "BinaryData": True} | said).items())
    path.write_bytes(head.encode() + b"ElementDataFile = LOCAL\n" + packed)
    assert np.abs(load_signal(path).values - scaled(VOLUME)).max() < 1e-6


def test_a_file_that_makes_itk_abort_is_one_line(tmp_path, capfd):
    path = write(tmp_path / "a.mha", VOLUME)
    path.write_bytes(path.read_bytes().replace(b"NDims = 3", b"NDims = 93"))
    with pytest.raises(UsageError, match=r"cannot be read as \.mha: .*may be damaged"):
        load_signal(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "scan"])
def test_without_simpleitk_it_is_named(tmp_path, monkeypatch, name):
    path = write_series(tmp_path / name, VOLUME) if name == "scan" else write(tmp_path / name, VOLUME)
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(UsageError, match="needs SimpleITK; pip install SimpleITK, or this suite as"):
        load_signal(path)
