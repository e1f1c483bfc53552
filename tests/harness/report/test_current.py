"""A page says what it was made of: whoever only looks whether it is current reads no row."""

import dataclasses
import json

import pytest

from harness.report import write_page
from harness.store import fingerprint
from tests.harness.paper_rows import write_rows


@pytest.fixture
def out(tmp_path, make_row):
    out = write_rows(tmp_path / "out", [make_row(), make_row(model="Siren", config_hash="b")])
    folder = out / "2d_Sierpinski"
    for name in ("arrays", "signals", "claims"):
        (folder / name).mkdir()
        (folder / name / "one.npz").write_text("content")
    assert not write_page.is_current(out)
    write_page.write(out)
    return out


def row(out):
    return min(out.glob("*/rows/*.json"))


def test_a_page_of_what_there_is_is_current(out):
    assert write_page.is_current(out)
    (out / "2d_Sierpinski" / "rows" / ".half.json.12345678").write_text("a row that is being written")
    assert write_page.is_current(out)
    write_page.write(out)
    assert write_page.is_current(out)


CHANGES = {
    "a row changes": lambda out: row(out).write_text(row(out).read_text().replace("14.96", "15.96")),
    "a row goes": lambda out: row(out).unlink(),
    "a row comes": lambda out: row(out).with_name("another.json").write_bytes(row(out).read_bytes()),
    "an experiment comes": lambda out: write_rows(out, [json.loads(row(out).read_text()) | {"task": "denoise_0.1"}]),
    "a row is set aside": lambda out: row(out).rename(row(out).with_suffix(".corrupt")),
    "an array goes": lambda out: (out / "2d_Sierpinski" / "arrays" / "one.npz").unlink(),
    "a signal changes": lambda out: (out / "2d_Sierpinski" / "signals" / "one.npz").write_text("another"),
    "a trial runs": lambda out: (out / "2d_Sierpinski" / "claims" / "k.json").write_text('{"trial": "Grid"}'),
    "the page goes": lambda out: (out / "index.html").unlink(),
    "the page is cut off": lambda out: (out / "index.html").write_bytes((out / "index.html").read_bytes()[:-1]),
    "the page is empty": lambda out: (out / "index.html").write_bytes(b""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_page_of_something_else_is_not(out, change):
    change(out)
    assert not write_page.is_current(out)


def test_nor_is_one_made_otherwise(out, monkeypatch):
    write_page.write(out, megabytes=1.0)
    assert not write_page.is_current(out)
    write_page.write(out)
    settings = write_page.load_config()
    with monkeypatch.context() as patch:
        fewer = dataclasses.replace(settings, protocol=dataclasses.replace(settings.protocol, newer=()))
        patch.setattr(write_page, "load_config", lambda path: fewer)
        assert not write_page.is_current(out)
    monkeypatch.setattr(fingerprint, "_code", lambda: "other sources")
    assert not write_page.is_current(out)
