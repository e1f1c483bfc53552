"""Rows as Parquet: what is read is what was written, and of a file those rows that are asked for."""

import pytest

from common.errors import UsageError
from harness.store.names import folder_of, key_of
from harness.store.parquet import read_rows, write_rows

pytest.importorskip("pyarrow")


def named(rows):
    return {(folder_of(row), key_of(row)): row for row in rows}


@pytest.fixture
def rows(make_row):
    """Signals whose rows do not follow one another by name."""
    rates = [
        {"bits": 8, "bytes": 900, "psnr": 12.5, "encode_seconds": 0.1, "decode_seconds": 0.2, "quantised_passes": 0}
    ]
    return named(
        [
            make_row(signal="Ant", model="Grid", settings={"lr": 0.5, "way": "a"}),
            make_row(signal="Ant", model="Siren", dim=3, shape=[4, 5, 6, 1], versions=None),
            make_row(signal="Bee", model="Grid", status="diverged", psnr=None, curve=None, reason="not finite"),
            make_row(signal="Bee", model="Siren", psnr_rings=[1.5, None, 3.0], rates=rates),
            make_row(signal="Cat", model="Grid", settings={"omega": 30.0}),
            make_row(signal="Cat", model="Siren"),
        ]
    )


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


def test_no_file_has_no_rows_and_another_sort_of_file_is_one_line(tmp_path):
    assert read_rows(tmp_path / "none.parquet") == {}
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UsageError, match=r"^cannot read rows from '.*rows\.parquet': .+$"):
        read_rows(tmp_path / "rows.parquet")
