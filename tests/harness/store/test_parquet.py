"""Rows as Parquet: their types, what is read again, and of a file those rows that are asked for."""

import io
import sys
from pathlib import Path

import pandas
import pytest

from common.errors import UsageError
from common.files import ROOT
from harness import __main__ as verbs
from harness.store.names import folder_of, key_of
from harness.store.parquet import read_rows, to_parquet, write_rows
from harness.store.schema import NAMES, names
from harness.store.table import load

parquet = pytest.importorskip("pyarrow.parquet")
TASKS = Path("/proc/self/task")
RATE = {"bits": 8, "bytes": 900, "psnr": None, "encode_seconds": 0.1, "decode_seconds": 0.2, "quantised_passes": 0}


def named(rows):
    return {(folder_of(row), key_of(row)): row for row in rows}


@pytest.fixture
def rows(make_row):
    """Signals whose rows do not follow one another by name."""
    return named(
        [
            make_row(signal="Ant", model="Grid", settings={"lr": 0.5, "of": {"2": [1.5, None]}}),
            make_row(signal="Ant", model="Siren", dim=3, shape=[4, 5, 6, 1], versions=None),
            make_row(signal="Bee", model="Grid", status="diverged", psnr=None, curve=None, reason="not finite"),
            make_row(signal="Bee", model="Siren", psnr_rings=[1.5, None, 3.0], rates=[RATE]),
            make_row(signal="Cat", model="Grid", settings={"omega": 30.0}),
            make_row(signal="Cat", model="Siren", bandlimit=0.1 + 0.2),
        ]
    )


def test_parquet_has_the_columns_types_whatever_rows_there_are(make_row):
    nothing, point = dict.fromkeys(names(null=True)), {"step": 2.0, "loss": 1, "psnr": None, "learned": 1}
    full = make_row(psnr=3, steps=2.0, psnr_rings=[None, 3], curve=[point], shape=[2, 3.0], rates=[RATE])
    tables = [parquet.read_table(io.BytesIO(to_parquet(rows))) for rows in ([make_row(**nothing)], [full], [full] * 2)]
    assert tables[0].schema == tables[1].schema == tables[2].schema
    types = dict(zip(tables[0].schema.names, map(str, tables[0].schema.types), strict=True))
    assert tuple(types) == NAMES
    assert (types["psnr"], types["seed"], types["item"]) == ("double", "int64", "string")
    (row,) = tables[1].to_pylist()
    assert (row["psnr"], row["steps"], row["psnr_rings"], row["shape"]) == (3.0, 2, [None, 3.0], [2, 3])
    assert row["curve"] == [{"step": 2, "loss": 1.0, "psnr": None, "seconds": None}]
    assert row["rates"] == [RATE]
    assert row["settings"] == '{"lr": 0.1}'


def test_rows_come_back_as_they_were(rows, tmp_path):
    write_rows(tmp_path / "of" / "rows.parquet", rows)
    assert read_rows(tmp_path / "of" / "rows.parquet") == rows


@pytest.mark.parametrize(
    "equal", [{"signal": "Ant"}, {"signal": "Bee"}, {"model": "Siren"}, {"model": "Grid", "signal": "Cat"}, {"dim": 9}]
)
def test_those_that_are_asked_for_come_alone(rows, tmp_path, equal):
    write_rows(tmp_path / "rows.parquet", rows)
    asked = {name: row for name, row in rows.items() if all(row[key] == value for key, value in equal.items())}
    assert read_rows(tmp_path / "rows.parquet", **equal) == asked


def test_what_is_asked_of_no_column_is_one_line(rows, tmp_path):
    write_rows(tmp_path / "rows.parquet", rows)
    with pytest.raises(UsageError, match="cannot read rows from"):
        read_rows(tmp_path / "rows.parquet", colour="red")


def test_no_file_has_no_rows_and_another_sort_of_file_is_one_line(tmp_path):
    assert read_rows(tmp_path / "none.parquet") == {}
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UsageError, match=r"^cannot read rows from '.*rows\.parquet': .+$"):
        read_rows(tmp_path / "rows.parquet")


def test_a_file_of_rows_or_a_folder_of_such_loads_as_a_results_folder_does(store, tmp_path, make_row):
    rows = [
        make_row(model=model, started=f"2026-01-0{day}T00:00:00+00:00") for day, model in ((2, "Grid"), (1, "Siren"))
    ]
    out = store(rows)
    write_rows(tmp_path / "two" / "quick.parquet", named(rows))
    for root in (tmp_path / "two", tmp_path / "two" / "quick.parquet"):
        pandas.testing.assert_frame_equal(load(root), load(out))


def test_a_table_of_a_folder_of_parquet_files_and_what_else_it_cannot_be(store, tmp_path, make_row, capsys):
    rows = [make_row(model=model, psnr=psnr) for model, psnr in (("Grid", 20.0), ("Siren", 25.0))]
    write_rows(tmp_path / "two" / "quick.parquet", named(rows))
    assert verbs.main(["table", "--own", "--out", str(tmp_path / "two")]) == 0
    assert "**25.0**" in capsys.readouterr().out
    for verb in ("figures", "report", "verify", "rates"):
        assert verbs.main([verb, "--out", str(tmp_path / "two")]) == 2
        assert f"python -m harness merge {tmp_path}/two/quick.parquet --out FOLDER" in capsys.readouterr().err


@pytest.mark.skipif(not TASKS.exists(), reason="no Linux, where the threads of a process are listed")
def test_reading_starts_no_thread_that_could_outlive_the_process(rows, tmp_path, command):
    path = tmp_path / "rows.parquet"
    write_rows(path, rows)
    code = f"""
import os, pathlib
import pyarrow.parquet
from harness.store.parquet import read_rows
before = {{*os.listdir({str(TASKS)!r})}}
assert len(read_rows(pathlib.Path({str(path)!r}))) == {len(rows)}
names = [pathlib.Path({str(TASKS)!r}, task, "comm").read_text() for task in {{*os.listdir({str(TASKS)!r})}} - before]
print([name for name in names if "jemalloc" not in name])
"""
    result = command(sys.executable, "-c", code, cwd=ROOT)
    assert (result.stdout, result.returncode) == ("[]\n", 0)
