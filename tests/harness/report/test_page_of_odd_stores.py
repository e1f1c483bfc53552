"""A page of a stranger's rows, of none, of damaged ones, and without libraries. In a browser."""

import json
import shlex

from common.errors import UsageError
from harness.report import charts, write_page
from harness.store import parquet
from tests.harness.report.browsing import column


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
    assert tab.inner_text("#notices li >> nth=0") == "Sierpinski 2D, fit: uses less than its budget: Siren at 5k 50%"
    assert "learned nothing over the mean of the truth: Siren at 5k" in tab.inner_text("#notices")
    assert "timed on a busy machine: Siren at 5k" in tab.inner_text("#notices")
    assert "timed on a busy machine: Siren at 5k" in tab.inner_text("#leaderboard-notes")
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


def test_without_the_libraries(open_page, small, monkeypatch):
    def absent(records):
        raise UsageError("no pyarrow")

    monkeypatch.setattr(charts, "library", lambda: None)
    monkeypatch.setattr(parquet, "to_parquet", absent)
    tab = open_page(write_page.write(small))
    assert "written without vl-convert" in tab.inner_text("#chart-grid")
    assert "written without pyarrow" in tab.inner_text("#download-buttons")
    tab.locator("#heatmap button.heat").nth(0).click()
    assert tab.locator("#dialog .chart td").count() == 6  # the curve as numbers


def test_without_scripts_there_are_no_empty_sections(browser, small):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(write_page.write(small).as_uri())
    assert "please allow its scripts" in tab.inner_text("body")
    assert not tab.locator("main").is_visible()
    context.close()


def test_a_curve_of_one_evaluation_is_a_line_of_numbers(open_page, store, make_row):
    tab = open_page(write_page.write(store([make_row()])))
    tab.locator("#heatmap button.heat").click()
    assert tab.locator("#dialog .chart td").count() == 3


def test_a_loss_of_0_leaves_the_others_their_logarithmic_axis(open_page, store, make_row):
    losses = (0.1, 0.01, 0.0)
    curve = [{"step": step, "loss": loss, "psnr": 9.0 + step, "seconds": 1.0} for step, loss in enumerate(losses, 1)]
    tab = open_page(write_page.write(store([make_row(curve=curve)])))
    tab.locator("#heatmap button.heat").click()
    points = tab.locator("#dialog .chart .mark-symbol path")
    points.nth(4).wait_for()
    assert points.count() == 3 + 2, "of PSNR and of the loss"


def test_the_answer_is_printed_in_its_colours(open_page, small):
    tab = open_page(write_page.write(small))
    tab.emulate_media(media="print")
    colours = "places => places.map(place => getComputedStyle(place).printColorAdjust)"
    assert set(tab.eval_on_selector_all("#winners .place", colours)) == {"exact"}
