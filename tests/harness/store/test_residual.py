"""Residual files: what comes back, what is refused although it could be read, and what is refused before it is."""

import hashlib
import io
import json
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from common.files import Unfit
from harness.store import residual as residuals
from harness.store.residual import encode, load_residual
from harness.store.store import Store

SHAPE = (24, 24, 1)


def residual(seed, shape=SHAPE):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def store(tmp_path, make_row):
    """A store with the rows `one` and `two`, each with its array."""
    store = Store(tmp_path, "2d_Sierpinski")
    store.prepare()
    for seed, key in enumerate(("one", "two")):
        store.write(key, make_row(shape=list(SHAPE)), residual(seed))
    return store


def test_the_row_names_its_array_by_the_sum_that_any_tool_gives(store):
    path = store.array_path("one")
    assert store.read("one")["residual_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert np.abs(load_residual(path, store.read("one")) - residual(0)).max() < 0.002


def test_equal_residuals_are_equal_bytes():
    assert encode(residual(0)) == encode(residual(0)) != encode(residual(1))


def test_swapped_files_are_found(store):
    one, two = store.array_path("one"), store.array_path("two")
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    for path, key in ((one, "one"), (two, "two")):
        load_residual(path)  # whole, of the right shape, and yet another row's
        with pytest.raises(Unfit, match="not the file that the row names"):
            load_residual(path, store.read(key))


def test_every_flipped_bit_is_found(store):
    path, row = store.array_path("one"), store.read("one")
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(Unfit):
            load_residual(path, row)


def test_an_old_row_without_a_checksum_loads(store):
    row = store.read("one")
    row["residual_sha256"] = None
    load_residual(store.array_path("one"), row)
    load_residual(store.array_path("one"), row | {"shape": None})
    with pytest.raises(Unfit, match=r"its shape is \[24, 24, 1\] and its row says \[24, 24, 3\]"):
        load_residual(store.array_path("one"), row | {"shape": [24, 24, 3]})


def header(shape, descr="<f2"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def archive(values, scale=None, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    one = io.BytesIO()
    np.save(one, np.float32(1))
    with zipfile.ZipFile(file, "w", compression) as made:
        made.writestr("residual.npy", values)
        made.writestr("scale.npy", one.getvalue() if scale is None else scale)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"\x80\x04K\x01.",
        archive(header((1 << 20, 1 << 20, 1))),
        archive(header((4, 4, 1)) + bytes(30)),
        archive(header((4, 4), "|O") + b"\x80\x04K\x01."),
        archive(header((4, 4, 1)) + bytes(32), scale=header((), "|O") + b"\x80\x04K\x01."),
        archive(header((4, 4, 1), "<f8") + bytes(128)),
        archive(header((4, -4, 1)) + bytes(32)),
        archive(header((0, 4, 1))),
        archive(header((4, 4, 1)) + b"\x00\x7c" + bytes(30)),
        archive(header((4, 4)) + bytes(32)),
    ],
    ids=["empty", "cut", "pickle", "vast", "short", "objects", "scale", "type", "negative", "none", "infinite", "flat"],
)
def test_strangers_files_are_one_line(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(Unfit) as caught:
        load_residual(path)
    assert "\n" not in str(caught.value)


def test_a_file_is_read_up_to_the_size_that_its_row_allows(store):
    """Two bytes a value and 4096 for headers; a tail of zeros beyond that is not read, whatever it hides."""
    path, row = store.array_path("one"), store.read("one") | {"residual_sha256": None}
    content = path.read_bytes()
    largest = 2 * 24 * 24 + 4096
    comment = largest - len(content)  # bytes that an archive may end with; their number stands before them
    path.write_bytes(whole := content[:-2] + comment.to_bytes(2, "little") + bytes(comment))
    assert np.abs(load_residual(path, row) - residual(0)).max() < 0.002
    path.write_bytes(whole + b"\0")
    with pytest.raises(Unfit, match="it has 5,249 bytes and at most 5,248 are read"):
        load_residual(path, row)


def test_no_residual_has_more_values_than_a_signal_may(store, monkeypatch):
    """With a row that claims so many, with one that claims nothing and without one."""
    path, row = store.array_path("one"), store.read("one")
    monkeypatch.setattr(residuals, "LARGEST", 24 * 24)
    load_residual(path)
    monkeypatch.setattr(residuals, "LARGEST", 24 * 24 - 1)
    for known in (row, row | {"shape": None}, None):
        with pytest.raises(Unfit, match=r"it is damaged: ValueError: 'residual' is float16 of shape \(24, 24, 1\)"):
            load_residual(path, known)


def test_a_file_beyond_any_residual_is_not_read(store, monkeypatch):
    path, row = store.array_path("one"), store.read("one")
    monkeypatch.setattr(residuals, "LARGEST", 10)
    monkeypatch.setattr(residuals, "HEADERS", 100)
    for known in (row, row | {"shape": None}, None):
        with pytest.raises(Unfit, match="bytes and at most 120 are read"):
            load_residual(path, known)


BOMB = """
import resource, sys
from common.files import Unfit
from harness.store.residual import load_residual
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_residual(sys.argv[1], {"shape": [1000, 1000, 1]})
except Unfit as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_bomb_is_not_unpacked(tmp_path, root):
    """2 GiB of zeros in 2 MB: the header alone is read."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, made.open("residual.npy", "w") as member:
        member.write(header((1 << 15, 1 << 15, 1)))
        for _ in range(256):
            member.write(bytes(1 << 20))
    ran = subprocess.run([sys.executable, "-c", BOMB, path], cwd=root, capture_output=True, text=True, check=True)
    said, megabytes = ran.stdout.splitlines()
    assert said.startswith("it is damaged: ")
    assert int(megabytes) < 50


def test_a_row_of_gigabytes_is_not_read(store, capsys):
    path = store.row_path("three")
    with path.open("wb") as file:
        file.truncate(8 << 30)  # sparse: it takes no room
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    from harness import __main__ as verbs

    assert verbs.main(["status", "--out", str(store.folder.parent)]) == 0
    assert "three.json: it has 8,589,934,592 bytes and at most 33,554,432 are read" in capsys.readouterr().out
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


def test_texts_that_no_terminal_prints_are_replaced(store, make_row):
    text = json.dumps(make_row(reason="\x1b[2J", item="a\ud800b"))
    store.row_path("three").write_text(text)
    row = store.read("three")
    assert (row["reason"], row["item"]) == ("\N{REPLACEMENT CHARACTER}[2J", "a?b")
    assert row["settings"] == {"lr": 0.1}


def test_whatever_numpy_is_told_in_a_session_what_is_tiny_becomes_0(tmp_path):
    with np.errstate(all="raise"):
        content = encode(np.array([[[1.0], [1e-30]]], dtype=np.float32))
    (tmp_path / "x.npz").write_bytes(content)
    assert load_residual(tmp_path / "x.npz").ravel().tolist() == [1.0, 0.0]
