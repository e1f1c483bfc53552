"""A trial on the page: what opens it, what lies beside it, its address and its command. In a browser."""

import re
import shlex

from harness.commands import run as run_command
from harness.report import write_page
from tests.harness.report.browsing import cell, chip


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
    assert tab.locator("#dialog figcaption").all_inner_texts() == ["Target", *["Reconstruction", "Absolute error"] * 2]
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
