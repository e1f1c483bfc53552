"""Which figures there are, what all of them have in common, what is missing, and the files that are written."""

import re
import resource

import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from common.errors import UsageError
from harness.analysis.comparison import Place
from harness.figures import curves, draw_figures, files, heatmaps, style
from harness.figures.layout import Layout
from harness.figures.views import over_bands, over_budgets
from harness.store.schema import NAMES
from tests.harness.figures.reading import drawn, panels, said, ticks
from tests.harness.tables import BANDS, CLASSICAL, MODELS, SIZES, comparison_of, fail, rows_of


@pytest.mark.parametrize(
    ("signal", "axis", "labels", "title"),
    [
        ("Sierpinski", "subdivision depth", ["0", "4", "8"], "subdivision depth 4"),
        ("BandlimitedSignal", "cut-off (cycles per sample)", ["0.0011", "0.028", "0.49"], "cut-off 0.028"),
        ("SparseSphereSignal", "radius (% of the side)", ["10", "2", "1.1"], "radius 2"),
        ("Somebodys", "band", ["0.1", "0.5", "0.9"], "band 0.5"),
    ],
)
def test_axes_name_the_quantity_that_the_dial_turns(make_table, signal, axis, labels, title):
    comparison = comparison_of(make_table(["Siren", "Grid"], [0.1, 0.5, 0.9], [10_000, 30_000], [1], signal=signal))
    named = {"winners": draw_figures.pages(comparison)["psnr_winners"].axes[0]}
    for page in (heatmaps.score_page, curves.curve_page):
        named[page.__name__] = page(comparison, over_bands(comparison)).axes[0]
        assert page(comparison, over_budgets(comparison)).axes[1].get_title() == title
    for axes in named.values():
        assert axes.get_xlabel().replace("\n", " ") == axis
        assert ticks(axes.xaxis)[0] == labels[0]
        assert set(ticks(axes.xaxis)) <= {*labels, ""}
    assert ticks(named["curve_page"].xaxis) == labels


def test_a_page_says_what_was_measured(make_table):
    comparison = comparison_of(make_table(bands=[0.1, 0.5]))
    for page in (heatmaps.score_page, heatmaps.lead_page, curves.curve_page):
        found = said(page(comparison, over_bands(comparison)))
        assert "Sphere 2D" in found
        assert "length 1000 · 1000 steps · preset paper · 5 seeds" in found
        assert "(dB), mean over seeds" in found


def test_a_page_of_other_peoples_rows_says_what_they_lack(make_table):
    page = drawn(curves.curve_page, make_table(bands=[0.1, 0.5], length=None, steps=None))
    assert "native size · steps unknown · preset paper · 5 seeds" in said(page)


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame(columns=list(NAMES))])
def test_an_empty_table(table, tmp_path):
    assert draw_figures.draw(rows_of(table), tmp_path) == []
    assert draw_figures.missing(rows_of(table)) == ["there are no rows: nothing to draw"]
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_no_row_has(tmp_path, make_table):
    table = make_table(bands=[0.1], sizes=[10_000])
    assert draw_figures.draw(rows_of(table), tmp_path, metric="iou") == []
    assert draw_figures.missing(rows_of(table), metric="iou") == [
        "2d_Sphere paper_1000_1000: no row has iou: nothing drawn"
    ]
    with pytest.raises(UsageError, match=r"unknown metric 'pnsr' \(did you mean 'psnr'\?\)"):
        draw_figures.draw(rows_of(table), tmp_path, metric="pnsr")


def test_a_signal_without_bands_has_no_figures_over_bands(make_table):
    names = draw_figures.pages(comparison_of(make_table(bands=[None], sizes=[10_000, 30_000])))
    assert list(names) == [
        *("psnr_over_budgets", "psnr_over_budgets_minus_Grid", "psnr_over_budgets_curves", "psnr_winners"),
        *("psnr_against_seconds", "convergence_over_updates", "convergence_over_seconds"),
    ]


def test_twelve_models_have_twelve_colours_and_the_classical_ones_are_grey(make_table):
    comparison = comparison_of(make_table(models=[*CLASSICAL, *MODELS], bands=[0.1], sizes=[10_000], seeds=[1]))
    colours = {model: to_rgb(style.colour(*comparison.looks(model))) for model in comparison.models}
    assert len(set(colours.values())) == 12
    assert {model for model, (red, green, blue) in colours.items() if red == green == blue} == set(CLASSICAL)
    without = comparison_of(make_table(models=MODELS, bands=[0.1], sizes=[10_000], seeds=[1]))
    assert [comparison.looks(model) for model in MODELS] == [without.looks(model) for model in MODELS]


@pytest.mark.parametrize("signal", ["Sierpinski", "BandlimitedSignal"])
@pytest.mark.parametrize("bands", [[0.1, 0.5, 0.9], BANDS])
def test_a_page_of_a_columns_width_is_that_wide_and_its_text_is_of_eight_points(make_table, check_page, signal, bands):
    comparison = comparison_of(make_table(bands=bands, sizes=SIZES[:3], seeds=[1, 2], signal=signal))
    title = "Nine models at three budgets, and a title of more than one line"
    figures = draw_figures.pages(comparison, layout=Layout(3.3, title))
    assert len(figures) == 10
    for figure in figures.values():
        assert figure.get_size_inches()[0] == pytest.approx(3.3)
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 8
        assert figure.texts[0].get_text().replace("\n", " ") == title
        assert "preset" not in said(figure)
        check_page(figure)
    bare = curves.curve_page(comparison, over_budgets(comparison), Layout(3.3))
    assert signal not in said(bare)
    assert bare.get_size_inches()[1] < figures["psnr_over_budgets_curves"].get_size_inches()[1]


def test_a_columns_width_has_all_pages_that_there_are_otherwise(make_table):
    comparison = comparison_of(make_table(["Siren", "Grid"], [0.1, 0.5], [10_000, 30_000], [1]))
    assert list(draw_figures.pages(comparison, layout=Layout(3.3))) == list(draw_figures.pages(comparison))


def test_a_choice_leaves_out_and_changes_no_colour(make_table):
    comparison = comparison_of(make_table([*MODELS, *CLASSICAL], [0.1, 0.5], SIZES, [1]))
    part = draw_figures.Choice(["Wavelet", "Grid"], [30_000]).of(comparison)
    assert (part.models, part.sizes) == (("Grid", "Wavelet"), (30_000,))
    assert [part.looks(model) for model in part.models] == [comparison.looks(model) for model in part.models]
    assert draw_figures.Choice(["Siren"], [7]).of(comparison) is None


def test_presets_lengths_and_steps_are_never_mixed(tmp_path, make_table):
    variants = [("paper", 1000, 1000), ("quick", 128, 250), ("quick", 128, 10), ("quick", 64, 10)]
    tables = [
        make_table(["Siren", "Grid"], [0.1], [10_000], [1], preset=preset, length=length, steps=steps)
        for preset, length, steps in variants
    ]
    paths = draw_figures.draw(rows_of(pd.concat(tables, ignore_index=True)), tmp_path)
    folders = list(dict.fromkeys(path.parent for path in paths))
    assert folders == [
        tmp_path / "2d_Sphere" / "figures" / f"{preset}_{length}_{steps}" for preset, length, steps in variants
    ]
    heads = {".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert all(path.is_file() and path.read_bytes()[:4] == heads[path.suffix] for path in paths)
    assert {path.with_suffix("") for path in paths if path.suffix == ".png"} == {
        path.with_suffix("") for path in paths if path.suffix == ".pdf"
    }


def test_tasks_and_signals_have_their_own_folders(tmp_path, make_table):
    tables = [
        make_table(models=["Grid"], bands=[None], sizes=[10_000], seeds=[1], **columns)
        for columns in ({"signal": "a/b", "task": "denoise_0.05"}, {"signal": "Sphere", "dim": 3}, {"length": None})
    ]
    paths = draw_figures.draw(rows_of(pd.concat(tables, ignore_index=True)), tmp_path)
    folders = dict.fromkeys(path.relative_to(tmp_path).parts[0] for path in paths)
    first, *others = folders
    assert re.fullmatch(r"2d_a-b-[0-9a-f]{8}_denoise_0\.05", first), "a-b has a folder of its own"
    assert others == ["3d_Sphere", "2d_Sphere"]
    assert paths[-1].parent.name == "paper_native_1000"


def test_models_come_in_the_order_given_or_of_appearance(make_table):
    table = make_table(models=["Zebra", "Grid", "Ant"], bands=[0.1], sizes=[10_000], seeds=[1])
    assert comparison_of(table).models == ("Zebra", "Grid", "Ant")
    assert comparison_of(table, ["Siren", "Grid", "Zebra"]).models == ("Grid", "Zebra", "Ant")
    assert comparison_of(table, ["Siren", "Grid"]).palette == ("Siren", "Grid", "Ant", "Zebra")


def test_what_is_missing_is_said(make_table):
    table = make_table(models=["Siren", "Wire"], bands=[0.1, 0.5], sizes=[10_000, 30_000], seeds=[1, 2])
    siren = table["model"] == "Siren"
    fail(table, (table["model"] == "Wire") & (table["bandlimit"] == 0.5))
    table = table[~(siren & (table["size"] == 30_000)) & ~(siren & (table["bandlimit"] == 0.1) & (table["seed"] == 2))]
    assert draw_figures.missing(rows_of(table), ["Siren", "Wire", "BACON"]) == [
        f"2d_Sphere paper_1000_1000: {note}"
        for note in (
            "no rows of BACON",
            "Siren lacks 5 of 8 runs (10k: bands 0.1; 30k)",
            "Wire: 4 runs diverged (10k: bands 0.5; 30k: bands 0.5): the loss was not finite",
            "no rows of Grid: no differences to it drawn",
        )
    ]


def test_a_run_of_nan_is_no_score(make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.1], sizes=[10_000], seeds=[1, 2])
    table.loc[0, "psnr"] = None
    comparison = comparison_of(table)
    assert len(comparison.scores(Place("Siren", 10_000, 0.1))) == 1


def test_a_pdf_embeds_the_fonts_that_matplotlib_ships(tmp_path, make_table, monkeypatch, shipped_fonts):
    monkeypatch.setitem(style.RC, "pdf.fonttype", shipped_fonts)
    with rc_context({"font.family": ["serif"], "pdf.fonttype": 3}):  # a user's own settings do not matter
        paths = draw_figures.draw(rows_of(make_table(["Siren", "Grid"], [0.1], [10_000], [1])), tmp_path)
    for path in paths:
        if path.suffix == ".pdf":
            data = path.read_bytes()
            assert b"/FontFile2" in data  # TrueType
            assert b"/Type3" not in data
            assert set(re.findall(rb"/BaseFont /[A-Z]+\+(\w+)", data)) <= {b"DejaVuSans"}
            assert b"CreationDate" not in data


def test_drawing_again_replaces_the_files_and_leaves_nothing_else(tmp_path, make_table):
    table = make_table(models=["Siren", "Grid"], bands=[0.1], sizes=[10_000], seeds=[1])
    first = draw_figures.draw(rows_of(table), tmp_path)
    before = [path.read_bytes() for path in first]
    assert draw_figures.draw(rows_of(table), tmp_path) == first
    assert [path.read_bytes() for path in first] == before
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*first, first[0].with_name(".drawn_of_psnr.json")}


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_no_room_for_a_figure_is_an_error_that_names_it(tmp_path, make_table, ending):
    """And not one of matplotlib's own, which closes its files as if they were whole."""
    comparison, path = comparison_of(make_table(seeds=[1])), tmp_path / f"a.{ending}"
    page = heatmaps.score_page(comparison, over_budgets(comparison))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(OSError, match=f"File too large: '{path}'"):
            files.write(page, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sizes", [[2500], SIZES])
@pytest.mark.parametrize("bands", [[0.5], [0.1, 0.5, 0.9], BANDS])
def test_nothing_is_cut_off_and_no_cell_overflows(sizes, bands, make_table, check_page):
    table = make_table(bands=bands, sizes=sizes, seeds=[1, 2])
    fail(table, (table["model"] == "Siren") & (table["seed"] == 2))
    for figure in draw_figures.pages(comparison_of(table)).values():
        check_page(figure)
        for axes in panels(figure):
            (left, _), (right, _) = axes.transData.transform([[0, 0], [1, 1]])  # of a cell
            assert max(text.get_window_extent().width for text in axes.texts) < right - left
