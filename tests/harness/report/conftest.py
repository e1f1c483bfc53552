"""A browser for the page, and stores that it shows."""

import itertools
import shutil

import numpy as np
import pytest

from harness.analysis import target
from harness.store.store import Store


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; tests that need it are skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def residuals(tmp_path, make_row):
    """A store of four trials on a Sierpinski triangle, each off by its number in tenths."""
    out = tmp_path / "out"
    store = Store(out, "2d_Sierpinski")
    store.prepare()
    for number, (model, size) in enumerate([("Grid", 10), ("Grid", 20), ("Siren", 10), ("Siren", 20)], start=1):
        row = make_row(model=model, size=size)
        row["psnr_constant"] = target.build(row).constant
        store.write(f"{model}{size}", row, np.full((24, 24, 1), number / 10, np.float32))
    return out


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
        own = (path.as_uri(), "data:", "blob:")
        tab.on("request", lambda asked: asked.url.startswith(own) or unwanted.append(f"request: {asked.url}"))
        tab.goto(f"{path.as_uri()}{fragment}")
        tab.wait_for_selector("html[data-ready]")
        return tab

    yield call
    for context in tabs:
        context.close()
    assert unwanted == []


@pytest.fixture
def small(tmp_path, make_row):
    """A store of 16 rows with arrays: Grid and Siren, two budgets, two bands, two seeds; one failed, one is missing."""
    out = tmp_path / "out"
    store = Store(out, "2d_Sierpinski")
    store.prepare()
    *runs, _ = itertools.product(("Grid", "Siren"), (3000, 10_000), (0.1, 0.5), (1, 2))
    for number, (model, size, band, seed) in enumerate(runs, start=1):
        psnr = 10 + size / 1000 + 10 * band + seed - (2 if model == "Siren" else 0)
        row = make_row(model=model, size=size, bandlimit=band, seed=seed, psnr=psnr)
        row["psnr_constant"] = target.build(row).constant
        row |= {"settings": {"lr": 0.25}, "started": f"2026-01-01T00:00:{number:02}.000+00:00"}
        row["curve"] = [{"step": step, "loss": 0.1 / step, "psnr": 10.0 * step, "seconds": step} for step in (1, 2)]
        residual = np.random.default_rng(number).normal(0, 0.1, (24, 24, 1)).astype(np.float32)
        if number == len(runs):
            row |= {"status": "diverged", "reason": "the loss was not finite after pass 2", "psnr": None}
            residual = None
        store.write(f"{model}_{size}_{number}", row, residual)
    return out
