"""The page in a real browser: that it works as a reader uses it, asks for nothing, and draws no more than is seen."""

import csv
import io
import json
import re
import shlex

import numpy as np
import pytest

from common.errors import UsageError
from harness.analysis import published, target
from harness.analysis.bits import codec_points
from harness.analysis.experiments import experiments
from harness.analysis.means import means
from harness.commands import run as run_command
from harness.report import charts, write_page
from harness.store import parquet
from harness.store.names import key_of
from harness.store.own_signal import keep_signal, signal_path
from harness.store.scan import gather
from harness.store.schema import NAMES
from harness.store.store import Store
from harness.store.table import load_rows
from target_signals.base import Signal


@pytest.fixture(scope="module")
def paper_page(paper_store):
    return paper_store / "index.html"


@pytest.fixture
def open_page(browser):
    """`open_page(path)`: the page in a fresh tab, `before` whose script another runs. At the end: no message, no error,
    no request but for the file."""
    tabs, unwanted = [], []

    def call(path, fragment="", before="", **settings):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, **settings)
        context.set_default_timeout(120_000)  # a busy machine may take long
        context.add_init_script(before)
        tab = context.new_page()
        tabs.append(context)
        tab.on("console", lambda message: unwanted.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: unwanted.append(f"error: {error}"))
        url = f"{path.as_uri()}{fragment}"
        local = ("data:", "blob:")
        tab.on("request", lambda request: request.url in (path.as_uri(), *local) or _note(unwanted, request.url))
        tab.goto(url)
        tab.wait_for_selector("html[data-ready]")
        return tab

    yield call
    for context in tabs:
        context.close()
    assert unwanted == []


def _note(unwanted, url):
    if not url.startswith(("data:", "blob:")):
        unwanted.append(f"request: {url}")


@pytest.fixture
def small(tmp_path, make_row):
    """A store of 16 rows with arrays: Grid and Siren, two budgets, two bands, two seeds; one failed, one is missing."""
    out = tmp_path / "out"
    store = Store(out, "2d_Sierpinski")
    store.prepare()
    number = 0
    for model in ("Grid", "Siren"):
        for size in (3000, 10_000):
            for band in (0.1, 0.5):
                for seed in (1, 2):
                    number += 1
                    if number == 16:
                        continue
                    psnr = 10 + size / 1000 + 10 * band + seed - (2 if model == "Siren" else 0)
                    row = make_row(model=model, size=size, bandlimit=band, seed=seed, psnr=psnr)
                    row["psnr_constant"] = target.build(row).constant
                    row |= {"settings": {"lr": 0.25}, "started": f"2026-01-01T00:00:{number:02}.000+00:00"}
                    residual = np.random.default_rng(number).normal(0, 0.1, (24, 24, 1)).astype(np.float32)
                    if number == 15:
                        row |= {"status": "diverged", "reason": "the loss was not finite after pass 2", "psnr": None}
                        residual = None
                    store.write(f"{model}_{size}_{number}", dict.fromkeys(NAMES) | row, residual)
    return out


def column(tab, place, number):
    """The texts of a column of the table at a place."""
    return tab.eval_on_selector_all(f"{place} tbody tr", f"rows => rows.map(row => row.cells[{number}].innerText)")


def heads(tab, place):
    return [text.rstrip(" ↕↑↓") for text in tab.locator(f"{place} thead th").all_inner_texts()]


def cell(tab, place):
    """The button of a heatmap's cell."""
    return tab.locator(f'#heatmap button[title^="{place}"]')


def chip(tab, name, value):
    tab.locator(f'label.chip:has(input[name="{name}"][value="{value}"])').click()


COUNT_ELEMENTS = """
window.made = 0;
for (const name of ["createElement", "createElementNS"]) {
    const make = document[name];
    document[name] = (...given) => { window.made += 1; return make.apply(document, given); };
}
"""


def test_the_papers_page_is_small_and_makes_fewer_elements_than_it_has_trials(open_page, paper_page):
    assert paper_page.stat().st_size < 15e6 - 1e6 * write_page.MEGABYTES  # this store has no arrays to make pictures of
    tab = open_page(paper_page, before=COUNT_ELEMENTS)
    assert "12 experiments, 10 300 trials" in tab.inner_text("#summary").replace("\u202f", " ")
    assert "176 missing" in tab.inner_text("#tallies")
    at_first = tab.evaluate("made")
    chip(tab, "models", "Siren")
    assert tab.locator("#chosen").inner_text().endswith("2\u202f160 trials.")
    assert 0 < at_first < 10_300 / 2
    assert 0 < tab.evaluate("made") - at_first < 10_300 / 2


def test_charts_are_drawn_when_they_come_near(open_page, paper_page):
    tab = open_page(paper_page)
    assert tab.locator("#chart-grid svg").count() == 0
    tab.locator("#charts").scroll_into_view_if_needed()
    tab.wait_for_selector("#chart-grid figure:nth-child(3) svg")
    texts = tab.locator("#chart-grid figure").first.inner_text()
    assert "PSNR gain (dB)" in texts  # over bands
    assert "300k" in texts
    assert "at a budget of 3M" in tab.locator("#chart-grid figure").nth(1).inner_text()
    tab.locator('#chart-grid figure:first-child path[aria-label*="size: 3000000"][aria-label*="model: Wire"]').click()
    assert tab.inner_text("#dialog-title") == "Wire, 3M"


def test_the_leaderboard_sorts(open_page, small):
    tab = open_page(write_page.write(small))
    place = heads(tab, "#leaderboard").index("PSNR gain (dB)")  # over constant means of 6.3 and 9.3 dB
    assert column(tab, "#leaderboard", 1) == ["Grid", "Siren"] * 2
    assert column(tab, "#leaderboard", 0) == ["1", "2", "1", "!"]  # Siren lacks draws at 10k
    tab.locator('#leaderboard [data-sort="mean"]').click()
    assert column(tab, "#leaderboard", place) == ["16.7 ± 0.7", "14.2 ± 0.7 (2/4)", "9.7 ± 0.7", "7.7 ± 0.7"]
    assert tab.locator('#leaderboard th[aria-sort="descending"]').inner_text().startswith("PSNR")
    tab.locator('#leaderboard [data-sort="mean"]').click()
    assert column(tab, "#leaderboard", place)[0] == "7.7 ± 0.7"
    assert tab.evaluate("document.activeElement.dataset.sort") == "mean"  # the keyboard stays where it was


def test_the_leaderboard_says_what_is_lacking(open_page, small):
    tab = open_page(write_page.write(small))
    trials = column(tab, "#leaderboard", heads(tab, "#leaderboard").index("Trials"))
    assert re.sub(r"\s+", " ", trials[3]) == "2 ok, 2 seeds 1 failed1 missing"
    assert [" ".join(line.split()) for line in tab.locator("#gaps-table tbody tr").all_inner_texts()] == [
        "Siren diverged 1 10k 0.5 the loss was not finite after pass 2",
        "Siren missing 1 10k 0.5",
    ]


def test_filters_act_on_everything(open_page, small):
    tab = open_page(write_page.write(small))
    chip(tab, "sizes", 3000)
    assert column(tab, "#leaderboard", 2) == ["10k", "10k"]
    assert heads(tab, "#heatmap") == ["PSNR gain (dB)", "10k"]
    assert "page 1 of 1, 8 trials" in tab.inner_text("#trials-pages")
    tab.select_option("#choose-band", "0.5")
    assert heads(tab, "#heatmap") == ["PSNR (dB)", "10k"]
    chip(tab, "models", "Siren")
    assert column(tab, "#leaderboard", 1) == ["Grid"]
    assert "2 trials" in tab.inner_text("#trials-pages")
    tab.select_option("#choose-metric", "ssim")
    assert "SSIM" in heads(tab, "#leaderboard")
    assert column(tab, "#leaderboard", 1) == ["Grid"]
    tab.locator('[data-chips="models"] button').click()
    assert column(tab, "#leaderboard", 1) == ["Grid", "Siren"]
    tab.fill("#find", "siren diverged")
    assert "1 trial" in tab.inner_text("#trials-pages")


def test_signal_task_and_run_choose_the_experiment(open_page, paper_page):
    tab = open_page(paper_page)
    tab.select_option("#choose-signal", label="2D DIV2K")
    tab.select_option("#choose-task", label="denoise σ = 0.1")
    assert tab.inner_text("#chosen").startswith("2D DIV2K, denoise σ = 0.1; paper, native size")
    tab.select_option("#choose-item", "0064")
    assert tab.inner_text("#chosen").endswith("54 trials.")
    tab.select_option("#choose-metric", label="LPIPS")
    ranked = [float(text.split()[0]) for text in column(tab, "#leaderboard", 3)[:9]]
    assert column(tab, "#leaderboard", 0)[:9] == [str(i) for i in range(1, 10)]
    assert ranked == sorted(ranked)  # less is better


def test_the_stars_rings_are_bands(open_page, paper_page):
    tab = open_page(paper_page, "#e=2d_StarTarget/fit/paper/1000/1000")
    assert tab.input_value("#choose-band") == "whole"
    tab.locator("#heatmap-views button", has_text="over bands").click()
    assert heads(tab, "#heatmap")[1:] == [f"0.{ring}" for ring in range(1, 10)] + ["whole signal"]
    first = [float(text.replace("−", "-")) for text in tab.locator("#heatmap tbody tr").first.inner_text().split()[1:]]
    assert first[0] > first[8]


def test_numbers_are_those_of_the_table(open_page, paper_page, paper_store):
    rows = [stored.row for stored in gather(paper_store).stored]
    experiment = next(one for one in experiments(rows) if (one.kind.signal, one.kind.dim) == ("SparseSphereSignal", 2))
    tab = open_page(paper_page, "#e=2d_SparseSphereSignal/fit/paper/1000/1000")
    for band, by in ((None, ("model", "size")), (0.5, ("model", "size", "band"))):
        lines = means(experiment, rows, by, "psnr").lines
        expected = {line.keys[:2]: line for line in lines if band in (None, *line.keys[2:])}
        if band is not None:
            tab.select_option("#choose-band", str(band))
        models = column(tab, "#leaderboard", 1)
        scores = column(tab, "#leaderboard", 3)
        assert len(models) == 54
        for i, (model, text) in enumerate(zip(models, scores, strict=True)):
            line = expected[model, [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000][i // 9]]
            mean, spread = (float(part) for part in text.partition(" (")[0].split(" ± "))
            assert text.endswith(f" ({line.of[0]}/{line.of[1]})") == (line.of[0] < line.of[1])
            assert mean == pytest.approx(line.mean, abs=0.0501)
            assert spread == pytest.approx(line.spread.whole, abs=0.0501)


def test_a_cell_opens_its_trials(open_page, small):
    tab = open_page(write_page.write(small))
    cell(tab, "Grid, budget 3k").click()
    assert tab.inner_text("#dialog-title") == "Grid, 3k"
    assert "trial 1 of 4 of this cell" in tab.inner_text("#dialog")
    tab.wait_for_selector("#dialog .chart svg")
    picture = tab.locator("#dialog .picture img").first
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 24
    assert tab.locator("#dialog figcaption").all_inner_texts() == ["Target", "Reconstruction", "Absolute error"]
    tab.locator("#trial-next").click()
    assert "trial 2 of 4 of this cell" in tab.inner_text("#dialog")
    assert tab.evaluate("document.activeElement.id") == "trial-next"
    text = tab.inner_text("#dialog")
    for fact in (
        "cpu",
        "torch",
        "0.25",
        "fp32",
        "2026-01-01T00:00:02.000+00:00",
        "out",
        "2d_Sierpinski/rows/Grid_3000_2",
    ):
        assert fact in text
    tab.keyboard.press("Escape")
    assert not tab.locator("#dialog").is_visible()


def beside(tab):
    """The headings of what lies side by side, the target's, which is empty, left out."""
    tab.locator("#dialog .beside-column").first.wait_for()  # an address is followed a moment after a click sets it
    return [text for text in tab.locator("#dialog .beside-column h3").all_inner_texts() if text]


def test_a_place_shows_its_pictures_side_by_side_and_has_an_address(open_page, small):
    path = write_page.write(small)
    tab = open_page(path)
    tab.locator('#winners a[data-place="0.1/3000"]').click()
    assert beside(tab) == ["Grid best", "Siren second"]
    assert tab.locator("#dialog figcaption").all_inner_texts() == [
        "Target",
        *["Reconstruction", "Absolute error"] * 2,
    ]
    scores = [re.search(r"PSNR\s+(\S+)", text)[1] for text in tab.locator("#dialog .scores").all_inner_texts()]
    assert scores == ["15.00", "13.00"]  # of the first seed
    assert "budget 3k" in tab.inner_text("#dialog .lead")
    tab.keyboard.press("ArrowRight")
    tab.locator("#dialog .lead", has_text="band 0.5").wait_for()
    assert "band 0.5" in tab.inner_text("#dialog .lead")
    again = open_page(path, tab.evaluate("location.hash"))
    assert "band 0.5, budget 3k" in again.inner_text("#dialog .lead")
    assert beside(again) == beside(tab)


def test_trials_are_laid_side_by_side(open_page, small):
    path = write_page.write(small)
    tab = open_page(path)
    cell(tab, "Grid, budget 3k").click()
    tab.click("#lay-beside")
    tab.keyboard.press("Escape")
    assert tab.locator("#tray-open").is_disabled()
    cell(tab, "Siren, budget 10k").click()
    tab.click("#lay-beside")
    tab.keyboard.press("Escape")
    tab.click("#tray-open")
    assert beside(tab) == ["Grid", "Siren"]
    tab.wait_for_selector("#dialog .chart svg")
    assert "0.25" in tab.inner_text("#dialog .facts")
    again = open_page(path, tab.evaluate("location.hash"))
    assert beside(again) == ["Grid", "Siren"]
    tab.set_viewport_size({"width": 390, "height": 844})
    reach = "all => Math.max(...all.map((one) => one.getBoundingClientRect().right))"
    assert tab.eval_on_selector_all("#dialog .beside-column", reach) <= 390  # nothing is cut off


def test_the_command_repeats_the_trial(open_page, small, config):
    tab = open_page(write_page.write(small))
    cell(tab, "Grid, budget 3k").click()
    python, script, *arguments = shlex.split(tab.inner_text("#command"))
    assert (python, script) == ("python", "run.py")
    options = run_command.parse(arguments)
    assert (options.signal, options.dim, options.models, options.sizes) == (["Sierpinski"], 2, ["Grid"], [3000])
    assert (options.bandlimits, options.seeds, options.steps, options.length) == ([0.1], [1], 3, 24)
    assert (options.device, options.precision, options.set) == ("cpu", "fp32", ["Grid.lr=0.25"])


def test_an_address_opens_a_trial(open_page, small):
    path = write_page.write(small)
    tab = open_page(path)
    chip(tab, "sizes", 3000)
    tab.locator("#trials-table button.link").first.click()
    title, command, fragment = (
        tab.inner_text("#dialog-title"),
        tab.inner_text("#command"),
        tab.evaluate("location.hash"),
    )
    again = open_page(path, fragment)
    assert (again.inner_text("#dialog-title"), again.inner_text("#command")) == (title, command)
    assert again.locator('input[name="sizes"][value="3000"]').is_checked() is False


def test_the_keyboard_is_enough(open_page, small):
    tab = open_page(write_page.write(small))
    for _ in range(80):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.className") == "heat":
            break
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    assert tab.inner_text("#dialog-title") == "Grid, 10k"
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.title").startswith("Grid, budget 10k")
    assert tab.locator(":is(button, input, select):not([tabindex='-1'])").count() > 20


def test_published_scores_stand_beside_ours(open_page, paper_page, paper_store):
    (cell,) = [
        cell
        for cell in published.beside(load_rows(paper_store, "2d_ChestCT_ct"))
        if (cell["model"], cell["size"]) == ("Siren", 100_000)
    ]
    tab = open_page(paper_page, "#e=2d_ChestCT/ct/paper/native/1000")
    titles = heads(tab, "#leaderboard")
    line = tab.locator("#leaderboard tbody tr", has_text="Siren").nth(2)
    texts = line.locator("th, td").all_inner_texts()
    assert texts[titles.index("Published")] == f"{cell['published']:.2f}"
    assert texts[titles.index("Ours − theirs")] == f"{cell['difference']:+.2f}".replace("-", "−")
    assert f"{cell['published']:.2f} → {cell['ours']:.2f}" in tab.inner_text("#published-table")
    tab.select_option("#choose-signal", label="2D Sierpinski")
    assert not tab.locator("#published").is_visible()


def test_significance_is_shown(open_page, paper_page):
    tab = open_page(paper_page, "#e=2d_SparseSphereSignal/fit/paper/1000/1000")
    assert "mean over 9 bands; replicated: 5 seeds" in tab.inner_text("#differences p")
    assert tab.locator("#differences td.better").count() == 0  # than the best
    assert tab.locator("#differences td.worse").count() > 20
    tab.locator("#significance-to button", has_text="to Grid").click()
    tab.locator("#differences td.better").first.wait_for()
    assert tab.locator("#differences tr", has_text="Grid").first.locator("td").first.inner_text() == ""
    assert "Average ranks need" in tab.inner_text("#ranks")  # bands and seeds are no replicates
    assert tab.locator("#across svg").count() == 1
    tab.select_option("#choose-signal", label="2D DIV2K")
    assert "replicated: 10 items" in tab.inner_text("#differences p")
    assert "trained models over 10 items, by PSNR" in tab.inner_text("#ranks figcaption")
    assert "critical difference" in tab.text_content("#ranks svg")


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
    assert tab.inner_text("#winners .left-out") == tab.inner_text("#leaderboard-left-out") == said
    assert column(tab, "#leaderboard", 1) == ["Grid", "Siren"]
    assert column(tab, "#leaderboard", 0) == ["1", "!"]
    assert cell(tab, "Grid").get_attribute("class") == "heat first"


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
    assert tab.locator("#ranks .scroll").evaluate("box => box.scrollWidth <= box.clientWidth")
    assert tab.locator("#ranks svg").evaluate(INSIDE)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 500


def test_downloads(open_page, small):
    parquet = pytest.importorskip("pyarrow.parquet")
    tab = open_page(write_page.write(small))
    with tab.expect_download() as started:
        tab.click("#csv-all")
    lines = started.value.path().read_text().splitlines()
    assert len(lines) == 1 + 16
    assert lines[0].startswith("signal,dim,task,preset,length,")
    chip(tab, "models", "Siren")
    with tab.expect_download() as started:
        tab.click("#csv-chosen")
    assert len(started.value.path().read_text().splitlines()) == 1 + 8
    with tab.expect_download() as started:
        tab.click("#parquet-all")
    rows = parquet.read_table(io.BytesIO(started.value.path().read_bytes())).to_pylist()
    assert {row["psnr"] for row in rows} == {stored.row["psnr"] for stored in gather(small).stored}


def test_the_leaderboard_is_a_file_as_it_is_shown(open_page, small):
    tab = open_page(write_page.write(small))
    with tab.expect_download() as started:
        tab.click("#csv-table")
    head, *lines = csv.reader(started.value.path().read_text().splitlines())
    assert head[:3] == ["#", "Model", "Budget"]
    assert head == [*tab.locator("#leaderboard thead [data-sort]").all_inner_texts()]
    assert len(lines) == tab.locator("#leaderboard tbody tr").count()
    assert [line[1] for line in lines] == tab.locator("#leaderboard tbody th button").all_inner_texts()


def test_figures_that_lie_in_the_folder_are_linked(open_page, store, make_row):
    out = store([make_row(signal=signal) for signal in ("Sierpinski", "StarTarget")])
    folder = out / "2d_StarTarget" / "figures" / "smoke_24_3"
    folder.mkdir(parents=True)
    (folder / "psnr_winners.png").write_bytes(b"a picture")
    tab = open_page(write_page.write(out))
    assert tab.locator("#figure-files details").count() == 0, "none of the experiment that is shown first"
    tab.select_option("#choose-signal", index=1)
    tab.click("#figure-files summary")
    assert tab.locator("#figure-files a").all_inner_texts() == ["PNG"]
    address = tab.locator("#figure-files a").get_attribute("href")
    assert (out / address).read_bytes() == b"a picture", "beside the page, wherever that is taken"


def test_rates_stand_on_the_page_with_the_codecs_that_were_measured(open_page, store, make_row):
    def rates(*pairs):
        return [
            {"bits": bits, "bytes": size, "psnr": psnr, "encode_seconds": 0, "decode_seconds": 0}
            for bits, size, psnr in pairs
        ]

    rows = [make_row(rates=rates((4, 36, 20.0), (8, 72, 21.0))), make_row(model="Siren", signal="StarTarget")]
    out = store(rows)
    tab = open_page(write_page.write(out))
    assert tab.locator("#rate-sections details").count() == 1, "one experiment has rates"
    tab.click("#rate-sections summary")
    tab.get_by_text("harness rates").wait_for()  # an opened section is filled a moment later
    assert tab.locator("#rates thead [data-sort]").all_inner_texts() == ["Model or codec", "Bits a sample", "PSNR (dB)"]
    folder = out / "2d_Sierpinski" / "figures" / "smoke_24_3"
    folder.mkdir(parents=True)
    codec_points.write(
        folder, {codec_points.signal_of(rows[0]): {"JPEG": [[[0.5, 18.0], [0, 0]], None, [[1.0, 19.0], [0, 0]]]}}
    )
    assert not write_page.is_current(out)
    tab = open_page(write_page.write(out))
    tab.click("#rate-sections summary")
    tab.locator("#rates tbody tr").first.wait_for()
    cells = [row.split("\t") for row in tab.locator("#rates tbody tr").all_inner_texts()]
    assert [[text.strip() for text in row] for row in cells] == [
        ["Grid", "0.5 – 1", "20.0 – 21.0", "+2.00", "–"],
        ["JPEG", "0.5 – 1", "18.0 – 19.0", "0.00", "0"],
    ]
    (folder / codec_points.NAME).write_text('{"a": 7}')
    tab = open_page(write_page.write(out))
    tab.click("#rate-sections summary")
    tab.get_by_text("harness rates").wait_for()  # as a damaged file counts as none


def test_a_page_without_rates_does_not_speak_of_them(open_page, small):
    tab = open_page(write_page.write(small))
    assert not tab.is_visible("#rates")
    assert not tab.is_visible("#to-rates")


def test_rows_of_other_people_are_text(open_page, store, make_row):
    script = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    names = ("signal", "task", "model", "item", "reason", "preset", "device", "backend", "commit", "source", "label")
    row = make_row(status="diverged", settings={script: script}, versions={script: script}, psnr=None)
    rows = [row | dict.fromkeys(names, script) | {"size": size} for size in (10_000, 20_000)]
    good = [make_row(model=f"{script}{i}", item=script, size=10_000, psnr=20.0 + i) for i in range(2)]
    out = store([row | {"signal": "Sierpinski"} for row in [*rows, *good]])
    (out / "2d_Sierpinski" / "rows" / f"{'<img src=x>'}.json").write_text("{")
    tab = open_page(write_page.write(out))
    assert script in tab.inner_text("#leaderboard")
    assert script in tab.inner_text("#gaps-table")
    tab.locator("#charts").scroll_into_view_if_needed()
    tab.locator("#gaps-table button.link").first.click()
    assert script in tab.inner_text("#dialog")
    assert shlex.split(tab.inner_text("#command"))[2:4] == ["--signal", "Sierpinski"]
    assert script in shlex.split(tab.inner_text("#command"))
    assert "<img src=x>" in tab.locator("#notices").text_content()
    assert tab.title() == "Which representation should hold a signal? Results"
    assert tab.locator("img[src=x]").count() == 0
    assert tab.locator("script").count() == 5


def test_an_empty_store_says_so(open_page, tmp_path):
    tab = open_page(write_page.write(tmp_path))
    assert "There are no results yet." in tab.inner_text("#notices")
    assert "python -m harness report" in tab.inner_text("#notices")
    assert not tab.locator("#scores").is_visible()


def test_a_corrupt_store_says_so(open_page, small):
    folder = small / "2d_Sierpinski"
    rows = sorted((folder / "rows").glob("*.json"))
    rows[0].write_text(rows[0].read_text()[:200])
    rows[1].write_text(json.dumps(json.loads(rows[1].read_text()) | {"psnr": "high"}))
    (folder / "arrays" / f"{rows[2].stem}.npz").write_bytes(b"PK damaged")
    tab = open_page(write_page.write(small))
    assert "2 files could not be read as rows" in tab.inner_text("#notices")
    tab.get_by_text("could not be read as rows").click()
    assert "'psnr' is no number" in tab.inner_text("#notices")
    assert "3 missing" in tab.inner_text("#tallies")
    assert tab.locator("#leaderboard tbody tr").count() == 4


def test_unused_budgets_missing_gains_and_busy_machines_are_told_of(open_page, store, make_row):
    rows = [make_row(model="Grid", load_at_start=0.2), make_row(model="Siren", psnr=9.31, size=5000, load_at_start=1.8)]
    tab = open_page(write_page.write(store(rows)))
    tab.get_by_text("3 remarks on budgets, gains and times").click()
    assert tab.inner_text("#notices li >> nth=0") == "2D Sierpinski, fit: uses less than its budget: Siren at 5k 50%"
    assert "learned nothing over the mean of the truth: Siren at 5k" in tab.inner_text("#notices")
    assert "timed on a busy machine: Siren at 5k" in tab.inner_text("#notices")
    assert tab.inner_text("#trials-table").count("0.30 s") == 2
    assert tab.inner_text("#trials-table").count("0.30 s (busy)") == 1
    tab.locator("#trials-table button.link").first.click()
    assert "1.80 a core: a busy machine, times may be too long" in tab.inner_text("#dialog")


def test_only_corrupt_rows(open_page, tmp_path):
    (tmp_path / "2d_X" / "rows").mkdir(parents=True)
    (tmp_path / "2d_X" / "rows" / "a.json").write_text("")
    tab = open_page(write_page.write(tmp_path))
    assert "There are no results yet." in tab.inner_text("#notices")
    assert "1 file could not be read" in tab.inner_text("#notices")


def test_one_trial_alone(open_page, store, make_row):
    tab = open_page(write_page.write(store([make_row()])))
    assert column(tab, "#leaderboard", 1) == ["Grid"]
    assert "It takes two models" in tab.inner_text("#differences")
    tab.locator("#charts").scroll_into_view_if_needed()
    tab.wait_for_selector("#chart-grid svg, #chart-grid .empty")


def test_an_experiment_without_length_and_steps_is_said_to_lack_them(open_page, store, make_row):
    tab = open_page(write_page.write(store([make_row(length=None, steps=None)])))
    assert tab.locator(".under-title").inner_text().endswith("native size, steps unknown")


def test_charts_show_yardsticks_and_say_what_lies_far_beyond(open_page, store, make_row):
    scores = {"Siren": (20.0, 22.0), "Grid": (24.0, 26.0), "BlockDCT": (28.0, 31.0), "Wavelet": (30.0, 156.0)}
    rows = [
        make_row(model=model, size=size, psnr=psnr, label="classical" if psnr > 27 else "learned")
        for model, both in scores.items()
        for size, psnr in zip((10_000, 20_000), both, strict=True)
    ]
    tab = open_page(write_page.write(store(rows)))
    tab.locator("#charts").scroll_into_view_if_needed()
    tab.wait_for_selector("#chart-grid figure:first-child svg")

    def height(model):
        point = f'#chart-grid figure:first-child path[aria-label*="size: 20000"][aria-label*="model: {model}"]'
        return tab.locator(point).bounding_box()["y"]

    a_db = (height("Siren") - height("Grid")) / 4
    assert (height("Grid") - height("BlockDCT")) / 5 == pytest.approx(a_db, rel=0.2)
    assert tab.inner_text("#chart-grid figure:first-child .hint") == "Beyond the scale: Wavelet at 20k: 156.0"


def test_without_the_libraries(open_page, small, monkeypatch):
    def absent(records):
        raise UsageError("no pyarrow")

    monkeypatch.setattr(charts, "library", lambda: None)
    monkeypatch.setattr(parquet, "to_parquet", absent)
    tab = open_page(write_page.write(small))
    assert "written without vl-convert" in tab.inner_text("#chart-grid")
    assert "written without pyarrow" in tab.inner_text("#download-buttons")
    tab.locator("#heatmap button.heat").nth(0).click()
    assert tab.locator("#dialog .chart td").count() == 3  # the curve as numbers


def test_light_dark_and_print(open_page, small):
    path = write_page.write(small)
    shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert open_page(path, color_scheme="light").evaluate(shade) > 200
    tab = open_page(path, color_scheme="dark")
    assert tab.evaluate(shade) < 60
    colours = {
        re.search(r"rgb.*?\)", str(x))[0]
        for x in tab.locator("#leaderboard .dot path").evaluate_all(
            "paths => paths.map(path => getComputedStyle(path).fill)"
        )
    }
    assert len(colours) == 2
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate(shade) > 200
    assert not tab.locator("#controls").is_visible()
    assert tab.locator("#chosen").is_visible()
    assert len(tab.pdf(format="A4")) > 10_000


def test_pictures_are_of_the_item_at_which_models_differ_most(open_page, make_row, tmp_path):
    values = np.random.default_rng(0).random((24, 24, 1)).astype(np.float32)
    store = Store(tmp_path, "2d_UserFile")
    store.prepare()
    for item, scores in {"a.png-00000000": (15.0, 16.0), "b.png-00000001": (20.0, 12.0)}.items():
        for model, psnr in zip(("Grid", "Siren"), scores, strict=True):
            about = {"signal": "UserFile", "item": item, "dataset": "photos", "bandlimit": None}
            row = make_row(model=model, psnr=psnr, **about)
            store.write(key_of(row), row, values - 0.5)
        keep_signal(signal_path(tmp_path, row), Signal(values, 2, "image"))
    told = open_page(write_page.write(tmp_path)).locator(".own-answer").inner_text()
    assert told.startswith("photos, 2 images, fit")
    assert "Shown: item b.png, seed 1234, of those with pictures where these differ most." in told


def test_a_file_that_was_edited_has_the_digits_of_its_content(open_page, make_row, tmp_path):
    store = Store(tmp_path, "2d_UserFile")
    store.prepare()
    for item in ("a.png-00000000", "a.png-0000000f", "b.png-00000000"):
        row = make_row(signal="UserFile", item=item, bandlimit=None)
        store.write(key_of(row), row, None)
    cards = open_page(write_page.write(tmp_path)).locator("#winners .card h3").all_inner_texts()
    assert cards[:3] == ["a.png-00000000, fit", "a.png-0000000f, fit", "b.png, fit"]


def test_a_persons_own_file_is_seen_at_once(open_page, make_row, tmp_path):
    """The verdict, and pictures at the largest budget, before anything is clicked."""
    rng = np.random.default_rng(0)
    values = rng.random((24, 24, 1)).astype(np.float32)
    about = {"signal": "UserFile", "item": "my_photo.png-0123abcd", "bandlimit": None}
    keep_signal(signal_path(tmp_path, make_row(**about)), Signal(values, 2, "image"))
    constant = target.build(make_row(**about), tmp_path).constant
    for model, size, psnr in (("Grid", 100, 15.0), ("Grid", 200, 18.0), ("Siren", 200, 17.0)):
        row = make_row(model=model, size=size, parameters=size, psnr=psnr, psnr_constant=constant, **about)
        store = Store(tmp_path, "2d_UserFile")
        store.prepare()
        store.write(key_of(row), row, rng.normal(0, 0.1, (24, 24, 1)).astype(np.float32))
    tab = open_page(write_page.write(tmp_path))
    told = tab.locator(".own-answer").inner_text()
    assert "my_photo.png, fit" in told
    assert "best trained model: Grid, 18.0 dB, 1.0 dB ahead of Siren" in told
    assert tab.locator(".own-answer img").count() == 5, "target, two answers, two errors"
    assert "Grid is the best trained model at 2 of 2 places; none won: tied, or of one draw." in tab.inner_text(
        "#winners .card .answer"
    )
    tab.locator(".own-answer h3 button").first.click()
    assert "--signal path/to/my_photo.png " in tab.inner_text("#command")
    assert "24 × 24 × 1" in tab.inner_text("#dialog")
