"""The documentation's example page: what it shows follows from the reference results that are shipped."""

import re

import numpy as np
import pytest

from harness.plan import want
from harness.report import example_page
from harness.store.parquet import write_rows
from harness.store.scan import gather
from harness.store.schema import CHECKSUM
from tests.harness.page_data import data_of
from tests.harness.paper_rows import keep

REFERENCE = want.FOLDER  # before the other tests' empty one is in its place
OF_ROWS = ("experiments", "rows", "columns", "models", "led", "across", "presets", "rates")


@pytest.fixture(scope="module")
def shipped():
    return example_page.PATH.read_text(encoding="utf-8")


def test_it_shows_the_shipped_rows(shipped, monkeypatch):
    monkeypatch.setattr(want, "FOLDER", REFERENCE)
    made = example_page.text()
    there, now = data_of(shipped), data_of(made)
    changed = [name for name in OF_ROWS if there[name] != now[name]]
    assert changed == [], "make it anew: python -m harness.report.example_page"
    assert data_of(shipped, "pictures") == data_of(made, "pictures")


def test_a_picture_is_of_the_array_that_a_row_names(make_row, tmp_path, monkeypatch):
    monkeypatch.setattr(want, "FOLDER", tmp_path / "reference")
    monkeypatch.setattr(example_page, "PICTURES", tmp_path / "pictures.json")
    for model, psnr in (("Grid", 15.0), ("Siren", 14.0)):
        keep(tmp_path / "out", make_row(model=model, psnr=psnr), np.full((24, 24, 1), 0.1, np.float32))
    left = {(stored.store.folder.name, stored.key): stored.row for stored in gather(tmp_path / "out").stored}
    path, other = tmp_path / "reference" / "smoke.parquet", {CHECKSUM: "0" * 64}
    write_rows(path, {name: row | (other if row["model"] == "Siren" else {}) for name, row in left.items()})
    assert example_page.take_pictures(tmp_path / "out") == 1, "that of Siren is of another array"
    (shown,) = data_of(example_page.text(), "pictures")["rows"]
    assert "Grid" in shown
    write_rows(path, {name: row | other for name, row in left.items()})
    assert data_of(example_page.text(), "pictures")["rows"] == {}, "rows that were made anew"


def test_it_is_small_and_needs_nothing(shipped):
    assert len(shipped) < 2e6
    assert not re.search(r'(?:src|href)="(?!#)', shipped)


def test_it_opens(shipped, browser):
    tab = browser.new_page()
    errors, requests = [], []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(example_page.PATH.as_uri())
    tab.wait_for_selector("html[data-ready]")
    assert tab.locator("#winners article").count() == len(data_of(shipped)["experiments"])
    assert tab.locator("#trials-table tbody tr").count() > 0
    assert (errors, requests) == ([], [example_page.PATH.as_uri()])
    tab.close()
