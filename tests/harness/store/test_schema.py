"""One table says what a row holds."""

import csv
import re
import sys

import pytest

from common.files import ROOT
from harness.analysis.cell import kind_of
from harness.figures.files import figures_folder
from harness.store import read_row, schema
from harness.store.names import folder_of, key_of
from harness.store.schema import COLUMNS, NAMES, WORDS, described, names
from harness.store.table import to_table
from tests.harness.page_data import data_of


def test_the_documented_table_is_the_schemas():
    text = (ROOT / "band_limit_figs" / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- columns -->\n(.*?)\n<!-- /columns -->", text, re.DOTALL)[1]
    assert shown == described(), "write between the marks what `python -m harness.store.schema` prints"


def test_every_column_stands_once_and_is_explained():
    assert len(set(NAMES)) == len(NAMES)
    assert all(column.meaning for column in COLUMNS)
    for column in COLUMNS:
        assert column.null or column.needed or column.otherwise in names(needed=True), column.name


RATE = {"bits": 8, "bytes": 900, "psnr": 20.5, "encode_seconds": 0.1, "decode_seconds": 0.2, "quantised_passes": 3}
WRONG = {
    "text": [3],
    "number": ["3", True],
    "whole": [2.5, -1, 1e20],
    "wholes": [{}, [2.5], [None]],
    "numbers": [{}, ["3"]],
    "curve": [{}, [3], [{"loss": 0.1}], [{"step": 0.5}], [{"step": 1, "loss": "small"}]],
    "rates": [
        *({}, [3], [{"bits": 8}], [RATE | {"bits": 2.5}], [RATE | {"bytes": None}], [RATE | {"psnr": "good"}]),
        *([RATE | {"quantised_passes": 0.5}], [RATE | {"more": 1}]),
    ],
    "object": [],
}


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_value_of_another_type_is_refused_by_the_columns_name(make_row, column):
    for wrong in WRONG[column.kind]:
        with pytest.raises(ValueError, match=f"^'{column.name}' is no {WORDS[column.kind]}$"):
            read_row.check(make_row(**{column.name: wrong}))
    row = make_row(**{column.name: None})
    if column.null:
        read_row.check(row)
    else:
        with pytest.raises(ValueError, match=f"^'{column.name}' is no "):
            read_row.check(row)


def test_columns_are_found_by_what_they_are():
    assert names(machine=True) == ("device", "backend", "precision", "versions", "commit")
    assert {"psnr", "psnr_best", "iou_paper", "status", "curve"} <= set(names(repeats=True))
    assert "seconds" not in names(repeats=True)
    assert schema.CHECKSUM in NAMES


def test_a_rows_name_and_its_digest_are_of_the_columns_that_say_so(make_row, make_trial):
    """A change of any column of the key, and of no other, is a row of another name."""
    for column in COLUMNS:
        other = {"text": "other", "number": 0.7, "whole": 7, "object": {"lr": 1}}.get(column.kind, [1])
        differs = key_of(make_row(**{column.name: other})) != key_of(make_row())
        assert differs == (column.part_of == "key"), column.name
    assert key_of(make_row()) == "Grid_2500_band0.5_seed1234_5db2ce06c0636c9f", "stored rows keep their names"
    assert key_of(make_row(dim=2.0, length=24.0, size=2500.0)) == key_of(make_row())
    trial, hashed = make_trial(lr=0.1), names(part_of="config_hash")
    own = ("model_code", "signal_code")
    assert hashed == ("steps", "minibatch", "settings", "lr_schedule", "optimiser", "tuned_at", *own, "precision")
    for changes in ({"steps": 7}, {"minibatch": 7}, {"lr": 0.2}, {"precision": "bf16"}, {"adam_betas": (0.5, 0.5)}):
        assert make_trial(**{"lr": 0.1} | changes).config_hash != trial.config_hash, changes


def test_experiments_of_names_that_files_do_not_take_have_folders_of_their_own(make_row):
    """A name of one's own may be of any letters; figures of two experiments in one folder would replace each other."""
    assert folder_of(make_row(signal="Rings_2", task="denoise_0.1")) == "2d_Rings_2_denoise_0.1", "as it was"
    fits = [folder_of(make_row(signal=name)) for name in ("信号", "图像", "R" * 61, "R" * 62)]
    tasks = [folder_of(make_row(task=name)) for name in ("去噪", "修复")]
    assert len({*fits, *tasks}) == len(fits + tasks)
    assert all(map(str.isascii, fits + tasks))
    presets = [figures_folder("", kind_of(make_row(preset=name))).name for name in ("a/b", "a-b", "P" * 61, "P" * 62)]
    assert len(set(presets)) == len(presets)


def test_tables_have_the_columns_types_whatever_rows_there_are(make_row):
    nothing = dict.fromkeys(names(null=True))
    table = to_table([make_row(**nothing, seed=3.0)])
    for column in COLUMNS:
        if column.kind in ("number", "whole"):
            assert table[column.name].dtype == (float if column.null else int), column.name
    assert list(to_table([]).columns) == list(NAMES)
    assert to_table([make_row(steps=3.0)])["steps"].dtype == int


# A metric and its entry; a column, its entry and its filler.
NEW = """
import sys
import numpy as np
from target_signals.tasks.metrics import METRICS, Metric

def mae(scored):
    truth, prediction = scored.samples
    return float(np.abs(truth - prediction).mean())

METRICS["abs_error"] = Metric("MAE", "", 4, "mean absolute error", mae, higher_is_better=False)
from harness.store import schema
more = {"COLUMNS": (*schema.COLUMNS, schema.Column("points", "whole", "what was scored", "samples", repeats=True))}
more["NAMES"] = (*schema.NAMES, "points")
for name, before in {name: vars(schema)[name] for name in more}.items():
    for module in list(sys.modules.values()):  # what `import harness` has already read
        if vars(module).get(name) is before:
            setattr(module, name, more[name])
from harness.train import score
known = score.scoring_columns
score.scoring_columns = lambda scoring: known(scoring) | {"points": scoring.truth.size}
from harness.commands import run, run_launch
from harness import __main__ as verbs
from harness.figures import style
run_launch.draw = lambda *given: None
style.RC["pdf.fonttype"] = 3  # tests/harness/conftest.py
out = sys.argv[1]
words = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Siren", "--out", out]
assert run.main(words) == 0
assert verbs.main(["table", "--metric", "abs_error", "--out", out]) == 0
assert verbs.main(["table", "--rows", "--format", "csv", "--out", out, "--to", f"{out}/rows.csv"]) == 0
assert verbs.main(["table", "--rows", "--format", "parquet", "--out", out, "--to", f"{out}/rows.parquet"]) == 0
assert verbs.main(["figures", "--metric", "abs_error", "--out", out]) == 0
assert verbs.main(["report", "--out", out]) == 0
print(schema.described())
"""


def test_a_new_metric_is_one_function_and_one_entry_and_a_column_one_entry_and_its_filler(command, tmp_path):
    ran = command(sys.executable, "-c", NEW, tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    assert "**MAE: Sierpinski 2D, fit" in ran.stdout
    assert "abs_error_over_bands.png" in ran.stdout or "abs_error_over_budgets.png" in ran.stdout
    head, *lines = (tmp_path / "out" / "rows.csv").read_text().splitlines()
    assert {"abs_error", "abs_error_best", "abs_error_paper"} <= set(head.split(","))
    for line in csv.DictReader([head, *lines]):
        assert 0 < float(line["abs_error"]) < 1
        assert int(line["points"]) == 24 * 24
    page = data_of((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert page["metrics"]["abs_error"]["name"] == "MAE"
    assert all(0 < score < 1 for score in page["columns"]["abs_error"])
    assert page["columns"]["points"] == [576, 576]
    assert "| `abs_error_best` | number or null |  |  | mean absolute error, at the evaluation" in ran.stdout
    assert "| `points` | whole number or null | samples |  | what was scored |" in ran.stdout
    parquet = pytest.importorskip("pyarrow.parquet")
    types = {field.name: str(field.type) for field in parquet.read_schema(tmp_path / "out" / "rows.parquet")}
    assert (types["abs_error"], types["abs_error_paper"], types["points"]) == ("double", "double", "int64")
