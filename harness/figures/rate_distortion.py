"""PSNR against bits a sample: a line for each model, over its budgets and bits a value, and for each codec."""

from collections.abc import Collection, Sequence

from matplotlib.figure import Figure

from harness.analysis.bits.rate_distortion import RateDistortion
from harness.analysis.palette import palette, place_of
from harness.figures import axis_style, style

SIZE = (7.4, 4.6)  # inches


def rate_distortion_page(found: RateDistortion, order: Sequence[str], classical: Collection[str]) -> Figure:
    """order, classical: all models of the protocol, and those that are yardsticks; they give each its colour."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    every = palette(order, found.models)
    for name in found.names:
        front = found.front(name)
        if name in found.models:
            looks = style.line(*place_of(name, every, classical))
        else:
            codecs = [other for other in found.names if other not in found.models]
            looks = {"color": style.INK, "linewidth": 1.4, "linestyle": style.LINE_STYLES[codecs.index(name)]}
        axes.plot([point.rate for point in front], [point.psnr for point in front], label=name, **looks)
    axis_style.log_x(axes)
    axis_style.scores(axes)
    axis_style.frame(axes)
    axes.set_xlabel("bits a sample, of whole files", fontsize=style.TEXT)
    axes.set_ylabel("PSNR (dB)", fontsize=style.TEXT)
    axes.tick_params(labelsize=style.TEXT)
    averaged = f"; mean of {found.draws} signals" if found.draws > 1 else ""
    axes.set_title(f"{found.kind}{averaged}", fontsize=style.TEXT, loc="left")
    figure.legend(loc="outside right upper", fontsize=style.TEXT, frameon=False)
    return figure
