"""One table says what a row holds."""

import csv
import re
import sys

import pytest

from common.files import ROOT
from harness.store import read_row, schema
from harness.store.schema import COLUMNS, NAMES, described, names


def test_the_documented_table_is_the_schemas():
    text = (ROOT / "band_limit_figs" / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- columns -->\n(.*?)\n<!-- /columns -->", text, re.DOTALL)[1]
    assert shown == described(), "write what harness.store.schema.described() gives between the marks"


def test_every_column_stands_once_and_is_explained():
    assert len(set(NAMES)) == len(NAMES)
    assert all(column.meaning for column in COLUMNS)
    assert set(names(needed=True)) >= set(names(null=False))


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_value_of_another_type_is_refused_by_the_columns_name(make_row, column):
    wrong = {"text": 3, "number": "3", "whole": 2.5, "list": {}}.get(column.kind)
    if wrong is not None:
        with pytest.raises(ValueError, match=f"^'{column.name}' is no "):
            read_row.check(make_row(**{column.name: wrong}))
    row = make_row(**{column.name: None})
    if column.null:
        read_row.check(row)
    else:
        with pytest.raises(ValueError, match=f"^'{column.name}' is no "):
            read_row.check(row)


@pytest.mark.parametrize(("load", "is_busy"), [(None, False), (0.0, False), (1.5, False), (1.51, True)])
def test_a_machine_is_busy_that_has_more_to_do_than_a_run(make_row, load, is_busy):
    assert schema.busy(make_row(load_at_start=load)) == is_busy
    assert not schema.busy({}), "a row of another version"


def test_columns_are_found_by_what_they_are():
    assert names(machine=True) == ("device", "backend", "precision", "versions", "commit")
    assert {"psnr", "psnr_best", "iou_paper", "status", "curve"} <= set(names(repeats=True))
    assert "seconds" not in names(repeats=True)
    assert schema.CHECKSUM in NAMES


NEW_METRIC = """
import sys
import numpy as np
from target_signals.tasks.metrics import METRICS, Metric

def mae(scored):
    truth, prediction = scored.samples
    return float(np.abs(truth - prediction).mean())

METRICS["mae"] = Metric("MAE", "", 4, "mean absolute error", mae, higher_is_better=False)
from harness.commands import run
from harness import __main__ as verbs
run.draw = lambda *given: None
out = sys.argv[1]
words = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Siren", "--out", out]
assert run.main(words) == 0
assert verbs.main(["table", "--metric", "mae", "--out", out]) == 0
assert verbs.main(["table", "--rows", "--format", "csv", "--out", out, "--to", f"{out}/rows.csv"]) == 0
assert verbs.main(["figures", "--metric", "mae", "--out", out]) == 0
assert verbs.main(["report", "--out", out]) == 0
"""


def test_a_new_metric_is_one_function_and_one_entry(command, tmp_path):
    ran = command(sys.executable, "-c", NEW_METRIC, tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    assert "**MAE: Sierpinski 2D, fit" in ran.stdout
    assert "mae_over_bands.png" in ran.stdout or "mae_over_budgets.png" in ran.stdout
    head, *lines = (tmp_path / "out" / "rows.csv").read_text().splitlines()
    assert {"mae", "mae_best", "mae_paper"} <= set(head.split(","))
    assert all(0 < float(line["mae"]) < 1 for line in csv.DictReader([head, *lines]))
    assert '"mae":{"name":"MAE"' in (tmp_path / "out" / "index.html").read_text()
