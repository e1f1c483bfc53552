"""`merge`: a union of stores in which nothing is lost, nothing overwritten, and every choice is said."""

import json
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness import __main__ as verbs
from harness.commands import merge as merging
from harness.store.own_signal import keep_signal, load_signal, signal_path
from harness.store.parquet import read_rows
from harness.store.residual import load_residual
from harness.store.scan import gather
from harness.store.store import Store
from target_signals.base import Signal
from tests.harness.paper_rows import keep, paper_rows, write_rows
from tests.harness.refused import refused

FOLDER = "2d_Sierpinski"


def residual(value):
    return np.full((24, 24, 1), value, np.float32)


@pytest.fixture
def make_store(tmp_path, make_row):
    """`make_store("a", one={...}, two={...})`: a store of rows with these changes, each with an array."""

    def make(name, **rows):
        store = Store(tmp_path / name, FOLDER)
        store.prepare()
        for key, changes in rows.items():
            row = make_row(**changes)
            store.write(key, row, residual(row["psnr"]) if row["status"] == "ok" else None)
        return tmp_path / name

    return make


def merge(*stores, out):
    return verbs.main(["merge", *map(str, stores), "--out", str(out)])


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def save_model(folder, key, values=3):
    path = Store(folder, FOLDER).model_path(key)
    path.parent.mkdir()
    save_file({"values": np.zeros(values)}, path)


def test_files_of_rates_come_along(tmp_path, make_store, capsys):
    """The first that has the size of which the row tells."""
    rate = {"bits": 4, "bytes": 5, "psnr": 9.0, "encode_seconds": 0.1, "decode_seconds": 0.1, "quantised_passes": 0}
    a, b = (make_store(name, one={"rates": [rate, rate | {"bits": 8}]}) for name in "ab")
    for folder, content in ((a, b"half"), (b, b"whole")):
        path = Store(folder, FOLDER).coded_path("one", 4)
        path.parent.mkdir()
        path.write_bytes(content)
    assert merge(a, b, out=tmp_path / "c") == 1
    assert "a/2d_Sierpinski/models/one-4.coded: no whole file of the row's rates" in capsys.readouterr().out
    assert files(tmp_path / "c") == files(b)


FAILED = {"status": "diverged", "reason": "no", "psnr": None}
LATER = "2026-06-01T00:00:00.000+00:00"


def test_the_union_has_everything(tmp_path, make_store, capsys):
    a, b = (
        make_store("a", one={"psnr": 1.0}, both={"psnr": 3.0}),
        make_store("b", two={"psnr": 2.0}, both={"psnr": 3.0}),
    )
    (a / FOLDER / "figures").mkdir()
    (a / FOLDER / "figures" / "x.png").touch()
    (a / "index.html").touch()
    save_model(b, "two")
    before = files(a), files(b)
    assert merge(a, b, out=tmp_path / "c") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'c'}: 3 rows copied, 0 were there\n"
    expected = {name: content for name, content in (before[0] | before[1]).items() if "figures" not in name}
    del expected["index.html"]
    assert files(tmp_path / "c") == expected
    assert (files(a), files(b)) == before
    assert len(gather(tmp_path / "c").stored) == 3


def test_a_merged_paper_is_the_paper(tmp_path):
    """Rows of every experiment, in two parts that overlap by a third."""
    whole = write_rows(tmp_path / "whole", paper_rows()[::20])
    parts = [shutil.copytree(whole, tmp_path / name) for name in ("a", "b")]
    for skipped, part in enumerate(parts):
        for path in sorted(part.glob("*/rows/*"))[skipped::3]:
            path.unlink()
    assert merge(*parts, out=tmp_path / "c") == 0
    assert files(tmp_path / "c") == files(whole)
    assert len(list(whole.iterdir())) == 12, "the folders of all experiments"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("kept", "other"),
    [
        ({"psnr": 1.0, "started": LATER}, FAILED),
        ({"psnr": 1.0}, {"psnr": 2.0, "started": LATER}),
        ({"status": "unsupported", "psnr": None, "started": LATER}, FAILED),
    ],
)
def test_one_row_of_a_conflict_is_kept_and_that_is_said(tmp_path, make_store, capsys, kept, other, turned):
    stores = [make_store("b", one=kept), make_store("a", one=other)]
    save_model(stores[1], "one")  # of the row that is not kept
    assert merge(*(stores[::-1] if turned else stores), out=tmp_path / "c") == 1
    assert files(tmp_path / "c") == files(tmp_path / "b")
    out = capsys.readouterr().out
    assert "1 row in conflict:" in out
    assert f"{FOLDER}/one: kept {kept.get('status', 'ok')}" in out
    assert f"in {tmp_path / 'b'}, not " in out


def test_an_array_comes_from_whichever_store_has_a_whole_one(tmp_path, make_store, capsys):
    a, b = make_store("a", one={"psnr": 1.0}), make_store("b", one={"psnr": 1.0})
    Store(a, FOLDER).array_path("one").write_bytes(b"damaged")
    assert merge(a, b, out=tmp_path / "c") == 1
    assert "arrays/one.npz: it is not the file that the row names" in capsys.readouterr().out
    assert (load_residual(Store(tmp_path / "c", FOLDER).array_path("one")) == 1).all()
    Store(a, FOLDER).array_path("one").unlink()
    assert merge(a, b, out=tmp_path / "d") == 0
    assert files(tmp_path / "d") == files(b)


def test_running_it_again_goes_on_and_overwrites_nothing(tmp_path, make_store, monkeypatch, capsys):
    a = make_store("a", **{f"key{i}": {"psnr": float(i)} for i in range(4)})
    written, write = [], merging.write_atomically

    def stop(path, content):
        if len(written) == 5:  # three rows need six files
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    monkeypatch.setattr(merging, "write_atomically", stop)
    assert merge(a, out=tmp_path / "c") == 130
    assert "run the same command again" in capsys.readouterr().err
    monkeypatch.setattr(merging, "write_atomically", write)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "c").rglob("*") if path.is_file()}
    assert merge(a, out=tmp_path / "c") == 0
    assert "2 rows copied, 2 were there" in capsys.readouterr().out
    assert files(tmp_path / "c") == files(a)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


def test_what_the_new_folder_has_stays(tmp_path, make_store, capsys):
    a = make_store("a", one={"psnr": 1.0}, two={"psnr": 2.0}, three={"psnr": 3.0}, four={"psnr": 4.0})
    c = make_store("c", one=FAILED, three={"psnr": 3.0})
    for folder, values in ((a, 3), (c, 5)):
        save_model(folder, "three", values)
    Store(c, FOLDER).row_path("four").write_text("{")
    before = files(c)
    assert merge(a, out=c) == 1
    assert before.items() <= files(c).items()
    said = capsys.readouterr().out
    assert "already has diverged of 2026-01-01T00:00:00.000+00:00" in said
    assert f"{FOLDER}/four: {c} already has a damaged row, which stays; not ok 4.00 dB of " in said
    assert Store(c, FOLDER).read("two")["psnr"] == 2.0


def test_a_full_disk_is_no_mistake_and_resumable(tmp_path, make_store, monkeypatch, capsys):
    a = make_store("a", one={"psnr": 1.0})

    def full(*_):
        raise OSError(28, "No space left on device", str(tmp_path / "c"))

    monkeypatch.setattr(merging, "write_atomically", full)
    assert merge(a, out=tmp_path / "c") == 1
    said = f"error: cannot go on at '{tmp_path / 'c'}', with 0 rows copied: No space left on device; make room"
    assert capsys.readouterr().err == f"{said}\nrun the same command again\n"


def test_strangers_files_are_left_out_and_named(tmp_path, make_store, capsys):
    a = make_store("a", one={"psnr": 1.0}, old={"psnr": 4.0})
    rows = a / FOLDER / "rows"
    (rows / "half.json").write_text('{"signal": "Sier')
    os.mkfifo(rows / "pipe.json")
    (rows / "secret.json").symlink_to("/etc/passwd")
    store = Store(a, FOLDER)
    row = json.loads((rows / "old.json").read_text())
    del row["residual_sha256"]
    (rows / "old.json").write_text(json.dumps(row))
    store.array_path("old").unlink()
    store.array_path("old").symlink_to("/etc/passwd")  # an old row vouches for nothing
    store.model_path("one").parent.mkdir()
    store.model_path("one").symlink_to("/etc/passwd")
    assert merge(a, out=tmp_path / "c") == 1
    out = capsys.readouterr().out
    assert "5 files left out:" in out
    for name in ("half.json", "pipe.json", "secret.json", "old.npz", "one.safetensors"):
        assert name in out
    names = {f"{FOLDER}/{name}" for name in ("rows/one.json", "rows/old.json", "arrays/one.npz")}
    assert files(tmp_path / "c").keys() == names


def test_names_in_rows_lead_nowhere(tmp_path, make_store, capsys):
    name = "../../../outside"
    a = make_store("a", one={"signal": name, "model": name, "item": name, "preset": name, "psnr": 1.0})
    assert merge(a, out=tmp_path / "c") == 0
    for verb in ("status", "table", "report"):
        assert verbs.main([verb, "--out", str(tmp_path / "c")]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a", "c"}
    assert not [path for path in (tmp_path / "c").rglob("*") if "outside" in path.name]


@pytest.mark.parametrize(
    ("stores", "out", "says"),
    [
        (["a"], "a", "lie in each other"),
        (["a"], "a/c", "lie in each other"),
        (["a"], ".", "lie in each other"),
        (["a", "b"], "link/c", "lie in each other"),
        (["a", "a"], "c", "is given twice"),
        (["a", "link"], "c", "is given twice"),
        (["a", "absent"], "c", "no folder '"),
        (["a", "empty"], "c", "no rows in '"),
        (
            ["a", "tables"],
            "c",
            "'tables' has Parquet files alone, for `table` and `load`; make a results folder: python",
        ),
        (["a"], "file", "is no folder"),
    ],
)
def test_places_that_cannot_be(tmp_path, make_store, monkeypatch, capsys, stores, out, says):
    make_store("a", one={}), make_store("b", one={})
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "quick.parquet").touch()
    before = files(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert says in refused(merge(*stores, out=out), *capsys.readouterr())
    assert files(tmp_path) == before


def test_a_persons_own_signals_go_with_their_rows(tmp_path, make_row, capsys):
    values = np.random.default_rng(0).random((24, 24), np.float32)
    row = make_row(signal="UserFile", item="a.png-0123abcd", bandlimit=None)
    for name in ("a", "b"):
        keep(tmp_path / name, row, residual(0.1))
        keep_signal(signal_path(tmp_path / name, row), Signal(values, 2, "image"))
    damaged = signal_path(tmp_path / "a", row)
    damaged.write_bytes(b"PK damaged")
    assert merge(tmp_path / "a", tmp_path / "b", out=tmp_path / "c") == 1
    assert f"{damaged}: it is damaged" in "".join(capsys.readouterr())
    assert np.array_equal(load_signal(signal_path(tmp_path / "c", row), 2).values, values)
    before = files(tmp_path / "c")
    assert merge(tmp_path / "b", out=tmp_path / "c") == 0
    assert files(tmp_path / "c") == before


@pytest.fixture
def real_store(tmp_path, make_row):
    """`real_store("a", [1, 2], psnr=3.0)`: a store of rows with these seeds, under their real names."""

    def make(name, seeds, **changes):
        for seed in seeds:
            row = make_row(seed=seed, **changes)
            keep(tmp_path / name, row, residual(row["psnr"]))
        return tmp_path / name

    return make


def rows_in(out):
    return {(one.store.folder.name, one.key): one.row for one in gather(out).stored}


def test_rows_go_through_a_parquet_file_unchanged(tmp_path, real_store, capsys):
    a, b, file = real_store("a", [1, 2]), real_store("b", [3]), tmp_path / "new" / "rows.parquet"
    assert merge(a, out=file) == 0
    assert merge(a, b, out=file) == 0
    assert "1 row copied, 2 were there" in capsys.readouterr().out
    assert merge(file, a, out=tmp_path / "c") == 0
    assert rows_in(tmp_path / "c") == rows_in(a) | rows_in(b) == read_rows(file)
    assert len(list((tmp_path / "c").glob("*/arrays/*.npz"))) == 2  # of the folder; the file has none
    other = real_store("other", [4])
    assert merge(file, other, out=tmp_path / "d") == 0
    assert rows_in(tmp_path / "d") == read_rows(file) | rows_in(other)
    assert merge(file, out=tmp_path / "copy.parquet") == 0
    assert (tmp_path / "copy.parquet").read_bytes() == file.read_bytes()


def test_a_parquet_file_keeps_what_it_has(tmp_path, real_store, capsys):
    a, b, file = real_store("a", [1], psnr=1.0), real_store("b", [1, 2], psnr=2.0), tmp_path / "rows.parquet"
    assert merge(a, out=file) == 0
    assert merge(b, out=file) == 1
    assert "already has ok 1.00 dB" in capsys.readouterr().out
    assert sorted(row["psnr"] for row in read_rows(file).values()) == [1.0, 2.0]
    assert merge(b, file, out=tmp_path / "c.parquet") == 1
    assert "kept ok 2.00 dB" in capsys.readouterr().out


def test_what_is_no_parquet_file_of_rows_is_one_line(tmp_path, real_store, capsys):
    a, file = real_store("a", [1]), tmp_path / "rows.parquet"
    assert merge(tmp_path / "none.parquet", out=tmp_path / "c") == 2
    file.write_text("text")
    assert merge(file, out=tmp_path / "c") == 2
    assert merge(a, out=file) == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_each_row_goes_to_the_file_of_its_preset(tmp_path, real_store, capsys):
    rows = [real_store("a", [1, 2], preset="paper"), real_store("b", [3], preset="smoke")]
    new, reference = real_store("new", [4], preset="quick"), tmp_path / "reference"
    assert merge(new, out=reference / "quick.parquet") == 0
    quick = (reference / "quick.parquet").read_bytes()
    assert merge(*rows, new, out=reference) == 0
    assert capsys.readouterr().out.endswith(
        f"{reference}: 0 rows copied, 1 were there\n"
        f"2 rows of paper left out: {reference} has no paper.parquet\n"
        f"1 row of smoke left out: {reference} has no smoke.parquet\n"
    )
    (reference / "README.md").write_text("which rows these are")
    assert merge(real_store("c", [9], preset="paper"), out=reference / "paper.parquet") == 0
    assert merge(*rows, new, out=reference) == 0
    assert {row["seed"] for row in read_rows(reference / "paper.parquet").values()} == {1, 2, 9}
    assert (reference / "quick.parquet").read_bytes() == quick
    assert {path.name for path in reference.iterdir()} == {"README.md", "paper.parquet", "quick.parquet"}


def test_a_table_in_a_results_folder_makes_it_no_folder_of_files(tmp_path, real_store):
    a, c = real_store("a", [1]), real_store("c", [2])
    (c / "table.parquet").write_text("of means")
    assert merge(a, out=c) == 0
    assert {row["seed"] for row in rows_in(c).values()} == {1, 2}
