"""Reconstruction sheets: what stands where, read from the artists."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from harness.analysis.example import Example
from harness.analysis.target import Target
from harness.figures import style
from harness.figures.layout import Layout
from harness.figures.reconstructions import isosurface
from harness.figures.reconstructions.image import ImageDisplay, window_of_detail
from harness.figures.reconstructions.isosurface import extent, shaded
from harness.figures.reconstructions.pages import sheets
from harness.figures.reconstructions.view import magnitude, shrink
from harness.figures.reconstructions.volume import VolumeDisplay
from tests.harness.figures.reading import said
from tests.harness.tables import comparison_of

MODELS = ["Siren", "Wire", "Grid"]


class Held(Example):
    """An example whose residuals are in memory."""

    residuals: dict

    def residual(self, model, size):
        return self.residuals.get((model, size))


@pytest.fixture
def make_specimen(make_table):
    """`make_specimen(truth, models, sizes, seen=..., observe=..., binary=..., known=False, task="ct")`."""

    def make(
        truth, models=MODELS, sizes=(10_000, 30_000), seen=None, observe=None, binary=False, known=True, **columns
    ):
        table = make_table(models, [None], sizes, [1234], dim=truth.ndim - 1, **columns)
        comparison = comparison_of(table)
        rng = np.random.default_rng(0)
        keys = [(model, size) for model in models for size in sizes]
        target = Target(truth, binary, truth if seen is None else seen, observe, 20.0) if known else None
        draw = comparison.draws[0]
        paths = dict.fromkeys(keys, Path("residual.npz"))
        found = Held(comparison.of_fits(), None, draw, target, "" if known else "no such file", paths)
        noise = {key: rng.normal(size=truth.shape, scale=0.1 * (i + 1)) for i, key in enumerate(keys)}
        object.__setattr__(found, "residuals", {key: values.astype(np.float32) for key, values in noise.items()})
        return found

    return make


def picture(shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def tiles(figure):
    """The axes with pictures, in the order they were drawn."""
    return [axes for axes in figure.axes if axes.images and axes.get_label() != "<colorbar>"]


def pixels(axes):
    return np.asarray(axes.images[0].get_array())


def test_an_image_sheet_holds_target_reconstruction_zoom_and_error(make_specimen, check_page):
    truth = picture((30, 40, 1))
    example = make_specimen(truth)
    ((name, figure),) = sheets(example)
    assert name == "reconstructions_1"
    found = tiles(figure)
    assert len(found) == 2 + 3 * 2 * 3  # target and its zoom; models × budgets × slots
    assert [axes.get_title() for axes in found[:2]] == ["target", "zoom"]
    assert pixels(found[0]) == pytest.approx(truth[..., 0])
    index = 2
    for model in MODELS:
        for size in (10_000, 30_000):
            residual = example.residual(model, size)[..., 0]
            whole, zoom, error = found[index : index + 3]
            assert pixels(whole) == pytest.approx(truth[..., 0] + residual)
            assert pixels(error) == pytest.approx(np.abs(residual))
            window = ImageDisplay((30, 40), example.target).window
            assert pixels(zoom) == pytest.approx((truth[..., 0] + residual)[window])
            score = example.row(model, size)["psnr"]
            assert whole.get_title() == f"{score:.1f} dB"
            index += 3
    text = said(figure)
    assert all(model in text for model in MODELS)
    assert "10k parameters" in text
    assert "30k parameters" in text
    assert "seed 1234: reconstructions and absolute errors; PSNR (dB) above each" in text
    check_page(figure)


@pytest.mark.parametrize(
    ("shape", "task", "names"),
    [
        ((30, 40, 1), "fit", {"reconstructions": 3}),
        ((30, 40, 1), "ct", {"reconstructions": 3, "sinograms": 2, "sinograms_errors": 2}),
        ((12, 20, 16, 1), "fit", {"reconstructions": 4, "reconstructions_errors": 3}),
    ],
)
def test_a_sheet_of_a_columns_width_has_text_of_eight_points(make_specimen, check_page, shape, task, names):
    truth, longest = picture(shape), "GaussianAdaptive"
    observe = (lambda values: values[:, ::2]) if task == "ct" else None
    example = make_specimen(truth, [*MODELS, longest], task=task, observe=observe, binary=False)
    found = dict(sheets(example, Layout(3.3, "A title")))
    assert set(found) == {f"{name}_{number}" for name in names for number in (1, 2)}, "a budget a page"
    for name, figure in found.items():
        assert figure.get_size_inches()[0] == pytest.approx(3.3)
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 8
        assert "A title" in said(figure)
        above = 4 if len(shape) == 4 else 2
        assert len(tiles(figure)) == above + 4 * names[name.rpartition("_")[0]]
        assert longest in said(figure), name
        check_page(figure)


def test_all_pictures_of_a_sort_share_one_scale(make_specimen):
    example = make_specimen(2 * picture((30, 40, 1)) - 0.5)
    ((_, figure),) = sheets(example)
    clims = {axes.images[0].get_cmap().name: set() for axes in tiles(figure)}
    for axes in tiles(figure):
        clims[axes.images[0].get_cmap().name].add(axes.images[0].get_clim())
    assert set(clims) == {"gray", style.ERRORS}
    assert all(len(limits) == 1 for limits in clims.values())
    truth = example.target.truth
    assert clims["gray"].pop() == (pytest.approx(truth.min()), pytest.approx(truth.max()))
    ((low, high),) = clims[style.ERRORS]
    assert low == 0
    rims = [np.percentile(np.abs(example.residual(m, s)), 99) for m in MODELS for s in (10_000, 30_000)]
    assert high == pytest.approx(np.median(rims))


def test_a_frame_marks_what_is_enlarged(make_specimen):
    truth = np.full((60, 60, 1), 0.5, np.float32)
    truth[40:50, 10:20, 0] = picture((10, 10))
    ((_, figure),) = sheets(make_specimen(truth))
    (target, *_) = tiles(figure)
    frame = target.patches[-1].get_bbox()
    assert frame.x0 <= 10 < 19 <= frame.x1
    assert frame.y0 <= 40 < 49 <= frame.y1
    rows, columns = window_of_detail(truth[..., 0])
    assert (rows.stop - rows.start, columns.stop - columns.start) == (12, 12)


def test_the_window_of_a_constant_picture_is_its_centre():
    rows, columns = window_of_detail(np.zeros((100, 60)))
    assert (rows.start, rows.stop) == (42, 59)
    assert (columns.start, columns.stop) == (24, 36)


@pytest.mark.parametrize("shape", [(5, 7), (12, 12), (1, 40)])
def test_small_pictures_are_shown_whole(shape):
    rows, columns = window_of_detail(picture(shape))
    assert rows.stop <= shape[0]
    assert columns.stop <= shape[1]
    assert rows.start >= 0
    assert columns.start >= 0


def test_colours_stay_colours(make_specimen, check_page):
    truth = picture((30, 40, 3))
    example = make_specimen(truth, item="0064")
    ((_, figure),) = sheets(example)
    found = tiles(figure)
    assert pixels(found[0]) == pytest.approx(truth)
    error = pixels(found[4])
    assert error == pytest.approx(magnitude(example.residual("Siren", 10_000)))
    assert error.ndim == 2
    assert "item 0064, seed 1234" in said(figure)
    check_page(figure)


@pytest.mark.parametrize("shape", [(30, 40, 2), (30, 40, 4), (12, 20, 16, 3)])
def test_of_other_numbers_of_channels_the_mean_is_shown_which_is_said(make_specimen, check_page, shape):
    truth = picture(shape)
    figure = dict(sheets(make_specimen(truth)))["reconstructions_1"]
    assert f"values: the mean over {shape[-1]} channels" in said(figure)
    check_page(figure)
    if len(shape) == 3:
        assert pixels(tiles(figure)[0]) == pytest.approx(truth.mean(axis=-1), abs=1e-6)


def test_what_was_trained_on_stands_beside_the_target(make_specimen, check_page):
    truth, seen = picture((40, 60, 3)), picture((10, 15, 3))
    for _, figure in sheets(make_specimen(truth, sizes=(10_000,), seen=seen, task="super_resolution")):
        found = tiles(figure)
        assert [axes.get_title() for axes in found[:4]] == ["target", "zoom", "trained on", "zoom"]
        assert pixels(found[2]) == pytest.approx(seen)
        check_page(figure)


def test_without_a_target_the_errors_are_shown_alone(make_specimen, check_page):
    example = make_specimen(picture((30, 40, 3)), known=False)
    ((_, figure),) = sheets(example)
    found = tiles(figure)
    assert len(found) == 3 * 2 * 2
    assert pixels(found[0]) == pytest.approx(magnitude(example.residual("Siren", 10_000)))
    assert "the target is not shown: no such file" in said(figure)
    check_page(figure)


@pytest.mark.parametrize(
    ("status", "word"), [("diverged", "diverged"), ("out_of_memory", "out of memory"), (None, "not run")]
)
def test_a_fit_without_pictures_says_why(make_specimen, check_page, status, word):
    example = make_specimen(picture((30, 40, 1)))
    rows = example.comparison.experiment.by_cell
    (cell,) = [cell for cell in rows if cell.model == "Wire" and cell.size == 10_000]
    if status is None:
        del rows[cell]
    else:
        rows[cell] = rows[cell] | {"status": status}
    del example.residuals["Wire", 10_000]
    ((_, figure),) = sheets(example)
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == [word]
    assert len(tiles(figure)) == 2 + 5 * 3
    check_page(figure)


def test_many_models_and_budgets_take_several_pages(make_specimen, check_page):
    models = [f"Model_{index}" for index in range(12)]
    sizes = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
    pages = list(sheets(make_specimen(picture((30, 30, 1)), models, sizes)))
    assert [name for name, _ in pages] == [f"reconstructions_{number}" for number in range(1, 7)]
    for _, figure in pages:
        assert len(tiles(figure)) == 2 + 4 * 2 * 3
    first, last = pages[0][1], pages[-1][1]
    assert "10k parameters" in said(first)
    assert "3M parameters" in said(last)
    assert "Model_0" in said(first)
    assert "Model_11" in said(last)
    check_page(first)


@pytest.mark.parametrize("shape", [(24, 18, 12), (10, 30, 8)])
def test_a_volume_sheet_holds_three_slices_a_surface_and_errors(make_specimen, check_page, shape):
    truth = (picture((*shape, 1)) > 0.6).astype(np.float32)
    example = make_specimen(truth, binary=True)
    pages = list(sheets(example))
    assert [name for name, _ in pages] == ["reconstructions_1", "reconstructions_2"]  # one budget a page
    figure = pages[0][1]
    found = tiles(figure)
    assert len(found) == 4 + 3 * 7
    assert [axes.get_title() for axes in found[:4]] == ["target, front", "top", "side", "isosurface"]
    volume, (n0, n1, n2) = truth[..., 0], shape
    assert (pixels(found[0]) == volume[:, ::-1, n2 // 2].T).all()
    assert (pixels(found[1]) == volume[:, n1 // 2, ::-1].T).all()
    assert (pixels(found[2]) == volume[n0 // 2, ::-1, :]).all()
    assert pixels(found[3]).shape[-1] == 3
    residual = example.residual("Siren", 10_000)[..., 0]
    assert pixels(found[8]) == pytest.approx(np.abs(residual[:, ::-1, n2 // 2].T))
    boxes = [axes.get_position() for axes in found[:3]]
    inches = [(box.width * figure.get_figwidth(), box.height * figure.get_figheight()) for box in boxes]
    unit = inches[0][0] / n0
    sizes = [(n0, n1), (n0, n2), (n2, n1)]
    assert inches == [(pytest.approx(unit * w), pytest.approx(unit * h)) for w, h in sizes]
    assert "isosurface at 0.5" in said(figure)
    check_page(figure)


def with_spacing(example, spacing):
    for key in example.paths:
        example.row(*key)["spacing"] = spacing
    return example


def proportions(figure, count):
    boxes = [axes.get_position() for axes in tiles(figure)[:count]]
    return [box.width * figure.get_figwidth() / (box.height * figure.get_figheight()) for box in boxes]


def test_pictures_have_the_proportions_of_the_voxels(make_specimen, check_page):
    volume = (picture((12, 10, 8, 1)) > 0.6).astype(np.float32)
    alone = make_specimen(volume, ["Grid"], [10_000], binary=True)
    ((_, figure),) = sheets(with_spacing(alone, [0.5, 0.5, 2.0]))
    assert proportions(figure, 3) == pytest.approx([12 / 10, 12 / (4 * 8), 4 * 8 / 10])
    check_page(figure)
    ((_, figure),) = sheets(with_spacing(make_specimen(picture((30, 40, 1))), [3.0, 1.5]))
    assert proportions(figure, 2) == pytest.approx([40 / 60] * 2)
    check_page(figure)


@pytest.mark.parametrize("spacing", [None, [1.0], [1.0, None], [0.0, 1.0], [1.0, 99.0], [-1.0, 1.0], 2.0])
def test_a_strangers_spacing_of_which_no_picture_can_be_made_is_passed_over(make_specimen, spacing):
    assert with_spacing(make_specimen(picture((30, 40, 1))), spacing).spacing == (1, 1)


def test_a_ball_of_flat_voxels_is_round():
    grid = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in (40, 40, 20)), indexing="ij"))
    ball = (np.square(grid * np.array([1, 1, 2])[:, None, None, None]).sum(0) < 15**2).astype(float)
    rows, columns = np.nonzero((shaded(ball, 0.5, 200, (1.0, 1.0, 2.0)) < 1).any(axis=-1))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), rel=0.05)


def test_a_volume_that_stays_below_the_level_has_no_surface(make_specimen):
    truth = np.zeros((12, 12, 12, 1), np.float32)
    truth[3:9, 3:9, 3:9] = 1
    display = VolumeDisplay((12, 12, 12), make_specimen(truth, binary=True).target)
    assert display.values(truth)[3].remark == ""
    assert display.values(0.4 * truth)[3].remark == "no surface"


def test_a_tomogram_has_its_sinograms(make_specimen, check_page):
    def observe(values):
        return np.stack([values.sum(axis=0), 2 * values.sum(axis=0)])

    truth = picture((20, 30, 1))
    example = make_specimen(truth, seen=observe(truth), observe=observe, task="ct")
    pages = dict(sheets(example))
    assert list(pages) == ["reconstructions_1", "sinograms_1", "sinograms_2"]
    titles = [axes.get_title() for axes in tiles(pages["reconstructions_1"])]
    assert titles[:2] == ["target", "zoom"]
    assert titles[2].endswith("dB")  # a sinogram is no picture of the slice that was trained on
    found = tiles(pages["sinograms_1"])
    assert len(found) == 2 + 3 * 4
    assert pixels(found[1]) == pytest.approx(observe(truth)[..., 0])
    residual = example.residual("Siren", 10_000)
    assert pixels(found[3]) == pytest.approx(observe(truth + residual)[..., 0], abs=1e-5)
    assert pixels(found[5]) == pytest.approx(np.abs(observe(residual))[..., 0])
    labels = [axes.get_title(loc="left") for axes in pages["sinograms_1"].axes if axes not in found]
    assert labels == ["value", "sinogram", "|error|", "|error| of sinogram"]
    for figure in pages.values():
        check_page(figure)


def test_no_residual_no_sheet(make_specimen):
    example = make_specimen(picture((30, 40, 1)))
    example.residuals.clear()
    assert list(sheets(example)) == []


def test_a_signal_of_one_axis_has_no_sheet(make_specimen):
    assert list(sheets(make_specimen(picture((30, 1))))) == []


def test_large_pictures_are_averaged_over_blocks():
    values = picture((100, 70, 3))
    small = shrink(values, 40, axes=(0, 1))
    assert small.shape == (34, 24, 3)
    assert small[2, 3] == pytest.approx(values[6:9, 9:12].mean(axis=(0, 1)))
    assert small[-1, -1] == pytest.approx(values[99:, 69:].mean(axis=(0, 1)))
    assert shrink(values, 100, axes=(0, 1)) is values


def test_an_isosurface_is_seen_from_above_and_in_front():
    grid = np.stack(np.meshgrid(*[np.arange(40) - 19.5] * 3, indexing="ij"))
    ball = (np.square(grid).sum(axis=0) < 12**2).astype(np.float32)
    image = shaded(ball, 0.5, 200)
    covered = (image < 1).any(axis=-1)
    rows, columns = np.nonzero(covered)
    height, width = image.shape[:2]
    assert rows.mean() == pytest.approx(height / 2, abs=2)
    assert columns.mean() == pytest.approx(width / 2, abs=2)
    radius = 12 * height / (height / 200 * _seen_height(42))
    assert covered.sum() == pytest.approx(np.pi * radius**2, rel=0.06)
    assert covered[rows.min() : rows.max(), width // 2].all()  # no hole
    top, bottom = image[: height // 2][covered[: height // 2]], image[height // 2 :][covered[height // 2 :]]
    assert top.mean() > bottom.mean()


def _seen_height(side):
    """Of a cube, seen along the renderer's direction, in voxels."""
    return extent((side, side, side))[1]


def ball(spacing):
    """Of radius 15 in a box of side 48 in space: values [*shape] that fall from its surface on."""
    axes = [np.arange(0.5 * apart, 48, apart) - 24 for apart in spacing]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    return (15 - np.sqrt(np.square(grid).sum(axis=0))).astype(np.float32)


@pytest.mark.parametrize("spacing", [(1, 1, 2), (4, 1, 1), (1, 6, 6), (1, 1, 12)])
def test_unequal_spacing_takes_no_more_points_than_equal_and_leaves_no_hole(spacing, calls):
    splatted = calls(isosurface, "_splat")
    shaded(ball((1, 1, 1)), 0.0, 260)
    covered = (shaded(ball(spacing), 0.0, 260, spacing) < 1).any(axis=-1)
    (cubes, _, _, steps), (corners, _, _, steps_of_longer) = splatted
    assert steps_of_longer <= steps
    assert len(corners) <= len(cubes)
    for line in (*covered, *covered.T):  # what a ball covers of a line has no gap
        assert np.count_nonzero(np.diff(line.astype(int))) <= 2


def test_triangles_are_halved_until_all_sides_are_short_and_cover_what_they_did():
    corners = np.random.default_rng(0).normal(size=(50, 3, 3)) * (9, 1, 4)
    parts, brightness = isosurface._halved(corners, np.arange(50.0), 0.8)
    sides = np.linalg.norm((np.roll(parts, 1, axis=1) - parts)[..., :2], axis=2)
    assert sides.max() <= 0.8

    def area(given):
        return np.linalg.norm(np.cross(given[:, 1] - given[:, 0], given[:, 2] - given[:, 0]), axis=1)

    assert np.bincount(brightness.astype(int), area(parts)) == pytest.approx(area(corners))


def test_axis_1_of_a_volume_points_upward():
    volume = np.zeros((20, 20, 20), np.float32)
    volume[:, 15:, :] = 1
    rows, _ = np.nonzero((shaded(volume, 0.5, 100) < 1).any(axis=-1))
    assert rows.mean() < 40


def test_nothing_above_the_level_is_no_surface():
    assert shaded(np.zeros((8, 8, 8)), 0.5, 50) is None


def test_a_full_volume_is_a_closed_box():
    image = shaded(np.ones((40, 40, 40)), 0.5, 200)
    covered = (image < 1).any(axis=-1)
    assert 0.6 < covered.mean() < 0.9
    middle = covered[:, covered.shape[1] // 2]
    assert middle[middle.argmax() : len(middle) - middle[::-1].argmax()].all()
