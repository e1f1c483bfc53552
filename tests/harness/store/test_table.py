"""Rows of a table as dictionaries: pandas' own, made faster."""

import pytest

from harness.store.schema import NAMES
from harness.store.table import records, to_table

FIRST = dict.fromkeys(NAMES) | {"model": "Grid", "size": 9, "dim": 2, "seconds": 1.5, "curve": [{"step": 1}]}
FAILED = dict.fromkeys(NAMES) | {"model": "Siren", "size": 10, "dim": 3, "reason": "no size fits", "started": "2026"}


@pytest.mark.parametrize("rows", [[], [FIRST], [FIRST, FAILED]])
def test_records_are_those_of_pandas_by_value_and_type(rows):
    def told(record):
        return [(name, type(value), repr(value)) for name, value in record.items()]

    table = to_table(rows)
    assert list(map(told, records(table))) == list(map(told, table.to_dict("records")))
