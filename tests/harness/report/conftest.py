"""A browser for the page, and a store whose arrays it shows."""

import shutil

import numpy as np
import pytest

from harness.analysis import target
from harness.store.schema import NAMES
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
        row = dict.fromkeys(NAMES) | make_row(model=model, size=size, length=24, bandlimit=0.5, seed=1234)
        row["psnr_constant"] = target.build(row).constant
        store.write(f"{model}{size}", row, np.full((24, 24, 1), number / 10, np.float32))
    return out
