"""Figures that are those of the rows stay as they are; whatever they are made of makes them anew."""

import json

import pytest
from matplotlib.figure import Figure

from common import registry
from harness.analysis.cell import Kind
from harness.figures import draw_figures, files
from harness.store import fingerprint
from harness.store.names import array_path, key_of
from harness.store.own_signal import signal_path
from harness.store.store import Store
from harness.store.table import load_rows

MODELS = ["Grid", "Siren"]
LEFT, DRAWN = "those of these rows, left as they are", "1, as PNG and PDF"


@pytest.fixture
def out(tmp_path, make_row):
    """Rows of two presets with their arrays, and the signal of a person's own file."""
    for preset in ("smoke", "quick"):
        put(tmp_path, make_row(model="Grid", preset=preset, config_hash=preset))
        put(tmp_path, make_row(model="Siren", preset=preset, config_hash=preset))
    return tmp_path


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One small figure for each comparison."""
    monkeypatch.setattr(draw_figures, "pages", lambda *given: {"one": Figure((1, 1))})
    monkeypatch.setattr(draw_figures, "pictures", lambda *given: ())


def path_of(out, row):
    return Store(out, f"{row['dim']}d_{row['signal']}").row_path(key_of(row))


def put(out, row):
    for path, text in ((path_of(out, row), json.dumps(row)), (array_path(out, row), "an array")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def redraw(out, models=MODELS):
    """What is said of each preset's figures."""
    lines = draw_figures.redraw(load_rows(out), out, models)
    return {line.split("/figures/")[1].split("_")[0]: line.partition(": ")[2] for line in lines}


def test_figures_of_the_same_rows_are_left_alone(out):
    assert redraw(out) == {"smoke": DRAWN, "quick": DRAWN}
    files = {path: path.stat().st_mtime_ns for path in out.glob("*/figures/*/*")}
    assert len(files) == 6
    assert redraw(out) == {"smoke": LEFT, "quick": LEFT}
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/figures/*/*")} == files


def a_row_changes(out, make_row):
    row = make_row(model="Siren", preset="smoke", config_hash="smoke", psnr=15.5)
    path_of(out, row).write_text(json.dumps(row))


def a_row_goes(out, make_row):
    path_of(out, make_row(model="Siren", preset="smoke", config_hash="smoke")).unlink()


def a_row_comes(out, make_row):
    put(out, make_row(model="Siren", size=5000, preset="smoke", config_hash="smoke"))


def an_array_goes(out, make_row):
    array_path(out, make_row(model="Siren", preset="smoke", config_hash="smoke")).unlink()


def an_array_changes(out, make_row):
    array_path(out, make_row(model="Siren", preset="smoke", config_hash="smoke")).write_text("another")


def a_figure_goes(out, make_row):
    (path,) = out.glob("*/figures/smoke*/one.pdf")
    path.unlink()


def a_record_is_damaged(out, make_row):
    (path,) = out.glob("*/figures/smoke*/.drawn_of_psnr.json")
    path.write_text("[1]")


@pytest.mark.parametrize(
    "change",
    [a_row_changes, a_row_goes, a_row_comes, an_array_goes, an_array_changes, a_figure_goes, a_record_is_damaged],
)
def test_a_change_draws_the_figures_that_show_it_and_no_others(out, make_row, change):
    redraw(out)
    change(out, make_row)
    assert redraw(out) == {"smoke": DRAWN, "quick": LEFT}
    assert redraw(out) == {"smoke": LEFT, "quick": LEFT}


def test_a_row_that_another_run_replaced_since_it_was_read_draws_anew(out, make_row):
    read = load_rows(out)
    changed = make_row(model="Siren", preset="smoke", config_hash="smoke", psnr=15.5, started="2026-01-02")
    path_of(out, changed).write_text(json.dumps(changed))
    assert len([*draw_figures.redraw(read, out, MODELS)]) == 2
    assert redraw(out) == {"smoke": DRAWN, "quick": LEFT}


def test_a_row_in_a_file_of_another_name_is_known_by_what_it_holds(out, make_row):
    row = make_row(model="Siren", preset="smoke", config_hash="smoke")
    path = path_of(out, row).rename(path_of(out, row).with_name("renamed.json"))
    redraw(out)
    path.write_text(json.dumps(row | {"psnr": 15.5}))
    assert redraw(out) == {"smoke": DRAWN, "quick": LEFT}
    assert redraw(out) == {"smoke": LEFT, "quick": LEFT}


def test_a_signal_that_was_kept_is_part_of_figures(tmp_path, make_row):
    row = make_row(signal="UserFile", item="picture")
    put(tmp_path, row)
    redraw(tmp_path)
    path = signal_path(tmp_path, row)
    path.parent.mkdir()
    path.write_text("values")
    assert redraw(tmp_path) == {"smoke": DRAWN}


def test_other_colours_draw_all_figures(out):
    redraw(out)
    assert redraw(out, MODELS[::-1]) == {"smoke": DRAWN, "quick": DRAWN}


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (fingerprint, "_code", lambda: "other sources"),
        (fingerprint, "_data", lambda: {"DIV2K": "lacks 0064"}),
        (registry, "LOADED", {"own.py": "0123"}),
    ],
    ids=["code", "data", "a file of one's own"],
)
def test_other_surroundings_draw_all_figures(out, monkeypatch, where, name, value):
    redraw(out)
    monkeypatch.setattr(where, name, value)
    assert redraw(out) == {"smoke": DRAWN, "quick": DRAWN}


def test_what_was_drawn_otherwise_is_drawn_again(out):
    redraw(out)
    draw_figures.draw(load_rows(out), out, MODELS, waiting=True)
    assert redraw(out) == {"smoke": DRAWN, "quick": DRAWN}
    draw_figures.draw(load_rows(out), out, MODELS)
    assert redraw(out) == {"smoke": LEFT, "quick": LEFT}
    draw_figures.draw(load_rows(out), out, choice=draw_figures.Choice(["Grid"]))  # lies in a folder of its own
    draw_figures.draw(load_rows(out), out, metric="ssim")  # and this in files of its own
    assert redraw(out) == {"smoke": LEFT, "quick": LEFT}


def test_an_interrupted_drawing_begins_anew(out, monkeypatch):
    redraw(out)
    put_back = draw_figures.pages
    monkeypatch.setattr(draw_figures, "pages", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        draw_figures.draw(load_rows(out), out, MODELS)
    monkeypatch.setattr(draw_figures, "pages", put_back)
    assert redraw(out)["smoke"] == DRAWN


def test_the_digest_is_of_sources_and_libraries(tmp_path, monkeypatch):
    def digest():
        fingerprint._code.cache_clear()
        return fingerprint.fingerprint("rows")

    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    source = tmp_path / "harness" / "figures" / "style.py"
    source.parent.mkdir(parents=True)
    source.write_text("RED")
    try:
        found = [digest()]
        source.write_text("BLUE")
        found.append(digest())
        (source.parent / "__pycache__").mkdir()
        (source.parent / "__pycache__" / "style.pyc").write_text("compiled")
        assert digest() == found[-1]
        monkeypatch.setattr(fingerprint, "_version", lambda library: "2.0")
        found.append(digest())
    finally:
        fingerprint._code.cache_clear()
    assert len(set(found)) == 3


def test_data_sets_whose_folders_differ_in_a_letter_have_figures_of_their_own(tmp_path):
    def folder(dataset):
        return files.figures_folder(tmp_path, Kind("UserFile", 2, "fit", "smoke", 24, 3, dataset)).name

    assert folder("photos") == "smoke_24_3_photos"
    assert folder("a b.png-0123abcd") == "smoke_24_3_a-b.png-0123abcd"
    assert folder("Bilder ä") != folder("Bilder ö")


@pytest.mark.filterwarnings("error")
def test_letters_that_the_font_lacks_are_drawn_as_boxes(tmp_path):
    figure = Figure((1, 1))
    figure.text(0, 0, "山")
    files.save(figure, tmp_path, "one")
