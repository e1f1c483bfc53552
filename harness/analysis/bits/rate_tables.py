"""Rate–distortion curves as Markdown: what models and codecs do at some rates, and every point."""

from collections.abc import Sequence

from harness.analysis.bits.rate_distortion import RateDistortion
from harness.analysis.tables import in_markdown


def summary(found: RateDistortion) -> str:
    """A line for each model and codec: Bjøntegaard's differences to the reference, and PSNR at some rates, between two
    of its points by the same interpolation."""
    columns = ["", *(f"{rate:g}" for rate in found.rates)]
    if codec := found.reference if found.front(found.reference) else "":
        columns[1:1] = [f"PSNR against {codec} (dB)", f"bits against {codec} (%)"]
    means = f"; {found.means}" if found.means else ""
    means += f"; left out, as it lacks some of these: {', '.join(found.without)}" if found.without else ""
    sample = "pixel" if found.kind.dim == 2 else "voxel"
    rates = f"PSNR (dB) at so many bits a sample, a {sample} with all its channels"
    lines = [f"## {in_markdown(str(found.kind))}", "", f"The columns with numbers: {rates}{means}", ""]
    lines += _head(columns)
    for name in found.names:
        psnr, rate = found.differences(name)
        texts = [_or_dash(psnr, "+.2f"), _or_dash(rate and 100 * rate, "+.0f")] if codec else []
        texts += [_or_dash(found.psnr_at(name, rate), ".2f") for rate in found.rates]
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return "\n".join(lines) + "\n"


def _head(columns: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


def every_point(found: RateDistortion) -> str:
    """Every point with what it costs to compute."""
    columns = ("", "budget", "bits a value", "bits a sample", "PSNR (dB)", "encode (s)", "decode (s)", "operations")
    lines = [f"## {in_markdown(str(found.kind))}", "", *_head(columns)]
    for one in found.measurements:
        own = ("", "") if one.size is None else (f"{one.size:,}", str(one.bits))
        seconds = ("", "") if one.seconds is None else [f"{seconds:.3f}" for seconds in one.seconds]
        operations = "" if one.operations is None else f"{one.operations:,.0f}"
        cells = *own, f"{one.point.rate:.4f}", f"{one.point.psnr:.2f}", *seconds, operations
        lines.append(f"| {one.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
