"""The page's charts as Vega-Lite specifications, and the script that draws them.

Vega-Lite, of the libraries that a page can carry with it: vl-convert bundles it to 0.9 MB where Plotly takes 4.8 and
Bokeh 1.3 to 3.9; it draws SVG, which prints and takes the page's colours; and it needs no `eval`, so the page can
forbid that. The table, the heatmap and the ranks are plain HTML and SVG: they have to be there at once, and to be
reached with the keyboard.
"""

import functools
from collections.abc import Sequence
from typing import Any

from harness.analysis.bits.codecs import CODECS
from harness.figures import style
from harness.report.looks import Looks

Spec = dict[str, Any]

SCORE, SIZES, FRAME = "@score", "@sizes", "@frame"
SHORT = "datum.value >= 1e6 ? datum.value / 1e6 + 'M' : datum.value >= 1e3 ? datum.value / 1e3 + 'k' : datum.value"
PASSES: Spec = {"field": "step", "type": "quantitative", "axis": {"title": "passes"}}
FIRST, SECOND = style.colour(0), style.colour(1)
FRAMED: Spec = {"type": "quantitative", "scale": {"domain": FRAME, "nice": False, "zero": False, "padding": 8}}
_MEAN: Spec = {"field": "shown", **FRAMED}
POINT = {"type": "point", "filled": True, "size": 45, "opacity": 1}
PATH: Spec = {"field": "path", "type": "nominal", "scale": None}
TOOLTIP = [{"field": name, "type": "nominal"} for name in ("model", "budget", "bands", "score", "runs", "time")]
CODEC, CODEC_DASHES = "#7f7f7f", ([1, 0], [8, 3], [2, 2], [8, 3, 2, 3])  # a grey for either ground
NUMBERS = (  # of a logarithmic axis: 1, 2 and 5 of each decade, of less than one decade all
    "domain('x')[1] < 10 * domain('x')[0] || indexof('125', slice(format(datum.value, '.0e'), 0, 1)) >= 0"
    " ? format(datum.value, '~g') : ''"
)
BUNDLE = "window.vegaEmbed = vegaEmbed;"  # of the bundled libraries the one name that the page uses


def specifications(models: Looks) -> dict[str, Spec]:
    """Charts by name; each reads the data set `rows`, which the page's script fills.

    Fields: model, size, band, mean, shown (the mean, or the frame's edge that it lies beyond), path (of its mark), low,
    high, seconds, cell; of `curve` step, psnr, loss; of `curves` step, psnr, trial; of `rates` name, codec, rate, psnr,
    path, bits, score. The script puts the metric's name in place of SCORE, the budgets in place of SIZES and the frame
    in place of FRAME.
    """
    return {
        "size": _lines(models, _log("size", "budget", values=SIZES, labelExpr=SHORT, grid=False)),
        "band": _lines(models, {"field": "band", "type": "ordinal", **_axis("band", labelAngle=0)}),
        "seconds": _points(models),
        "curve": _curve(),
        "curves": _curves(),
        "rates": _rates(models),
    }


@functools.cache
def library() -> str | None:
    """The bundled script; None where vl-convert is not installed."""
    try:
        import vl_convert
    except ImportError:
        return None
    return vl_convert.javascript_bundle(BUNDLE)


def _lines(models: Looks, x: Spec) -> Spec:
    """Means as lines, the draws' standard deviation as bands around them."""
    encoding = {"x": x, "color": _colour(models)}
    spread = {"y": {"field": "low", **FRAMED, **_axis(SCORE)}, "y2": {"field": "high"}}
    dash = {"strokeDash": _by_model(models, [look["dash"] for look in models.values()])}
    return _chart(
        [
            {"mark": {"type": "area", "opacity": 0.15, "clip": True}, "encoding": {**encoding, **spread}},
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {**encoding, "y": _MEAN, **dash}},
            _marks(encoding),
        ]
    )


def _points(models: Looks) -> Spec:
    """Score against seconds of training; one model's budgets are joined."""
    encoding = {"x": _log("seconds", "seconds of training", labelExpr=NUMBERS, grid=False), "color": _colour(models)}
    joined = {"y": {**_MEAN, **_axis(SCORE)}, "order": {"field": "size", "type": "quantitative"}}
    return _chart(
        [
            {"mark": {"type": "line", "strokeWidth": 1, "opacity": 0.5}, "encoding": {**encoding, **joined}},
            _marks(encoding),
        ]
    )


def _marks(encoding: Spec) -> Spec:
    """A point for each mean; at the edge an arrow in place of one that leaves the frame."""
    own = {**encoding, "y": _MEAN, "tooltip": TOOLTIP, "shape": PATH}
    return {"mark": POINT | {"cursor": "pointer"}, "encoding": own}


def _curve() -> Spec:
    """PSNR and loss over the passes of one trial, each on its own scale."""
    psnr = _psnr(titleColor=FIRST)
    loss = {"field": "loss", "type": "quantitative", "scale": {"type": "log"}, **_axis("loss", titleColor=SECOND)}
    tooltip = [{"field": field, "type": "quantitative", "format": ".4g"} for field in ("step", "psnr", "loss")]

    def mark(colour: str, **more: Any) -> Spec:
        return {"type": "line", "color": colour, "strokeWidth": 1.5, "point": {"size": 24, "color": colour}, **more}

    return _chart(
        [
            {"mark": mark(FIRST), "encoding": {"x": PASSES, "y": psnr, "tooltip": tooltip}},
            {
                "transform": [{"filter": "datum.loss > 0"}],  # a logarithm has no place for a loss of 0
                "mark": mark(SECOND, strokeDash=[4, 2]),
                "encoding": {"x": PASSES, "y": loss, "tooltip": tooltip},
            },
        ],
        height=180,
    ) | {"resolve": {"scale": {"y": "independent"}}}


def _curves() -> Spec:
    """PSNR over the passes of several trials."""
    colours = {"range": [style.colour(i) for i in range(len(style.COLOURS))]}
    trial: Spec = {"field": "trial", "type": "nominal", "scale": colours, "legend": {"title": None, "orient": "bottom"}}
    mark = {"type": "line", "strokeWidth": 1.5, "point": {"size": 24}}
    return _chart([{"mark": mark, "encoding": {"x": PASSES, "y": _psnr(), "color": trial}}], height=200)


def _rates(models: Looks) -> Spec:
    """PSNR over bits a sample of models and codecs."""
    codecs = {name: place for own in CODECS.values() for place, name in enumerate(own)}
    dashes = [CODEC_DASHES[place % len(CODEC_DASHES)] for place in codecs.values()]
    looks = [*models.values(), *({"colour": CODEC, "dash": dash} for dash in dashes)]
    scale = {"domain": [*models, *codecs]}
    encoding: Spec = {
        "x": _log("rate", "bits a sample, of whole files", labelExpr=NUMBERS, grid=False),
        "y": _psnr(),
        "color": _scaled(scale | {"range": [look["colour"] for look in looks]}),
        "strokeDash": _scaled(scale | {"range": [look["dash"] for look in looks]}),
        "tooltip": [{"field": field, "type": "nominal"} for field in ("name", "bits", "score")],
    }
    widths = {"!datum.codec": 1.5, "datum.codec": 3.0}
    layers = [
        {"transform": [{"filter": those}], "mark": {"type": "line", "strokeWidth": width}, "encoding": encoding}
        for those, width in widths.items()
    ]
    marks = {
        "mark": POINT,
        "encoding": {name: encoding[name] for name in ("x", "y", "color", "tooltip")} | {"shape": PATH},
    }
    return _chart([*layers, marks])


def _chart(layers: Sequence[Spec], height: int = 280) -> Spec:
    return {
        "data": {"name": "rows"},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": [*layers],
        "config": {
            "background": None,
            "font": "system-ui, sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelFontSize": 12,
                "titleFontSize": 12.5,
                "titleFontWeight": "normal",
                "tickCount": 6,
                "labelSeparation": 6,
            },
        },
    }


def _axis(title: str, **more: Any) -> Spec:
    return {"axis": {"title": title, **more}}


def _log(field: str, title: str, **more: Any) -> Spec:
    scale = {"type": "log", "nice": False, "padding": 12}
    return {"field": field, "type": "quantitative", "scale": scale, **_axis(title, **more)}


def _psnr(**more: Any) -> Spec:
    return {"field": "psnr", "type": "quantitative", "scale": {"zero": False}, **_axis("PSNR (dB)", **more)}


def _colour(models: Looks) -> Spec:
    return _by_model(models, [look["colour"] for look in models.values()])


def _by_model(models: Looks, values: Sequence[Any]) -> Spec:
    return _scaled({"domain": [*models], "range": [*values]}, "model")


def _scaled(scale: Spec, field: str = "name") -> Spec:
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}
