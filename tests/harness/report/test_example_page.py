"""The documentation's example page: what it shows follows from the reference results that are shipped."""

import json
import re

import pytest

from harness.plan import want
from harness.report import example_page

REFERENCE = want.FOLDER  # before the other tests' empty one is in its place
OF_ROWS = ("experiments", "rows", "columns", "models", "led", "across", "rates")


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def shipped():
    return example_page.PATH.read_text(encoding="utf-8")


def test_it_shows_the_shipped_rows(shipped, monkeypatch):
    monkeypatch.setattr(want, "FOLDER", REFERENCE)
    there, now = data_of(shipped), data_of(example_page.text())
    changed = [name for name in OF_ROWS if there[name] != now[name]]
    assert changed == [], "make it anew: python -m harness.report.example_page"


def test_it_is_small_and_needs_nothing(shipped):
    assert len(shipped) < 1.5e6
    assert not re.search(r'(?:src|href)="(?!#)', shipped)


def test_it_opens(shipped, browser):
    tab = browser.new_page()
    errors, requests = [], []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(example_page.PATH.as_uri())
    assert tab.locator("#winners article").count() == len(data_of(shipped)["experiments"])
    assert tab.locator("#trials-table tbody tr").count() > 0
    assert (errors, requests) == ([], [example_page.PATH.as_uri()])
    tab.close()
