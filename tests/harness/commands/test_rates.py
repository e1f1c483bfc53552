"""`python -m harness rates`: its mistakes, and the figure that it draws."""

import pytest

from harness import __main__ as verbs
from harness.figures import files as figures_files

RATES = [{"bits": 8, "bytes": 900, "psnr": 14.0, "encode_seconds": 0.1, "decode_seconds": 0.1}]


@pytest.mark.parametrize(
    ("rates", "words", "says"),
    [
        (None, [], "none of these rows in '{out}' has rates; run a launcher with --bits"),
        (RATES, ["--signal", "Nope"], "no rows of signal 'Nope'; there are: Sierpinski"),
        (RATES, ["--width", "1"], "--width must be from 2.5 to 20 inches, got 1"),
    ],
)
def test_a_mistake_is_one_line_before_any_codec_is_tried(store, make_row, capsys, rates, words, says):
    out = store([make_row(rates=rates)])
    assert verbs.main(["rates", "--out", str(out), *words]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith(f"error: {says.format(out=out)}")
    assert said.out == ""


def test_the_figure_of_some_models_lies_apart_as_png_and_pdf(store, make_row, capsys):
    rates = [one | {"bytes": size, "psnr": psnr} for size, psnr in ((900, 14.0), (1800, 18.0)) for one in RATES]
    out = store([make_row(model=model, rates=rates) for model in ("Grid", "Siren")])
    assert verbs.main(["rates", "--out", str(out), "--models", "Grid"]) == 0
    printed = capsys.readouterr().out
    assert "| Grid |" in printed
    assert "| Siren |" not in printed
    written = {path.name for path in out.glob("*/figures/*/chosen/*")}
    assert written == {"rate_distortion.png", "rate_distortion.pdf", "rate_distortion.md"}


def test_a_column_of_print_is_as_wide_as_was_asked_for_and_has_the_given_title_alone(store, make_row, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures_files, "write", lambda figure, path, **how: drawn.append(figure))
    out = store([make_row(rates=[one | {"bytes": size} for size in (900, 1800) for one in RATES])])
    for words, width, title in (
        ([], 7.4, "Sierpinski 2D, fit"),
        (["--width", "3.3"], 3.3, ""),
        (["--width", "3.3", "--title", "Ours"], 3.3, "Ours"),
    ):
        assert verbs.main(["rates", "--out", str(out), *words]) == 0
        figure = drawn[-1]
        assert figure.get_figwidth() == width
        assert figure.axes[0].get_title(loc="left").startswith(title)
        assert bool(figure.axes[0].get_title(loc="left")) == bool(title)
