"""The store: whole rows or none, under every failure of the disk, and one table of all of them."""

import errno
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from common.errors import Failure, UsageError
from harness.store.residual import load_residual
from harness.store.scan import gather
from harness.store.schema import NAMES
from harness.store.store import Store, parse_row
from harness.store.table import load, load_rows
from tests.harness.paper_rows import keep

PROMISED = {
    *("signal", "item", "dim", "length", "bandlimit", "task", "model", "size", "seed", "preset", "steps"),
    *("config_hash", "status", "reason", "parameters", "psnr", "ssim", "lpips", "iou", "psnr_best", "psnr_constant"),
    *("psnr_paper", "psnr_rings", "curve", "seconds", "ms_per_update", "peak_memory_bytes", "device", "backend"),
    *("precision", "versions", "commit", "started"),
}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path, "2d_Sierpinski")
    store.prepare()
    return store


def files(folder):
    """Every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def residual(shape=(24, 24, 1), scale=1.0, seed=0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


# Rows and arrays


def test_a_row_has_the_columns_that_people_read(store, make_row):
    assert set(NAMES) >= PROMISED
    assert len(set(NAMES)) == len(NAMES)
    store.write("key", make_row(), None)
    assert set(load(store.folder.parent).columns) >= PROMISED


def test_a_row_comes_back_as_it_was(store, make_row):
    row = make_row(reason="naïve", psnr=14.123456789012345, psnr_rings=[1.0, 2.0])
    store.write("key", row, None)
    assert store.read("key") == row
    assert files(store.folder) == ["rows/key.json"]
    assert store.read("other") is None


def test_whole_numbers_that_json_has_as_3_0_are_whole(store, make_row):
    store.row_path("key").write_text(json.dumps(make_row(size=2500.0, steps=3.0, psnr=14.0)))
    row = store.read("key")
    assert [type(row[name]) for name in ("size", "steps", "psnr")] == [int, int, float]


def test_a_row_of_a_version_without_signal_seeds_has_its_seeds_own(store, make_row):
    store.write("key", make_row(seed=7, signal_seed=8), None)
    path = store.row_path("key")
    row = json.loads(path.read_text())
    del row["signal_seed"]
    path.write_text(json.dumps(row))
    assert store.read("key")["signal_seed"] == 7


def test_a_later_row_takes_the_place_of_an_earlier_one(store, make_row):
    store.write("key", make_row(psnr=1.0), residual(seed=1))
    store.write("key", make_row(psnr=2.0), residual(seed=2))
    assert store.read("key")["psnr"] == 2.0
    assert np.abs(load_residual(store.array_path("key")) - residual(seed=2)).max() < 0.01
    assert files(store.folder) == ["arrays/key.npz", "rows/key.json"]


def test_rows_can_be_read_by_others(store, make_row):
    store.write("key", make_row(), residual())
    assert store.row_path("key").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("change", ["absent", "surplus"])
def test_a_row_of_other_columns_is_refused(store, make_row, change):
    row = make_row(surplus=1) if change == "surplus" else {k: v for k, v in make_row().items() if k != "psnr"}
    with pytest.raises(ValueError, match="'surplus'" if change == "surplus" else "'psnr'"):
        store.write("key", row, None)
    assert files(store.folder) == []


def test_what_json_lacks_becomes_null(store, make_row):
    curve = [{"step": 1, "loss": math.nan, "psnr": -math.inf, "seconds": 0.1}]
    row = make_row(psnr=math.nan, psnr_rings=(1.0, math.inf), curve=curve, ssim=np.float64("nan"))
    store.write("key", row, None)
    text = store.row_path("key").read_text()
    strict = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert strict["psnr"] is strict["ssim"] is None
    assert strict["psnr_rings"] == [1.0, None]
    assert strict["curve"] == [{"step": 1, "loss": None, "psnr": None, "seconds": 0.1}]
    assert math.isnan(load(store.folder.parent)["psnr"][0])


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 7e4])
def test_a_residual_keeps_its_precision_at_any_scale(store, make_row, scale):
    kept = residual(scale=scale)
    store.write("key", make_row(), kept)
    found = load_residual(store.array_path("key"))
    assert found.shape == kept.shape
    assert found.dtype == np.float32
    assert np.abs(found - kept).max() <= 2**-11 * np.abs(kept).max() * 1.01
    with np.load(store.array_path("key"), allow_pickle=False) as arrays:
        assert arrays["residual"].dtype == np.float16
        assert np.abs(arrays["residual"]).max() == 1
    exact, again = np.square(kept.astype(np.float64)).mean(), np.square(found.astype(np.float64)).mean()
    assert abs(10 * math.log10(again / exact)) < 1e-3  # dB: what a PSNR from the array may be off


def test_a_perfect_fit_has_a_residual_too(store, make_row):
    store.write("key", make_row(), np.zeros((4, 4, 1), np.float32))
    assert not load_residual(store.array_path("key")).any()


# Atomicity


@pytest.mark.parametrize("call", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_leaves_what_was_there(store, make_row, monkeypatch, call, failure):
    store.write("key", make_row(psnr=1.0), None)

    def fail(*arguments, **named):
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        raised = Failure if isinstance(failure, OSError) else KeyboardInterrupt
        with pytest.raises(raised):
            store.write("key", make_row(psnr=2.0), None)
        with pytest.raises(raised):
            store.write("new", make_row(), residual())
    assert files(store.folder) == ["rows/key.json"]
    assert store.read("key")["psnr"] == 1.0


def test_a_row_that_exists_has_its_array(store, make_row, monkeypatch):
    """The array is written first: when the row's own writing fails, a trial runs again."""
    replaced = []

    def record(source, target):
        replaced.append(target.name)
        if target.suffix == ".json":
            raise OSError("stop")

    monkeypatch.setattr(os, "replace", record)
    with pytest.raises(UsageError, match="stop"):
        store.write("key", make_row(), residual())
    assert replaced == ["key.npz", "key.json"]


def test_a_row_is_written_under_another_name_first(store, make_row, monkeypatch):
    seen = []
    replace = os.replace

    def record(source, target):
        seen.append((str(source), json.loads(Path(source).read_text())))
        replace(source, target)

    monkeypatch.setattr(os, "replace", record)
    store.write("key", make_row(), None)
    ((name, content),) = seen
    assert content == make_row()
    assert not name.endswith(".json"), "an unfinished file must not look like a row"
    assert os.path.dirname(name) == str(store.folder / "rows"), "a rename is atomic within one file system only"


# Damage


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Expecting value"),
        (b'{"signal": "Sierp', "Unterminated string"),
        (b"[]", "it holds no JSON object"),
        (b"{}", "it lacks signal, dim"),
        (b"\xff\xfe\x00", "decode"),
    ],
)
def test_a_corrupt_row_is_named_and_set_aside(store, content, says):
    path = store.row_path("key")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        parse_row(path)
    dry = Store(store.folder.parent, store.folder.name, dry_run=True)
    with pytest.warns(UserWarning, match=r"is not a row .* to be set aside as 'key\.corrupt', .* will run again"):
        assert dry.read("key") is None
    assert files(store.folder) == ["rows/key.json"]
    with pytest.warns(UserWarning, match=r"key\.json' is not a row .*; set aside as 'key\.corrupt', .* will run again"):
        assert store.read("key") is None
    assert files(store.folder) == ["rows/key.corrupt"]
    assert (store.folder / "rows/key.corrupt").read_bytes() == content, "nothing is lost"
    assert store.read("key") is None  # without a warning, now that it is gone


def test_loading_leaves_a_corrupt_row_where_it_is(store, make_row):
    store.write("good", make_row(), None)
    store.row_path("bad").write_text("{")
    with pytest.warns(UserWarning, match=r"bad\.json' is not a row .* left out"):
        table = load(store.folder.parent)
    assert len(table) == 1
    assert files(store.folder) == ["rows/bad.json", "rows/good.json"]


def test_loading_passes_over_a_row_that_is_gone_by_then_and_names_one_that_cannot_be_read(store, make_row):
    store.write("good", make_row(), None)
    (store.rows / "gone.json").symlink_to(store.rows / "nowhere")
    assert len(load_rows(store.folder.parent)) == 1
    (store.rows / "folder.json").mkdir()
    with pytest.warns(UserWarning, match=r"'.*folder.json' is not a row \(.*directory.*\); left out"):
        assert len(load_rows(store.folder.parent)) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "out", "2d_Sierpinski")
    assert store.read("key") is None
    with pytest.raises(UsageError, match=r"^cannot write results to '.*2d_Sierpinski': Not a directory; .* --out$"):
        store.prepare()


def test_a_read_only_folder_is_one_line(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("permissions do not bind root")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match=r"^cannot write results to '.*': Permission denied; .* --out$"):
            Store(tmp_path, "2d_Sierpinski").prepare()
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES])
def test_a_folder_that_is_there_but_takes_no_files_is_one_line(store, monkeypatch, error):
    def refuse(*arguments, **named):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(UsageError, match=rf"^cannot write results to '.*': {os.strerror(error)}; .* --out$"):
        store.prepare()


def test_a_row_that_cannot_be_read_is_one_line(store):
    store.row_path("key").mkdir()
    with pytest.raises(
        UsageError, match=r"^cannot read '.*key\.json': Is a directory; choose another folder with --out$"
    ):
        store.read("key")


def test_preparing_writes_nothing(store):
    store.prepare()
    assert files(store.folder) == []


# The table


def test_no_results_are_an_empty_table(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        table = load(root)
        assert len(table) == 0
        assert list(table.columns) == list(NAMES)


def test_one_experiment_or_all(tmp_path, make_row):
    for signal, dim in (("Sierpinski", 2), ("SparseSphereSignal", 3)):
        keep(tmp_path, make_row(signal=signal, dim=dim))
    assert set(load(tmp_path)["signal"]) == {"Sierpinski", "SparseSphereSignal"}
    assert set(load(tmp_path, "2d_Sierpinski")["signal"]) == {"Sierpinski"}
    assert set(load(str(tmp_path))["signal"]) == {"Sierpinski", "SparseSphereSignal"}


def test_the_table_is_in_order_of_time_and_its_numbers_are_numbers(store, make_row):
    store.write("a", make_row(started="2026-01-02", psnr=2.0), None)
    store.write("b", make_row(started="2026-01-01", psnr=None, seconds=None, bandlimit=None, status="diverged"), None)
    table = load(store.folder.parent)
    assert list(table["started"]) == ["2026-01-01", "2026-01-02"]
    for column in ("bandlimit", "psnr", "ssim", "iou", "psnr_best", "psnr_constant", "psnr_paper", "seconds"):
        assert table[column].dtype == float, column
    assert math.isnan(table["psnr"][0])
    assert table["psnr"][1] == 2.0


def test_rows_are_in_order_of_time_and_those_that_are_held_are_not_read_again(store, make_row):
    for key, day in (("a", 2), ("b", 1), ("c", 3)):
        store.write(key, make_row(started=f"2026-01-0{day}"), None)
    held = make_row(started="2026-01-02", model="held")
    rows = load_rows(store.folder.parent, held={(store.folder.name, "a"): held, ("3d_Dragon", "b"): held})
    assert [row["started"][-1] for row in rows] == ["1", "2", "3"]
    assert [row["model"] for row in rows] == ["Grid", "held", "Grid"]


def test_other_files_are_no_rows(store, make_row):
    store.write("key", make_row(), None)
    (store.rows / ".other.json.x7ab").write_text('{"signal"')  # what kill -9 may leave
    (store.rows / "._key.json").write_bytes(b"\x00\x05\x16\x07")  # what macOS leaves beside a file on a share
    (store.rows / "notes.txt").touch()
    assert store.row_keys() == ["key"]
    assert len(load(store.folder.parent)) == 1


def test_every_row_is_read_and_parsed_once_for_a_table(store, make_row, calls):
    for i in range(30):
        store.row_path(f"key{i}").write_text(json.dumps(make_row(seed=i), indent=1))
    opened, parsed = calls(os, "open"), calls(json, "loads")
    assert sorted(load(store.folder.parent)["seed"]) == list(range(30))
    assert sorted(path for path, *_ in opened) == sorted(store.row_path(f"key{i}") for i in range(30))
    assert len(parsed) == 30


@pytest.mark.parametrize(
    ("change", "says"),
    [({"label": 3}, "'label' is no text"), ({"parameters": np.int64(3)}, "'parameters' is no whole number")],
)
def test_a_row_that_could_not_be_read_again_is_not_written(store, make_row, change, says):
    """A file of one's own may give anything."""
    with pytest.raises(UsageError, match=f"^a row of Grid on Sierpinski cannot be stored: {says}; "):
        store.write("key", make_row(model="Grid", signal="Sierpinski") | change, residual())
    assert files(store.folder) == []


def test_a_file_called_rows_is_no_folder_of_rows(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "rows").write_text("of my table")
    assert load_rows(tmp_path) == gather(tmp_path).stored == []
