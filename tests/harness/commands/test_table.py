"""The `table` verb, by its content in every format."""

import csv
import io
import math
import re
import statistics
import sys

import pandas as pd
import pytest

from harness import __main__ as verbs
from harness.store.table import load
from tests.harness.paper_rows import paper_rows
from tests.harness.refused import refused


@pytest.fixture
def rows(make_row):
    """Grid and Siren at two budgets, two bands and two seeds; PSNR = 10 + 10·(1e4) + band·10 + seed, Siren 2 less."""
    return [
        make_row(model=model, size=size, bandlimit=band, seed=seed, psnr=psnr - (2 if model == "Siren" else 0))
        for model in ("Grid", "Siren")
        for size, at_size in ((3000, 10.0), (10_000, 20.0))
        for band in (0.1, 0.5)
        for seed in (1, 2)
        for psnr in (at_size + 10 * band + seed,)
    ]


@pytest.fixture
def table(capsysbinary):
    def call(out, *arguments):
        code = verbs.main(["table", "--out", str(out), *arguments])
        captured = capsysbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return call


def cells(markdown):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines() if line.startswith("|")]


def test_models_by_budgets(store, rows, table):
    code, out, err = table(store(rows))
    assert (code, err) == (0, "")
    text = out.decode()
    assert text.startswith(
        "**PSNR gain (dB), over the constant mean, at most 60 dB, mean over 2 bands: "
        "Sierpinski 2D, fit, smoke, length 24, 3 steps**"
    )
    head, _, siren, grid = cells(text)  # the order of hyperparameters.json
    assert head == ["model", "3k", "10k"]
    assert grid == ["Grid", "**5.2 ± 0.7**", "**15.2 ± 0.7**"]  # the constant mean has 9.3
    assert siren == ["Siren", "3.2 ± 0.7", "13.2 ± 0.7"]
    assert text.endswith(
        "\n\n- bold: the best trained model\n- best at 3k: Grid: 5.2 dB, 2.0 dB [2.0, 2.0] ahead of Siren\n"
        "- best at 10k: Grid: 15.2 dB, 2.0 dB [2.0, 2.0] ahead of Siren\n"
        "- ± standard deviation over 2 seeds, within bands\n- [ ] 95 % interval over 2 seeds\n"
        "- uses less than its budget: Siren at 3k 83%, at 10k 25%; Grid at 3k 83%, at 10k 25%\n"
    )


def test_one_band_keeps_its_scores(store, rows, table):
    _, out, _ = table(store([row for row in rows if row["bandlimit"] == 0.5]))
    assert out.decode().startswith("**PSNR (dB): Sierpinski")
    assert cells(out.decode())[3] == ["Grid", "**16.5 ± 0.7**", "**26.5 ± 0.7**"]


def test_bands_do_not_average_to_scores_that_none_has(store, rows, table):
    """One lossless band would make the mean of the other; and constant bands have no gain at all."""
    for row in rows:
        row |= {"psnr": 150.0} if (row["model"], row["bandlimit"]) == ("Siren", 0.1) else {}
    _, out, _ = table(store(rows))
    assert cells(out.decode())[2][1] == f"**{(60 + 14.5 - 9.3) / 2:.1f} ± 0.5**"
    constant = [row | {"bandlimit": band, "psnr": 100.0, "psnr_constant": 160.0} for row in rows[:1] for band in (1, 2)]
    _, out, _ = table(store([*rows, *constant]))
    assert "mean over 2 bands" in out.decode()


def test_what_did_not_end_well_is_said(store, rows, table):
    for row in rows:
        if row["model"] == "Siren" and row["size"] == 3000:
            row |= {"status": "unsupported", "psnr": None}
        if row["model"] == "Siren" and row["size"] == 10_000 and row["bandlimit"] == 0.1:
            row |= {"status": "diverged", "psnr": None}
    _, out, _ = table(store(rows[:-1]))
    assert cells(out.decode())[2] == ["Siren", "n/a", "14.7 (1/4)"]
    assert "at 10k: does not compete: Siren (1 missing and 2 failed of 4 runs)" in out.decode()
    for row in rows:
        row |= {"status": "diverged", "psnr": None} if row["model"] == "Siren" else {}
    _, out, _ = table(store(rows))
    assert cells(out.decode())[2] == ["Siren", "failed 4/4", "failed 4/4"]


def test_of_yardsticks_alone_the_best_is_bold_and_has_their_sign(make_row, store, table):
    scores = {"Wavelet": (25.0, 27.0, 29.0), "BlockDCT": (15.0, 17.0, 19.0)}
    rows = [
        make_row(model=model, seed=seed, psnr=psnr, label="classical")
        for model, own in scores.items()
        for seed, psnr in enumerate(own)
    ]
    _, out, _ = table(store(rows))
    assert dict(cells(out.decode())[2:]) == {"Wavelet": "**27.0 ± 2.0 †**", "BlockDCT": "17.0 ± 2.0"}


def test_one_run_has_no_spread_and_is_the_best_of_nothing(make_row, store, table):
    _, out, _ = table(store([make_row(psnr=20.0)]))
    assert cells(out.decode())[2:] == [["Grid", "20.0"]]
    assert not re.search("±|bold|best", out.decode())


def test_one_draw_of_each_model_is_said_and_no_interval_is_spoken_of(make_row, store, table):
    _, out, _ = table(store([make_row(psnr=20.0), make_row(model="Siren", psnr=18.0)]))
    assert "\n- best at 2.5k: Grid (one draw): 20.0 dB, 2.0 dB ahead of Siren\n- one draw: " in out.decode()
    assert "[" not in out.decode()


def test_csv_is_tidy(store, rows, table):
    _, out, _ = table(store(rows), "--format", "csv", "--by", "model,band,size")
    lines = list(csv.DictReader(io.StringIO(out.decode())))
    assert len(lines) == 8
    one = next(row for row in lines if (row["model"], row["band"], row["size"]) == ("Grid", "0.5", "10000"))
    assert float(one["mean"]) == 26.5
    assert float(one["spread"]) == pytest.approx(statistics.stdev([26.0, 27.0]))
    assert (one["seeds"], one["ok"], one["missing"]) == ("2", "2", "0")
    assert (one["signal"], one["preset"]) == ("Sierpinski", "smoke")


def test_latex_escapes_names(store, rows, table):
    _, out, _ = table(store([row | {"model": "Grid_TV & 50%"} for row in rows]), "--format", "latex")
    text = out.decode()
    assert r"Grid\_TV \& 50\% & 3" in text
    assert r"$\pm$" in text
    assert text.count(r"\begin{tabular}{lrr}") == text.count(r"\end{tabular}") == 1


def test_a_model_named_like_markup_stays_text(store, rows, table):
    _, out, _ = table(store([row | {"model": "*<b>|"} for row in rows]))
    assert cells(out.decode().replace("\\|", "¦"))[2][0] == "*&lt;b>¦"


def test_a_file_named_like_markup_stays_text(store, make_row, table):
    own = {"signal": "UserFile", "item": "a<b>c.png-01234567", "bandlimit": None}
    _, out, _ = table(store([make_row(**own)]))
    assert out.decode().startswith("**PSNR (dB): a&lt;b>c.png, fit, ")


def test_a_parquet_file_has_the_means_or_every_row(store, rows, table, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    out = store(rows)
    assert table(out, "--format", "parquet", "--to", str(tmp_path / "t.parquet"))[0] == 0
    means = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert [(row["model"], row["size"], row["mean"]) for row in means][2:] == [
        ("Grid", 3000, pytest.approx(5.2)),
        ("Grid", 10_000, pytest.approx(15.2)),
    ]
    _, content, _ = table(out, "--format", "parquet", "--rows")
    every = parquet.read_table(io.BytesIO(content)).to_pylist()
    assert len(every) == len(rows)
    assert every[0]["settings"] == '{"lr": 0.1}'
    assert every[0]["curve"] == rows[0]["curve"]


def test_columns_of_parquet_have_their_types_though_all_is_null(store, rows, make_row, table):
    parquet = pytest.importorskip("pyarrow.parquet")
    one, tuned = make_row(preset="paper"), make_row(preset="tuned")  # one draw has neither spread nor interval
    for given, words in ((rows, ()), ([one, tuned], ("--preset", "tuned", "--against", "paper"))):
        code, content, _ = table(store(given), "--format", "parquet", *words)
        assert code == 0
        types = {field.name: str(field.type) for field in parquet.read_schema(io.BytesIO(content))}
        assert "null" not in types.values(), types


def test_parquet_without_pyarrow_is_one_clear_line(store, rows, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = table(store(rows), "--format", "parquet")
    assert code == 2
    assert err == "error: Parquet needs pyarrow: pip install pyarrow\n"


def test_every_row_as_csv(store, rows, table):
    _, out, _ = table(store(rows), "--format", "csv", "--rows")
    lines = list(csv.DictReader(io.StringIO(out.decode())))
    assert len(lines) == len(rows)
    assert {float(line["psnr"]) for line in lines} == {row["psnr"] for row in rows}


def test_chosen_models_are_compared_as_if_they_were_all(store, rows, make_row, table):
    _, alone, _ = table(store(rows), "--own")
    out = store([make_row(model="Best", size=size, psnr=90.0, bandlimit=0.1, seed=1) for size in (3000, 10_000)])
    code, chosen, err = table(out, "--own", "--models", "Grid", "Siren")
    assert (code, err, chosen) == (0, "", alone)
    _, lines, _ = table(out, "--models", "Siren", "--format", "csv", "--rows")
    assert {line["model"] for line in csv.DictReader(io.StringIO(lines.decode()))} == {"Siren"}


def test_a_group_of_models_is_those_that_there_are(store, rows, make_row, table):
    """`newer` of three models is one; one without rows is named as a mistyped model would be."""
    _, alone, _ = table(store(rows), "--own")
    assert table(store(rows), "--own", "--models", "all", "Siren") == (0, alone, "")
    assert table(store(rows), "--models", "newer")[2].startswith("error: no rows of model 'newer'")
    out = store([make_row(model="Finer")])
    assert table(out, "--own", "--models", "newer") == table(out, "--own", "--models", "Finer")
    assert table(out, "--own", "--models", "all") == (0, alone, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--by", "modle"], "--by: unknown key 'modle' (did you mean 'model'?); known: model, size, band, item, seed"),
        (["--by", "model,band"], "scores of several budgets have no mean; add size: --by model,band,size"),
        (["--metric", "pnsr"], "argument --metric: invalid choice: 'pnsr' (did you mean 'psnr'?)"),
        (["--metric", "iou"], "no row of these has iou; choose another --metric"),
        (["--signal", "Star"], "no rows of signal 'Star'; there are: Sierpinski"),
        (["--task", "ct"], "no rows of task 'ct'; there are: fit"),
        (["--preset", "a", "--against", "a"], "--preset and --against are both a; give two presets"),
        (
            ["--preset", "a", "--against", "b", "--by", "model,size,item"],
            "--against compares models at each budget, not by model,size,item; leave --by out",
        ),
        (["--models", "Grid", "Sirne"], "no rows of model 'Sirne' (did you mean 'Siren'?); there are: Grid, Siren"),
        (["--rows", "--format", "csv", "--by", "item"], "--rows gives every row as it is, not by item; leave --by or"),
        (["--rows"], "--rows gives csv or parquet, not md; add --format csv"),
        (["--to", "/absent/x.md"], "cannot write '/absent/x.md': No such file or directory"),
    ],
)
def test_mistakes_are_one_line(store, rows, table, arguments, says):
    code, out, err = table(store(rows), *arguments)
    assert refused(code, out, err).startswith(f"error: {says}")
    assert out == b""


def test_means_equal_the_tables_own(store, table):
    spheres = store(row for row in paper_rows() if (row["signal"], row["dim"]) == ("SparseSphereSignal", 2))
    _, out, _ = table(spheres, "--format", "csv")
    means = pd.read_csv(io.BytesIO(out))
    loaded = load(spheres)
    loaded["gain"] = (loaded["psnr"] - loaded["psnr_constant"]).clip(-60, 60)
    expected = loaded.groupby(["model", "size", "seed"])["gain"].mean().groupby(["model", "size"]).mean()
    for line in means.to_dict("records"):
        assert math.isclose(line["mean"], expected[line["model"], line["size"]])
