"""Reference rows beside a person's own: which compare, which never do, and where one's own models place."""

import dataclasses
import json
import re

import pytest

from harness import __main__ as verbs
from harness.analysis import placing, reference_rows
from harness.analysis.comparison import comparisons
from harness.analysis.reference_rows import beside
from harness.figures import legend
from harness.figures.page import headline
from harness.plan import want
from harness.plan.config import DEFAULT_CONFIG, load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.tuned import REACH, Found, write_tuned
from harness.report import page, write_page
from harness.store.parquet import write_rows
from harness.store.scan import gather
from harness.store.schema import REFERENCE_RESULT
from tests.harness.commands.test_tune import NEWCOMER
from tests.harness.paper_rows import write_rows as write_store

SIGNAL, PRESET = "Sierpinski", "smoke"


@pytest.fixture
def wanting(tmp_path):
    """A settings file that wants the smoke preset of a CPU."""
    data = json.loads(DEFAULT_CONFIG.read_text())
    order = [{"group": "g", "preset": PRESET, "device": "cpu", "experiments": "e"}]
    data["reference"] = {"experiments": {"e": [f"2d_{SIGNAL}"]}, "order": order}
    (tmp_path / "settings.json").write_text(json.dumps(data))
    return tmp_path / "settings.json"


@pytest.fixture
def rows_of(make_row, wanting):
    """`rows_of(["Grid"], sizes=[500], seeds=[1, 2], psnr=20.0)`: rows as its trials would leave them."""

    def make(names, sizes=(500,), seeds=(1234,), bandlimits=(0.5,), psnr=20.0, **changes):
        config = load_config(wanting)
        preset = dataclasses.replace(config.preset(PRESET, SIGNAL, 2), sizes=sizes, seeds=seeds, bandlimits=bandlimits)
        found = []
        for trial in make_plan(config, choose_source(SIGNAL, 2), ["fit"], preset, names):
            fields = {name: getattr(trial, name) for name in make_row() if hasattr(trial, name)}
            fields |= {"size": trial.budget, "settings": dataclasses.asdict(trial.settings), "psnr": psnr}
            found.append(make_row(**fields | changes))
        return found

    return make


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """Make some rows the reference results."""

    def write(rows):
        monkeypatch.setattr(want, "FOLDER", tmp_path)
        write_rows(tmp_path / f"{PRESET}.parquet", {(str(i), ""): row for i, row in enumerate(rows)})

    return write


def mine(rows, model="Mine", **changes):
    """The same rows as a newcomer's."""
    return [row | {"model": model, "config_hash": "abcabcabcabc"} | changes for row in rows]


def test_models_that_one_has_not_run_stand_beside_at_the_same_cells(rows_of, ship, wanting):
    cells = {"sizes": (500, 900), "seeds": (1, 2), "bandlimits": (0.3, 0.5)}
    ship(rows_of(["Grid", "Siren", "BlockDCT"], **cells))
    own = [*mine(rows_of(["Grid"])), *rows_of(["Siren"], psnr=3.0)]
    own = [row | {"seed": 1, "signal_seed": 1} for row in own]
    found = beside(own, load_config(wanting))
    assert {row["origin"] for row in found} == {REFERENCE_RESULT}
    at = {(row["model"], row["size"], row["seed"], row["bandlimit"]) for row in found}
    assert at == {(model, 500, 1, 0.5) for model in ("Grid", "BlockDCT")}
    assert len(found) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"config_hash": "000000000000"},
        {"length": 25},
        {"steps": 4},
        {"task": "denoise_0.1"},
        {"signal": "StarTarget"},
        {"dim": 3},
        {"preset": "quick"},
        {"seed": 1, "signal_seed": 1},
        {"signal_seed": 1},
        {"size": 501},
        {"bandlimit": 0.4},
        {"item": "one"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_rows_are_never_mixed_in(rows_of, ship, wanting, change):
    config, (row, *_) = load_config(wanting), rows_of(["Grid"])
    ship([row])
    assert len(beside(mine([row]), config)) == 1
    ship([row | change])
    assert beside(mine([row]), config) == []
    if "config_hash" not in change:  # the newcomer's is its own
        ship([row])
        assert beside(mine([row], **change), config) == []


@pytest.mark.parametrize("change", [{"minibatch": 100}, {"optimiser": "muon"}, {"tuned_at": "smoke"}])
def test_a_run_with_another_protocol_stands_alone(rows_of, ship, wanting, change):
    ship(rows_of(["Grid", "Wire"], sizes=(500, 900)))
    own = rows_of(["Siren"], sizes=(500, 900))
    config = load_config(wanting)
    assert len(beside(own, config)) == 4
    own = [row | (change if row["size"] == 900 else {}) for row in own]
    assert {row["size"] for row in beside(own, config)} == {500}


def test_a_setting_given_by_hand_takes_that_model_out(rows_of, ship, wanting):
    ship(rows_of(["Grid", "Wire"]))
    own = mine(rows_of(["Grid"]))
    assert {row["model"] for row in beside(own, load_config(wanting, ["Grid.lr=0.3"]))} == {"Wire"}
    assert beside(own, load_config(wanting, ["protocol.adam_betas=[0.8, 0.9]"])) == []
    assert beside(own, load_config(wanting, ["reference.order=[]"])) == []


def test_a_model_that_was_tuned_near_one_budget_alone_stands_beside_there(rows_of, ship, wanting):
    data = json.loads(wanting.read_text())
    data["presets"][PRESET]["tuned_at"] = PRESET
    wanting.write_text(json.dumps(data))
    found = Found({"lr": 0.02}, 5.0, 3.0, 0, 16, 3, ("camera",), 1000, 60.0, "cpu", "abc")
    write_tuned(wanting, {PRESET: {"Grid": {"synthetic": {"500": found}}}})
    ship(rows_of(["Grid"]))
    own = rows_of(["Grid_exact"], sizes=(500, 500 * (REACH + 1)))
    assert [(row["model"], row["size"]) for row in beside(own, load_config(wanting))] == [("Grid", 500)]


def test_the_reference_is_read_once_for_table_places_and_figures_and_again_where_it_changed(
    rows_of, ship, wanting, calls
):
    rows, own, config = rows_of(["Grid", "Siren"]), mine(rows_of(["Grid"], sizes=(500, 900))), load_config(wanting)
    ship(rows)
    read = calls(reference_rows, "read_rows")
    for _ in range(2):
        found = beside(own, config)
        assert "no reference rows at 900" in placing.tell([*own, *found], config)
    assert (len(found), len(read)) == (2, 1)
    ship(rows[:1])
    assert (len(beside(own, config)), len(read)) == (1, 2)


def test_without_results_nothing_stands_beside(rows_of, wanting):
    own = mine(rows_of(["Grid"]))
    assert beside(own, load_config(wanting)) == []
    assert beside([row | {"preset": "../smoke"} for row in own], load_config(wanting)) == []


def test_a_reference_that_cannot_be_read_is_left_out_with_a_warning(rows_of, ship, wanting, tmp_path):
    ship([])
    (tmp_path / f"{PRESET}.parquet").write_text("nothing")
    with pytest.warns(UserWarning, match="the reference results are left out"):
        assert beside(mine(rows_of(["Grid"])), load_config(wanting)) == []


def test_the_place_is_over_the_draws_that_both_have(rows_of, ship, wanting):
    scores = {"Grid": (20.0, 22.0, 24.0), "Siren": (10.0, 10.0, 10.0), "Wavelet": (90.0, 90.0, 90.0)}
    shipped = [
        row
        for name, own in scores.items()
        for seed, psnr in enumerate(own)
        for row in rows_of([name], seeds=(seed,), psnr=psnr)
    ]
    shipped = [row | ({"label": "classical"} if row["model"] == "Wavelet" else {}) for row in shipped]
    ship(shipped)
    own = [
        row for seed, psnr in enumerate((19.0, 20.0, 21.0, 99.0)) for row in rows_of(["Grid"], seeds=(seed,), psnr=psnr)
    ]
    config = load_config(wanting)

    def told(rows):
        return placing.tell([*rows, *beside(rows, config)], config)

    # behind by 1, 2, 3: a mean of 2 and Student's interval of 2.4841
    assert "500  Mine: 2 of 3, 2.0 dB [−0.5, 4.5] behind Grid (not told apart)" in told(mine(own))
    assert told(mine(own)).startswith("among the reference results, PSNR (dB), Sierpinski 2D, fit:\n")
    better = [row | {"psnr": row["psnr"] + 10} for row in own]
    assert "500  Mine: 1 of 3, 8.0 dB [5.5, 10.5] ahead of Grid" in told(mine(better))
    assert "1 of 3, 9.0 dB ahead of Grid (one draw: no interval)" in told(mine(better)[:1])
    failed = [row | ({"status": "diverged", "psnr": None} if row["seed"] == 1 else {}) for row in mine(own)]
    assert "Mine: no rank, as it lacks runs that others have, or failed there" in told(failed)
    assert told(mine(own[3:])) == ""
    assert told(mine(own, label="classical")) == ""
    # one lead of the best may be chance, so that each is corrected
    more = [row for seed, psnr in enumerate((26.0, 14.0, 24.0)) for row in rows_of(["Wire"], seeds=(seed,), psnr=psnr)]
    ship([*shipped, *more])
    nearer = [row | {"psnr": psnr} for row, psnr in zip(mine(own), (18.8, 20.0, 21.5, 0.0), strict=True)]
    assert "1.9 dB [0.3, 3.5] behind Grid (not told apart after Holm's correction)" in told(nearer)


def test_a_budget_that_the_reference_lacks_is_said(rows_of, ship, wanting):
    ship(rows_of(["Grid"], sizes=(500, 900)))
    config = load_config(wanting)

    def told(rows):
        return placing.tell([*rows, *beside(rows, config)], config).splitlines()

    both = mine(rows_of(["Grid"], sizes=(500, 3000, 10_000)))
    *places, last = told(both)
    assert [line.split(":")[0] for line in places if "Mine" in line] == ["    500  Mine"]
    assert last == "Sierpinski 2D, fit: no reference rows at 3k and 10k; smoke has 500 and 900"
    assert told(mine(rows_of(["Grid"], sizes=(3000,)))) == [last.replace(" and 10k", "")]
    assert told(rows_of(["Grid"], sizes=(3000,))) == [], "it has no other models"
    (alone,) = told([row | {"task": "denoise"} for row in both])
    assert alone.startswith("Sierpinski 2D, denoise, smoke, length 24, 3 steps: no reference rows; name models")
    assert told([row | {"task": "denoise"} for row in [*both, *rows_of(["Grid"])]]) == [], "Grid is beside it"
    assert told(mine(rows_of(["Grid"], sizes=(3000,)), label="classical")) == [], "only trained models are placed"
    assert told(mine(rows_of(["Grid"]))) == places, "a budget that only the reference has is no lack"


def test_places_begin_with_the_least_budget_whatever_the_order_of_rows(rows_of, ship, wanting):
    rows = rows_of(["Grid"], sizes=(3000, 500, 10_000))
    ship(rows)
    own, config = mine(rows[::-1]), load_config(wanting)
    _, *places = placing.tell([*own, *beside(own, config)], config).splitlines()
    assert [line.split()[0] for line in places if "Mine: " in line] == ["500", "3k", "10k"]


def test_a_newcomers_run_and_table_have_the_reference_beside_them(rows_of, ship, wanting, run_py, tmp_path, capsys):
    out = tmp_path / "out"
    ship(rows_of(["Grid", "Siren"], sizes=(500, 900), seconds=7777.0))
    (tmp_path / "constant.py").write_text(NEWCOMER)
    words = ["--signal", SIGNAL, "--preset", PRESET, "--device", "cpu", "--config", wanting, "--out", out]
    code, said, _ = run_py(*words, "--models", tmp_path / "constant.py", "--sizes", 500)
    assert code == 0
    assert re.search(r"^Grid \(reference\) +20\.00 +1$", said, re.MULTILINE)
    assert re.search(r"^Constant +\d+\.\d\d +\d+\.\d +1$", said, re.MULTILINE)
    assert "500  Constant: 3 of 3, " in said
    assert "7777" not in said
    assert len(list(out.glob("*/rows/*"))) == 1

    def table(*more):
        assert verbs.main(["table", "--out", str(out), "--config", str(wanting), *more]) == 0
        return capsys.readouterr().out

    assert re.search(r"^\| Grid \(reference\) +\| +\*\*20\.0\*\* +\|$", table(), re.MULTILINE)
    assert "Siren" not in table("--own")
    lines = table("--format", "csv").splitlines()
    origins = [line.split(",")[lines[0].split(",").index("origin")] for line in lines[1:]]
    assert origins == ["reference", "reference", ""]


def test_stored_rows_have_no_origin(rows_of, tmp_path):
    (row,) = rows_of(["Grid"])
    out = write_store(tmp_path / "out", [row])
    assert '"origin": null' in next(out.glob("*/rows/*.json")).read_text()


def test_figures_and_page_mark_them_and_leave_their_times_out(rows_of, ship, wanting, tmp_path, monkeypatch):
    ship(rows_of(["Grid", "Siren"], seconds=7.0))
    own, config = mine(rows_of(["Grid"], seconds=1.0, psnr=25.0)), load_config(wanting)
    (comparison,) = comparisons([*own, *beside(own, config)], ["Siren", "Grid", "Mine"])
    assert comparison.of_reference == {"Siren", "Grid"}
    labels = [handle.get_label() for handle in legend.of_models(comparison, comparison.models)]
    assert labels == ["Siren (reference)", "Grid (reference)", "Mine"]
    assert headline(comparison, "PSNR")[1][-1] == "from the reference results: Siren, Grid"
    assert [row["model"] for row in comparison.timed] == ["Mine"]

    out = write_store(tmp_path / "out", own)
    built = []
    monkeypatch.setattr(page, "assemble", lambda data, *more: built.append(data) or "")
    write_page.write(out, wanting)
    (experiment,) = built[0]["experiments"]
    assert (experiment["of_reference"], experiment["models"]) == (["Grid", "Siren"], ["Siren", "Grid", "Mine"])
    (placed,) = [line for line in experiment["placed"] if "Mine" in line]
    assert placed == "500  Mine: 1 of 3, 5.0 dB ahead of Grid (one draw: no interval)"
    assert built[0]["columns"]["seconds"] == [None, None, 1.0]
    assert gather(out).stored[0].row["model"] == "Mine"
    assert len(gather(out).stored) == 1
