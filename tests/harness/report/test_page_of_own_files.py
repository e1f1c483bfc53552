"""The page after fits to a person's own files. In a browser."""

import numpy as np

from harness.analysis import target
from harness.report import write_page
from harness.store.names import key_of
from harness.store.own_signal import keep_signal, signal_path
from harness.store.store import Store
from target_signals.base import Signal
from tests.harness.paper_rows import keep


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


def test_a_long_name_of_a_file_breaks_on_a_phone(open_page, store, make_row):
    about = {"signal": "UserFile", "dataset": "photos", "bandlimit": None}
    items = [f"{i}_{'of_the_beach_' * 4}.png-00000000" for i in (1, 2)]
    tab = open_page(write_page.write(store([make_row(item=item, **about) for item in items])))
    tab.set_viewport_size({"width": 360, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_file_that_was_edited_has_the_digits_of_its_content(open_page, make_row, tmp_path):
    for item in ("a.png-00000000", "a.png-0000000f", "b.png-00000000"):
        keep(tmp_path, make_row(signal="UserFile", item=item, bandlimit=None))
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
        keep(tmp_path, row, rng.normal(0, 0.1, (24, 24, 1)).astype(np.float32))
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
