"""Who is best, as every display says it: figure, terminal, Markdown, LaTeX, verdict, and the page's data."""

import pytest

from harness import __main__ as verbs
from harness.analysis.comparison import comparisons
from harness.analysis.experiments import experiments
from harness.analysis.own_file.verdict import tell
from harness.analysis.summary import summarise
from harness.analysis.wording import told
from harness.figures.curves import curve_page
from harness.figures.heatmaps import lead_page, score_page
from harness.figures.views import over_budgets
from harness.figures.winners import winner_page
from harness.report.payload import build
from harness.store.scan import gather
from target_signals.tasks.metrics import METRICS

SEEDS = (1, 2, 3)


def on_page(out, config):
    """The only experiment of a store, as the page's data have it."""
    found = gather(out)
    return build(found, experiments(found.rows, config.protocol.order, config), config)["experiments"][0]


@pytest.fixture
def displays(store, make_row, config, tmp_path, capsysbinary):
    """`displays(Grid=[30, 20, 20], …)`: what each display says of one place; None for a trial that diverged."""

    def table(out, form):
        assert verbs.main(["table", "--out", str(out), "--format", form]) == 0
        return capsysbinary.readouterr().out.decode()

    def call(**scores):
        rows = [
            make_row(model=model, seed=seed, psnr=psnr, status="diverged" if psnr is None else "ok")
            | {"label": "classical" if model in ("Wavelet", "BlockDCT") else "learned"}
            for model, own in scores.items()
            for seed, psnr in zip(SEEDS, own, strict=True)
        ]
        out = store(rows)
        (comparison,) = comparisons(rows)
        experiment = on_page(out, config)
        return {
            "figure": [text.get_text() for text in winner_page(comparison).axes[0].texts],
            "terminal": summarise(rows, list(scores)),
            "markdown": table(out, "md"),
            "latex": table(out, "latex"),
            "verdict": tell(rows, tmp_path),
            "page": experiment["best"]["psnr"]["0.5"]["2500"],
            "ranks": dict(zip(experiment["lines"]["model"], experiment["scores"]["psnr"]["rank"], strict=True)),
        }

    return call


def test_a_model_does_not_win_by_its_easier_draws(displays):
    """Siren's only score is above Grid's mean of 23.3 dB, and its other two runs diverged."""
    said = displays(Siren=[29.0, None, None], Grid=[30.0, 20.0, 20.0])
    out = "does not compete: Siren (2 failed of 3 runs)"
    assert said["figure"][0] == "Grid"
    assert "best at 2,500: Grid: 23.3 dB; no other trained model to compare with" in said["terminal"]
    assert "Siren" not in said["terminal"].partition("best at")[2].partition(out)[0]
    assert "**23.3 ± 5.8**" in said["markdown"]
    assert "| 29.0 (1/3) " in said["markdown"]
    assert r"Grid & \textbf{23.3 $\pm$ 5.8} \\" in said["latex"]
    assert r"Siren & 29.0 (1/3) \\" in said["latex"]
    assert "Grid, 23.3 dB [9.0, 37.7]; no other trained model to compare with" in said["verdict"]
    assert (said["page"]["model"], said["page"]["left_out"]) == ("Grid", [out])
    assert sorted(said["ranks"].values(), key=str) == [1, None]
    for text in (said["terminal"], said["markdown"], said["latex"], said["verdict"]):
        assert out in text


def test_a_win_is_told_with_its_interval(displays):
    said = displays(Siren=[20.0, 25.0, 30.0], Grid=[22.1, 27.0, 31.9])
    assert said["figure"] == ["Grid", "27.0 (+2.0)"]
    assert "best at 2,500: Grid: 27.0 dB, 2.0 dB [1.8, 2.2] ahead of Siren" in said["terminal"]
    assert "**27.0 ± 4.9**" in said["markdown"]
    assert "≈" not in said["markdown"] + said["latex"] + said["verdict"]
    assert r"\textbf{27.0 $\pm$ 4.9}" in said["latex"]
    assert "Grid, 27.0 dB [14.8, 39.2], 2.0 dB [1.8, 2.2] ahead of Siren" in said["verdict"]
    assert (said["page"]["model"], said["page"]["verdict"]) == ("Grid", "win")


def test_a_tie_is_told_with_who_is_not_told_apart(displays):
    said = displays(Siren=[20.0, 25.0, 30.0], Grid=[24.0, 24.0, 33.0])
    assert said["figure"] == ["Grid", "27.0 (+2.0)", "≈ Siren"]
    assert "best at 2,500: Grid ≈ Siren: 27.0 dB" in said["terminal"]
    assert "25.0 ± 5.0 ≈" in said["markdown"]
    assert r"25.0 $\pm$ 5.0 $\approx$" in said["latex"]
    assert "Grid, 27.0 dB [14.1, 39.9], not told apart from Siren (2.0 dB [−4.6, 8.6] ahead)" in said["verdict"]
    assert "over 3 seeds" in said["verdict"]
    assert (said["page"]["model"], said["page"]["verdict"]) == ("Grid", "tie")
    for text in (said["terminal"], said["markdown"], said["latex"]):
        assert "≈ not told apart from the best at 5 %, over seeds, or its lead rounds to 0" in text


def test_a_tie_of_three_counts_the_third(displays):
    said = displays(Siren=[20.0, 25.0, 30.0], Grid=[24.0, 24.0, 33.0], Wire=[22.0, 23.0, 34.0])
    assert "best at 2,500: Grid ≈ Wire and 1 more: 27.0 dB" in said["terminal"]


def test_a_yardstick_that_is_ahead(displays):
    said = displays(Siren=[20.0, 25.0, 30.0], Wavelet=[40.0, 45.0, 50.5], Grid=[22.1, 27.0, 31.9])
    assert said["figure"] == ["Grid", "27.0 (+2.0)", "† Wavelet (+18.2)"]
    assert "2.0 dB [1.8, 2.2] ahead of Siren; Wavelet † 18.2 dB [17.2, 19.1] ahead" in said["terminal"]
    assert "**27.0 ± 4.9**" in said["markdown"]
    assert "| 45.2 ± 5.3 † " in said["markdown"]
    assert r"45.2 $\pm$ 5.3 \dag{}" in said["latex"]
    assert "Wavelet, 45.2 dB [32.1, 58.2], 18.2 dB [17.2, 19.1] ahead of Grid" in said["verdict"]
    assert (said["page"]["model"], said["page"]["yardstick"]) == ("Grid", "Wavelet")
    assert sorted(said["ranks"].values(), key=str) == [1, 2, None]


def test_what_is_alone_of_its_sort(displays, make_row):
    said = displays(Grid=[22.1, 27.0, 31.9], Wavelet=[40.0, 45.0, 50.5])
    alone = "Grid: 27.0 dB; no other trained model to compare with; Wavelet † 18.2 dB [17.2, 19.1] ahead"
    assert f"best at 2,500: {alone}" in said["terminal"]
    assert "Grid, 27.0 dB [14.8, 39.2]; no other trained model to compare with" in said["verdict"]
    (comparison,) = comparisons([make_row(model="Wavelet", label="classical", psnr=45.0)])
    lone = told(comparison.outcome(2500, comparison.regions[-1]), METRICS["psnr"])
    assert lone == "Wavelet †: 45.0 dB; no other yardstick to compare with"


def test_where_nobody_competes_nobody_is_named(displays):
    """Each of them lacks a draw that the other one has."""
    said = displays(Siren=[29.0, None, 20.0], Grid=[None, 20.0, 20.0])
    assert said["figure"] == ["–"]
    assert "best at 2,500: –" in said["terminal"]
    assert "\n| **" not in said["markdown"]
    assert "textbf" not in said["latex"]
    assert said["verdict"] == ""
    assert said["page"]["model"] is None
    assert set(said["ranks"].values()) == {None}


def test_a_heatmap_and_a_curve_have_the_means_of_the_tables(store, make_row, capsysbinary):
    """Over items of means over their seeds: 20 dB where the mean over all runs is 17."""
    scores = {("a", 1): 10.0, ("a", 2): 15.0, ("a", 3): 17.0, ("b", 1): 26.0}
    about = {"signal": "SampleImages", "bandlimit": None}
    rows = [
        make_row(**about, model=model, size=size, item=item, seed=seed, psnr=psnr + (model == "Siren"))
        for model in ("Grid", "Siren")
        for size in (1000, 2000)
        for (item, seed), psnr in scores.items()
    ]
    (comparison,) = comparisons(rows)
    view = over_budgets(comparison)
    (heatmap,), (curve,) = (page(comparison, view).axes[:1] for page in (score_page, curve_page))
    assert [text.get_text() for text in heatmap.texts] == ["20.0", "20.0", "21.0", "21.0"]
    assert [list(line.get_ydata()) for line in curve.lines[:2]] == [[20.0, 20.0], [21.0, 21.0]]
    assert [text.get_text() for text in lead_page(comparison, view).axes[0].texts] == ["+1.0", "+1.0"]
    assert verbs.main(["table", "--out", str(store(rows))]) == 0
    table = capsysbinary.readouterr().out.decode()
    assert table.count("| 20.0 ±") == table.count("| **21.0") == 2


def test_what_is_not_compared_is_said_alike_everywhere(store, make_row, config, capsysbinary):
    """A family of signals that is being filled: one model has the band 0.9, which none of the other three has yet."""
    bands = {"Grid": (0.1, 0.5), "Siren": (0.1, 0.5, 0.9), "Wire": (0.1, 0.5), "BACON": (0.1, 0.5)}
    level = {"Grid": 30.0, "Siren": 20.0, "Wire": 19.0, "BACON": 18.0}
    rows = [
        make_row(model=model, signal="BandlimitedSignal", bandlimit=band, psnr=level[model] + 50 * (band == 0.9))
        for model, own in bands.items()
        for band in own
    ]
    out = store(rows)
    (comparison,) = comparisons(rows, config.protocol.order)
    experiment = on_page(out, config)
    place, pooled = experiment["best"]["psnr"]["0.9"]["2500"], experiment["best"]["psnr"][""]["2500"]
    tables = {}
    for by in ("model,size", "model,size,band"):
        assert verbs.main(["table", "--out", str(out), "--by", by]) == 0
        tables[by] = " ".join(capsysbinary.readouterr().out.decode().split())
    few = "3 of 4 models have no score here: Wire, BACON, Grid"
    assert (place["left_out"], place["models"], place["few"]) == ([few], [1, 4], True)
    figure = " ".join(" ".join(text.get_text() for text in winner_page(comparison).texts).split())
    terminal = summarise(rows, list(config.protocol.order))
    assert f"at 2.5k ({comparison.difficulty.text(0.9)}): {few}" in figure, "by the name on its axis"
    for text in (terminal, tables["model,size,band"]):
        assert f"at 2.5k (0.9): {few}" in text
    assert experiment["left_out"] == [f"at 2.5k (0.9): {few}"]
    bands_left = "compared over 2 of 3 bands, as too few models have 0.9"
    assert pooled["left_out"] == [bands_left]
    assert bands_left in tables["model,size"]
    assert "mean over 2 bands" in tables["model,size"]
    assert (pooled["model"], pooled["cases"], pooled["bands"], "few" in pooled) == ("Grid", 2, 2, False)
    assert experiment["led"] == {"places": 2, "aside": 1, "best": [["Grid", 2, 0]], "yardsticks": []}
    assert "| Siren | 10.7 " in tables["model,size"], "the gain of two bands, not of three"
    assert [line.split() for line in terminal.splitlines() if line.startswith("Siren")] == [
        ["Siren", "10.70", "0.9", "3"]
    ]
