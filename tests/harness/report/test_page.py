"""The page in a real browser: that it works as a reader uses it, asks for nothing, and draws no more than is seen."""

import csv
import io
import re

import pytest

from harness.analysis.bits import codec_points
from harness.analysis.experiments import experiments
from harness.analysis.means import means
from harness.report import write_page
from harness.store.scan import gather
from tests.harness.report.browsing import cell, chip, column, heads

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
    height = "document.documentElement.scrollHeight"
    undrawn = tab.evaluate(height)
    tab.locator("#charts").scroll_into_view_if_needed()
    tab.wait_for_selector("#chart-grid figure:nth-child(3) svg")
    assert abs(tab.evaluate(height) - undrawn) < 30  # a click or a jump to what stands below them hits it
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
    assert column(tab, "#leaderboard", 0) == ["1", "2", "1", "!"]  # Siren lacks cases at 10k
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
    tab.select_option("#choose-signal", label="DIV2K 2D")
    tab.select_option("#choose-task", label="denoise σ = 0.1")
    assert tab.inner_text("#chosen").startswith("DIV2K 2D, denoise σ = 0.1; paper, native size")
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
    rows = gather(paper_store).rows
    experiment = next(one for one in experiments(rows) if (one.kind.signal, one.kind.dim) == ("SparseSphereSignal", 2))
    tab = open_page(paper_page, "#e=2d_SparseSphereSignal/fit/paper/1000/1000")
    for band, by in ((None, ("model", "size")), (0.5, ("model", "size", "band"))):
        lines = means(experiment, by, "psnr").lines
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


def test_rows_are_downloaded_all_or_as_chosen(open_page, small):
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


def test_a_lossless_grid_leaves_the_other_leads_their_colours(open_page, store, make_row):
    scores = {10_000: {"Grid": 20.0, "Siren": 24.0, "Wire": 22.0}, 20_000: {"Grid": 150.0, "Siren": 26.0, "Wire": 24.0}}
    rows = [make_row(model=model, size=size, psnr=psnr) for size, of in scores.items() for model, psnr in of.items()]
    tab = open_page(write_page.write(store(rows)))
    tab.locator("#heatmap-what button", has_text="difference").click()
    assert cell(tab, "Siren, budget 10k").get_attribute("style").startswith("background:rgb(33,102,172)")
    assert [cell(tab, f"{model}, budget 20k").inner_text() for model in ("Siren", "Wire")] == ["−124.0 ▼", "−126.0 ▼"]
    assert "Colours run from −4.0 to 4.0, over which" in tab.inner_text("#heatmap .hint")


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


def test_a_models_settings_are_shown_in_few_digits(open_page, store, make_row):
    found = [{"lr": 0.004670900475845286, "layers": 3}, {"lr": 3.443271e-05, "layers": 3}]
    tab = open_page(write_page.write(store([make_row(model="Siren", seed=i, settings=x) for i, x in enumerate(found)])))
    tab.locator("#models summary").click()
    assert tab.locator("#models dd").first.inner_text().startswith("0.004671, 0.00003443 ")
