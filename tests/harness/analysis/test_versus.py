"""Two presets side by side: paired differences over the draws of both, ranks, and who is best."""

import csv
import io

import pytest
from PIL import Image

from harness import __main__ as verbs
from harness.analysis import tables
from harness.analysis.comparison import comparisons
from harness.analysis.experiments import experiments
from harness.analysis.versus import versus
from harness.figures import draw_figures
from harness.figures.presets import presets_page
from tests.harness.figures.reading import said
from tests.harness.refused import refused

SCORES = {  # model → preset → PSNR of three items
    "Grid": {"paper": (20.0, 22.0, 24.0), "tuned": (21.0, 23.0, 25.0)},
    "Siren": {"paper": (18.0, 19.0, 20.0), "tuned": (25.0, 26.0, 26.5)},
    "Wavelet": {"paper": (30.0, 31.0, 32.0), "tuned": (30.0, 31.0, 32.0)},
}


@pytest.fixture
def rows(make_row):
    label = {"Wavelet": "classical"}
    return [
        make_row(
            model=model,
            label=label.get(model, "learned"),
            preset=preset,
            psnr=score,
            item=f"item{i}",
            bandlimit=None,
            signal="DIV2K",
            settings={"lr": len(preset)},
            config_hash=f"{len(preset):012d}",
        )
        for model, presets in SCORES.items()
        for preset, scores in presets.items()
        for i, score in enumerate(scores)
    ]


def changes(rows, metric="psnr"):
    (found,) = versus(experiments(rows), "tuned", "paper", metric)
    return found, {change.model: change for change in found.changes}


def test_differences_are_paired_and_ranks_are_of_each_sort(rows):
    found, by_model = changes(rows)
    siren = by_model["Siren"]
    assert (siren.before, siren.after) == pytest.approx((19.0, 25.8333), abs=1e-3)
    assert siren.ahead.mean == pytest.approx(siren.after - siren.before)
    assert siren.ahead.n == 3
    assert siren.ahead.certain
    assert by_model["Grid"].ahead.mean == pytest.approx(1)
    assert {model: change.ranks for model, change in by_model.items()} == {
        "Grid": (1, 2),
        "Siren": (2, 1),
        "Wavelet": (1, 1),
    }
    before, after = found.outcomes[2500]
    assert (before.trained.best, after.trained.best) == ("Grid", "Siren")


def test_only_draws_of_both_count(rows):
    without = [row for row in rows if (row["model"], row["preset"], row["item"]) != ("Grid", "paper", "item2")]
    found, by_model = changes(without)
    assert (by_model["Grid"].before, by_model["Grid"].after) == (21.0, 22.0)
    siren = by_model["Siren"]
    assert (siren.before, siren.after) == (18.5, 25.5), "item2 compares nothing, as one of the two models lacks it"
    assert (by_model["Grid"].ranks, siren.ranks) == ((1, 2), (2, 1))
    assert "compared over 2 of 3 items, as too few models have item2" in tables.versus_as("md", [found]).decode()
    assert versus(experiments(rows), "tuned", "quick", "psnr") == []


@pytest.mark.parametrize(("bands", "title"), [((0.5,), "PSNR (dB)"), ((0.3, 0.5), "PSNR gain (dB), mean gain over 2")])
@pytest.mark.parametrize("fewer", ["paper", "tuned"])
def test_bands_of_one_preset_alone_change_nothing(make_row, fewer, bands, title):
    """Of several bands scores are gains, 15 dB here, and of one alone PSNR: both presets have the same of both."""
    rows = [
        make_row(model=model, preset=preset, bandlimit=band, psnr=20.0, psnr_constant=5.0)
        for model in ("Grid", "Siren")
        for preset in ("paper", "tuned")
        for band in (bands if preset == fewer else (0.1, 0.3, 0.5, 0.7))
    ]
    found, by_model = changes(rows)
    assert found.title.startswith(title)
    assert [change.ahead.mean for change in by_model.values()] == [0.0, 0.0]


def test_what_is_to_be_known_of_the_scores_is_said_of_each_preset(rows):
    def more(row):
        tuned = row["preset"] == "tuned"
        return {
            "parameters": 2000 if tuned else 2500,
            "psnr_constant": 30.0 if row["model"] == "Grid" and tuned else 9.0,
        }

    rows = [row | more(row) for row in rows]
    found, _ = changes(rows)
    assert found.remarks["paper"] == []
    least, nothing = found.remarks["tuned"]
    assert least.startswith("uses less than its budget: Grid at 2.5k 80%; Siren at 2.5k 80%")
    assert nothing == "learned nothing over the mean of the truth: Grid at 2.5k"
    assert f"tuned: {nothing}" in tables.versus_as("md", [found]).decode()
    (comparison,) = (one for one in comparisons(rows) if one.kind == found.kind)
    assert f"tuned: {nothing}" in said(presets_page(found, comparison))
    again = [row | {"seed": 7, "psnr": 1.0} for row in rows if row["preset"] == "tuned"]
    found, _ = changes([*rows, *again])
    assert found.remarks["tuned"] == [least, nothing], "draws that one preset lacks are not shown, nor spoken of"


@pytest.mark.parametrize(("change", "said"), [(1.0, "1.0 dB [1.0, 1.0]"), (-1.0, "−1.0 dB [−1.0, −1.0]")])
def test_a_change_that_rounds_to_0_is_not_bold(rows, change, said):
    """However sure it is, as that of a grid which two settings take to one optimum."""
    same = {"Grid": 0.001, "Siren": change}
    rows = [row | {"psnr": 20.0 + same.get(row["model"], 0) * (row["preset"] == "tuned")} for row in rows]
    found, by_model = changes(rows)
    assert by_model["Grid"].ahead.certain
    text = tables.versus_as("md", [found]).decode()
    assert f"**{said}**" in text
    assert "**0.0 dB" not in text


@pytest.mark.parametrize("preset", ["paper", "tuned"])
def test_a_failure_under_one_preset_has_no_score_under_either(rows, preset):
    failed = [
        row | ({"status": "diverged"} if (row["model"], row["preset"]) == ("Grid", preset) else {}) for row in rows
    ]
    found, by_model = changes(failed)
    assert set(by_model) == {"Siren", "Wavelet"}
    assert [outcome.trained.models for outcome in found.outcomes[2500]] == [("Siren",), ("Siren",)]


def test_less_is_better_where_the_metric_says_so(rows):
    rows = [row | {"lpips": row["psnr"] / 100} for row in rows]
    _, by_model = changes(rows, "lpips")
    assert by_model["Siren"].ahead.mean < 0
    assert by_model["Siren"].ranks == (1, 2)


def test_the_table_and_the_figure(rows, store, capsysbinary):
    out = store(rows)
    words = ["--out", str(out), "--against", "paper"]
    assert verbs.main(["table", *words, "--preset", "tuned"]) == 0
    text = capsysbinary.readouterr().out.decode()
    assert text.startswith("**PSNR (dB): DIV2K 2D, fit, paper → tuned, length 24, 3 steps**")
    assert "best at 2.5k: Grid, Wavelet † → Siren ≈ Grid, Wavelet †" in text
    assert "[ ] 95 % interval over 3 items, each for itself; ≈ is corrected for all pairs of models" in text
    (siren,) = [line for line in text.splitlines() if "Siren " in line and line.startswith("|")]
    assert [cell.strip() for cell in siren.split("|")[1:4]] == ["2.5k", "Siren", "19.0"]
    assert "2 → 1" in siren
    assert verbs.main(["table", *words, "--preset", "tuned", "--format", "csv"]) == 0
    found = {row["model"]: row for row in csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode()))}
    assert float(found["Grid"]["ahead"]) == pytest.approx(1)
    assert (found["Siren"]["rank_before"], found["Siren"]["rank_after"]) == ("2", "1")
    assert verbs.main(["figures", *words]) == 0
    figures = out / "2d_DIV2K" / "figures" / "tuned_24_3"
    assert (figures / "psnr_against_paper.png").stat().st_size > 0
    assert verbs.main(["figures", *words, "--preset", "tuned", "--models", "Grid", "--width", "3.3"]) == 0
    with Image.open(figures / "chosen" / "psnr_against_paper.png") as picture:
        assert picture.width == 660  # 200 pixels an inch
    assert verbs.main(["table", *words, "--preset", "tuned", "--format", "latex"]) == 0
    assert r"& 2 $\to$ 1 \\" in capsysbinary.readouterr().out.decode()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table", "--against", "paper"], "--against goes with --preset"),
        (["table", "--against", "papr", "--preset", "tuned"], "no rows of preset 'papr' (did you mean 'paper'?)"),
        (["figures", "--against", "quick"], "no experiment has scores of quick"),
        (["figures", "--against", "paper", "--waiting"], "--against draws scores, not seconds; leave --waiting out"),
    ],
)
def test_a_mistake_is_one_line(rows, store, capsys, words, message):
    assert message in refused(verbs.main([*words, "--out", str(store(rows))]), *capsys.readouterr())


def legend_of(page):
    return [text.get_text() for text in page.legends[0].get_texts()]


def test_the_figure_has_each_changes_interval_where_there_is_one(rows):
    found, by_model = changes(rows)
    (comparison,) = (one for one in comparisons(rows) if one.kind == found.kind)
    page = presets_page(found, comparison)
    ends = [sorted(line.get_xdata()) for line in page.axes[0].lines if line.get_marker() == "|"]
    siren = by_model["Siren"]
    assert pytest.approx([19.0 + siren.ahead.low, 19.0 + siren.ahead.high]) in ends
    assert len(ends) == 3
    assert legend_of(page) == ["paper", "tuned", "95 % interval of the change"]
    single = [row for row in rows if row["item"] == "item0"]
    found, _ = changes(single)
    (comparison,) = (one for one in comparisons(single) if one.kind == found.kind)
    assert legend_of(presets_page(found, comparison)) == ["paper", "tuned"], "one draw has none"


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would be saved."""
    figures = []
    monkeypatch.setattr(draw_figures, "save", lambda figure, *_: figures.append(figure) or [])
    return figures


def test_the_figure_counts_the_draws_that_are_compared(rows, tmp_path, drawn):
    """And not those that one preset alone has."""
    one_more = [row | {"item": "item3"} for row in rows if row["preset"] == "tuned" and row["item"] == "item0"]
    draw_figures.draw_presets([*rows, *one_more], tmp_path, "paper", list(SCORES))
    (figure,) = drawn
    assert "3 items and 1 seed" in said(figure)


def test_the_figure_of_a_signal_without_items_counts_its_seeds(rows, tmp_path, drawn):
    alone = [row | {"item": None, "signal": "StarTarget"} for row in rows if row["item"] == "item0"]
    draw_figures.draw_presets(alone, tmp_path, "paper", list(SCORES))
    (figure,) = drawn
    assert "1 seed" in " ".join(" ".join(text.get_text() for text in figure.texts).split())


def test_names_of_models_lie_within_the_figure(rows, tmp_path, drawn):
    name = "A_model_of_a_very_long_name"
    long = [row | {"model": name} if row["model"] == "Grid" else row for row in rows]
    draw_figures.draw_presets(long, tmp_path, "paper", [name, "Siren", "Wavelet"])
    (figure,) = drawn
    figure.draw_without_rendering()
    labels = [label for axes in figure.axes for label in axes.get_yticklabels()]
    assert name in {label.get_text() for label in labels}
    assert min(label.get_window_extent().x0 for label in labels) >= 0
