"""Who is best on the page: published scores, significance, yardsticks and ranks. In a browser."""

import itertools

import numpy as np

from common.words import budget_text
from harness.analysis import published
from harness.analysis.significance import intervals
from harness.analysis.wording import difference
from harness.report import write_page
from harness.store.table import load_rows
from target_signals.tasks.metrics import METRICS
from tests.harness.report.browsing import cell, column, heads


def test_published_scores_stand_beside_ours(open_page, paper_page, paper_store):
    (cell,) = [
        cell
        for cell in published.beside(load_rows(paper_store, "2d_ChestCT_ct"))
        if (cell.model, cell.size) == ("Siren", 100_000)
    ]
    tab = open_page(paper_page, "#e=2d_ChestCT/ct/paper/native/1000")
    titles = heads(tab, "#leaderboard")
    line = tab.locator("#leaderboard tbody tr", has_text="Siren").nth(2)
    texts = line.locator("th, td").all_inner_texts()
    assert texts[titles.index("Published")] == f"{cell.published:.2f}"
    assert texts[titles.index("Ours − theirs")] == f"{cell.difference:+.2f}".replace("-", "−")
    assert f"{cell.published:.2f} → {cell.ours:.2f}" in tab.inner_text("#published-table")
    tab.select_option("#choose-signal", label="Sierpinski 2D")
    assert not tab.locator("#published").is_visible()


def test_significance_is_shown(open_page, paper_page):
    tab = open_page(paper_page, "#e=2d_SparseSphereSignal/fit/paper/1000/1000")
    assert "mean over 9 bands; replicated: 5 seeds" in tab.inner_text("#differences p")
    assert "p by Holm over all pairs of models" in tab.inner_text("#differences p")
    assert tab.locator("#differences td.better").count() == 0  # than the best
    assert tab.locator("#differences td.worse").count() > 20
    tab.locator("#significance-to button", has_text="to Grid").click()
    tab.locator("#differences td.better").first.wait_for()
    assert "p by Holm over the comparisons of a column" in tab.inner_text("#differences p")
    assert tab.locator("#differences tr", has_text="Grid").first.locator("td").first.inner_text() == ""
    assert "Average ranks need" in tab.inner_text("#ranks")  # bands and seeds are no replicates
    assert tab.locator("#across svg").count() == 1
    tab.select_option("#choose-signal", label="DIV2K 2D")
    assert "replicated: 10 items" in tab.inner_text("#differences p")
    assert "trained models over 10 items, by PSNR" in tab.inner_text("#ranks figcaption")
    assert "critical difference" in tab.text_content("#ranks svg")


def test_differences_and_budgets_read_as_those_of_the_table(open_page, store, make_row):
    scores = {"Grid": (31.0, 31.0), "Siren": (20.0, 24.135), "Wire": (30.5, 30.5824), "BACON": (18.03, 29.6)}
    runs = [(model, seed, psnr) for model, own in scores.items() for seed, psnr in enumerate(own)]
    rows = [make_row(model=model, size=12_345, seed=seed, psnr=psnr) for model, seed, psnr in runs]
    tab = open_page(write_page.write(store(rows)))
    assert heads(tab, "#heatmap")[1:] == [budget_text(12_345)]
    others = [model for model in column(tab, "#differences", 0) if model != "Grid"]
    for model, text in zip(others, tab.locator("#differences small.under").all_inner_texts(), strict=True):
        (found,) = intervals(np.array([[psnr - 31.0] for psnr in scores[model]]))
        interval = difference(found, METRICS["psnr"]).partition(" dB ")[2]
        assert text.replace("+", "").startswith(interval), model


def test_a_difference_that_reads_0_is_none_however_sure_it_is(open_page, store, make_row):
    off = {"Grid": 0.0, "Siren": 0.01, "Wire": 1.0}
    rows = [make_row(model=m, seed=seed, psnr=30.0 + seed - x) for m, x in off.items() for seed in (1, 2, 3)]
    tab = open_page(write_page.write(store(rows)))
    cells = dict(zip(column(tab, "#differences", 0), tab.locator("#differences td").all(), strict=True))
    assert "p < .001" in cells["Siren"].inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert [cells[model].get_attribute("class") for model in ("Siren", "Wire")] == ["number unsure", "number worse"]
    assert "best, tied" in column(tab, "#leaderboard", 5)


def test_a_yardstick_is_ranked_apart_and_named_where_it_is_ahead(open_page, store, make_row):
    labels = {"Grid": "learned", "Siren": "learned", "Wavelet": "classical"}
    rows = [
        make_row(model=model, label=label, seed=seed, psnr=20.0 + 5 * i + 0.1 * seed * i)
        for i, (model, label) in enumerate(labels.items())
        for seed in (1, 2, 3)
    ]
    tab = open_page(write_page.write(store(rows)))
    cell = tab.locator("#winners td").first
    assert cell.locator("a > span").all_inner_texts() == ["Siren", "25.2 (+5.2)", "† Wavelet +5.2"]
    assert cell.locator("b").inner_text() == "Siren"
    assert column(tab, "#leaderboard", 0) == ["1", "2", "†"]
    assert column(tab, "#leaderboard", heads(tab, "#leaderboard").index("To the best"))[0] == "wins"


def test_a_model_does_not_win_by_its_easier_draws(open_page, store, make_row):
    scores = {"Siren": (29.0, None, None), "Grid": (30.0, 20.0, 20.0)}
    rows = [
        make_row(model=model, seed=seed, psnr=psnr, status="diverged" if psnr is None else "ok")
        for model, own in scores.items()
        for seed, psnr in enumerate(own)
    ]
    tab = open_page(write_page.write(store(rows)))
    assert tab.locator("#winners td a > span").all_inner_texts() == ["Grid", "23.3", "1 of 2 models compared"]
    said = "does not compete: Siren (2 failed of 3 runs)"
    assert tab.inner_text("#winners .left-out") == tab.inner_text("#leaderboard-notes") == said
    assert column(tab, "#leaderboard", 1) == ["Grid", "Siren"]
    assert column(tab, "#leaderboard", 0) == ["1", "!"]
    assert cell(tab, "Grid").get_attribute("class") == "heat first"


def test_a_card_folds_many_remarks(open_page, store, make_row):
    lacks = {100: "Grid", 200: "Siren", 300: "Wire"}  # each budget without one
    for count, sizes in ((2, (100, 200)), (3, (100, 200, 300))):
        rows = [
            make_row(model=model, size=size)
            for size in (*sizes, 400)
            for model in ("Grid", "Siren", "Wire")
            if lacks.get(size) != model
        ]
        tab = open_page(write_page.write(store(rows)))
        assert tab.locator("#winners .card .left-out li").count() == (0 if count > 2 else count)
        folded = tab.locator("#winners .card details")
        assert folded.locator("summary").all_inner_texts() == ["3 remarks on what is compared"] * (count > 2)


INSIDE = """svg => [...svg.querySelectorAll('text')].every(text => {
  const [box, room] = [text.getBBox(), svg.viewBox.baseVal];
  return box.x >= 0 && box.x + box.width <= room.width;
})"""


def test_ranks_of_few_items_stay_inside_the_card(open_page, store, make_row):
    models = ("FourFeat", "Siren", "Instant_NGP", "Grid_TV")
    rows = [make_row(model=model, item=item, psnr=10.0 + i) for i, model in enumerate(models) for item in ("a", "b")]
    tab = open_page(write_page.write(store(rows)))
    assert "critical difference→ " in tab.text_content("#ranks svg")
    assert tab.locator("#ranks svg").evaluate(INSIDE)
    assert "So few items that no two models could come out apart." in tab.inner_text("#ranks")
    tab.select_option("#choose-item", "a")
    assert tab.inner_text("#differences p").endswith("no difference can be told from chance.")
    tab.set_viewport_size({"width": 500, "height": 900})
    assert tab.locator("#ranks svg text").first.evaluate("text => text.getBoundingClientRect().height") > 11
    assert tab.locator("#ranks svg").evaluate(INSIDE)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 500


def test_many_models_with_long_names_stay_inside_too(open_page, store, make_row):
    models = [f"A_model_whose_name_has_{i:02}_letters_or_forty" for i in range(40)]
    rows = [make_row(model=model, item=item, psnr=10.0 + i) for i, model in enumerate(models) for item in ("a", "b")]
    tab = open_page(write_page.write(store(rows)))
    assert tab.locator("#ranks svg").evaluate(INSIDE)
    box = "texts => texts.map(text => [text.getBBox().x, text.getBBox().width])"
    boxes = tab.eval_on_selector_all('#ranks svg text[text-anchor="middle"]', box)
    assert all(x + width < other for (x, width), (other, _) in itertools.pairwise(boxes))
    tab.set_viewport_size({"width": 390, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_preset_stands_beside_the_one_whose_extent_it_has(open_page, store, make_row):
    scores = {  # model → preset → PSNR of three items
        "Grid": {"paper": (20.0, 22.0, 24.0), "tuned": (20.0, 22.0, 24.1)},
        "Siren": {"paper": (18.0, 19.0, 20.0), "tuned": (25.0, 26.0, 26.5), "smoke": (9.0, 9.0, 9.0)},
    }
    rows = [
        make_row(model=model, preset=preset, psnr=score, item=f"item{i}", bandlimit=None, signal="DIV2K")
        for model, presets in scores.items()
        for preset, of_items in presets.items()
        for i, score in enumerate(of_items)
    ]
    tab = open_page(write_page.write(store(rows)))
    (part,) = tab.locator("#preset-sections details").all()
    assert part.inner_text().startswith("tunedDIV2K 2D, fit; paper → tuned, length 24")
    assert part.locator(".best").all_inner_texts() == ["best at 2.5k: Grid → Siren"]
    tab.click("#preset-sections summary")
    tab.locator("#presets tbody tr").first.wait_for()
    assert [text.strip("↕↑↓ ") for text in heads(tab, "#presets")][2:4] == ["paper (dB)", "tuned (dB)"]
    cells = [[text.strip() for text in row.split("\t")] for row in tab.locator("#presets tbody tr").all_inner_texts()]
    assert [row[:4] + row[5:] for row in cells] == [
        ["Siren", "2.5k", "19.0", "25.8", "2 → 1"],
        ["Grid", "2.5k", "22.0", "22.0", "1 → 2"],
    ]
    assert [row[4].split(" [")[0] for row in cells] == ["6.8 dB", "0.0 dB"]
    assert tab.locator("#presets tbody b").count() == 1, "Grid's change may be chance"
    tab.click('#presets [data-sort="before"]')
    assert column(tab, "#presets", 0) == ["Grid", "Siren"]
    tab.click('#presets [data-sort="climbed"]')
    assert column(tab, "#presets", 0) == ["Siren", "Grid"], "who climbed most"
    assert "[ ] 95 % interval over 3 items" in part.inner_text()


def test_a_page_of_one_preset_does_not_speak_of_others(open_page, small):
    tab = open_page(write_page.write(small))
    assert not tab.is_visible("#presets")
    assert not tab.is_visible("#to-presets")
