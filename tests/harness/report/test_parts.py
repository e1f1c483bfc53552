"""What else the page is made of: specifications of charts, safe markup, colours that can be seen; and the verb."""

import json
import re
from pathlib import Path

import pytest

from harness import __main__ as verbs
from harness.figures import style
from harness.report import charts, page, write_page
from harness.report.looks import looks, stylesheet
from tests.harness.page_data import data_of


def test_every_chart_is_a_specification_that_compiles():
    vl_convert = pytest.importorskip("vl_convert", reason="vl-convert is not installed")
    models = [f"m{i}" for i in range(12)]
    row = {"model": "m3", "size": 10_000, "band": "0.1", "mean": 20.0, "shown": 20.0, "low": 19.0, "high": 21.0}
    row |= {"seconds": 3.0, "trial": "a", "step": 1, "psnr": 10.0, "loss": 0.1}
    for name, spec in charts.specifications(looks(models, ())).items():
        text = json.dumps(spec).replace(f'"{charts.SIZES}"', "[10000, 20000]").replace(f'"{charts.FRAME}"', "[19, 21]")
        filled = json.loads(text) | {"datasets": {"rows": [row, row | {"size": 20_000, "band": "0.5", "step": 2}]}}
        drawn = vl_convert.vegalite_to_svg(filled | {"width": 300})
        assert drawn.count("<path") > 3
        if name in ("size", "band", "seconds"):
            scales = vl_convert.vegalite_to_vega(filled)["scales"]
            (y,) = (scale for scale in scales if scale["name"] == "y")
            assert (y["domain"], y["zero"]) == ([19, 21], False), name
    assert len({(look["colour"], look["path"]) for look in looks(models, ()).values()}) == 12


def test_learning_curves_change_their_colours_on_a_dark_ground_whatever_models_there_are():
    text = stylesheet(looks(["Grid"], ()))
    for (light, dark), drawn in zip(style.COLOURS, (charts.FIRST, charts.SECOND), strict=False):
        assert drawn == light
        assert f'[stroke="{light}"]{{stroke:{dark}}}' in text


def test_data_cannot_end_its_element():
    data = {"a": "</script><!--scripts-->"}
    text = page.assemble(data, {"b": "</script><!--"}, b"x", "lib();")
    assert text.count("</script>") == 5
    assert data_of(text) == data
    assert "\\u003c/script\\u003e" in text
    policy = text.split('content="')[1].split('"')[0]
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "unsafe-eval" not in policy


def test_the_verb_writes_the_page_with_the_same_pictures_each_time(residuals, capsys):
    assert verbs.main(["report", "--out", str(residuals), "--pictures", "1"]) == 0
    assert capsys.readouterr().out.startswith(f"wrote {residuals / 'index.html'} (")
    first = (residuals / "index.html").read_text()
    assert write_page.write(residuals) == residuals / "index.html"
    assert (residuals / "index.html").read_text().count('"error"') == first.count('"error"')


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "/absent"], "no folder '/absent'; give the results folder with --out"),
        (["--pictures", "-1"], "--pictures takes 0 to 500 megabytes, got -1"),
        (["--pictures", "nan"], "--pictures takes 0 to 500 megabytes, got nan"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, says):
    assert verbs.main(["report", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error: {says}")


def luminance(colour):
    """Relative, of WCAG 2."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ground", ["page", "card"])
@pytest.mark.parametrize("dark", [False, True])
def test_models_colours_stand_out_on_both_grounds(dark, ground):
    css = (Path(write_page.__file__).parent / "assets" / "style.css").read_text()
    grounds = css[css.index("prefers-color-scheme: dark") :] if dark else css
    behind = luminance(re.search(rf"--{ground}: (#\w+)", grounds)[1])
    for pair in (*style.COLOURS, *style.GREYS):
        least, most = sorted((behind, luminance(pair[dark])))
        assert (most + 0.05) / (least + 0.05) >= 3, pair
