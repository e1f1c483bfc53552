"""Rate–distortion curves of models and codecs: PSNR against bits a sample, averaged over the same draws."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis import bjontegaard
from harness.analysis.bjontegaard import Point, front
from harness.analysis.codecs import REFERENCE
from harness.analysis.experiments import Kind, kind_of
from harness.store.schema import OK, Row


@dataclass(frozen=True)
class Line:
    """One measured point: who, at which budget and bits a value (None for a codec), where."""

    name: str
    size: int | None
    bits: int | None
    point: Point


@dataclass(frozen=True)
class RateDistortion:
    """An experiment's points, by model, budget and bits, then by codec. draws: how many signals there are."""

    kind: Kind
    draws: int
    models: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.name for line in self.lines))

    def front(self, name: str) -> list[Point]:
        """The best that a model, over its budgets and bits, or a codec does."""
        return front([line.point for line in self.lines if line.name == name])

    def differences(self, name: str) -> tuple[float | None, float | None]:
        """Bjøntegaard's to JPEG: of PSNR in dB, and of the rate as a share."""
        reference, own = self.front(REFERENCE), self.front(name)
        return bjontegaard.psnr_difference(own, reference), bjontegaard.rate_difference(own, reference)


def rate_distortion(
    rows: Iterable[Row], order: Sequence[str], curves_of: Callable[[Row], Mapping[str, Sequence[Point | None]]]
) -> list[RateDistortion]:
    """One for each experiment that has rows with rates.

    order: of models; others follow by name. curves_of: a row's signal → its codecs' points, ladder by ladder.
    """
    kinds: dict[Kind, list[Row]] = {}
    for row in rows:
        if row["rates"] and row["status"] == OK and math.prod((row["shape"] or [0])[:-1]) > 0:
            kinds.setdefault(kind_of(row), []).append(row)
    return [_of(kind, of_kind, order, curves_of) for kind, of_kind in kinds.items()]


def _of(
    kind: Kind,
    rows: Sequence[Row],
    order: Sequence[str],
    curves_of: Callable[[Row], Mapping[str, Sequence[Point | None]]],
) -> RateDistortion:
    points: dict[tuple[str, int, int], list[Point]] = {}
    signals: dict[tuple[object, ...], Row] = {}
    for row in rows:
        signals.setdefault((row["item"], row["bandlimit"], row["signal_seed"]), row)
        samples = math.prod(row["shape"][:-1])
        for rate in row["rates"]:
            if rate["psnr"] is not None and rate["bytes"] > 0:
                place = (row["model"], int(row["size"]), int(rate["bits"]))
                points.setdefault(place, []).append(Point(8 * rate["bytes"] / samples, rate["psnr"]))
    place_of = {name: place for place, name in enumerate(order)}
    found = sorted(points, key=lambda place: (place_of.get(place[0], len(order)), place))
    most = {model: max(len(points[place]) for place in found if place[0] == model) for model, *_ in found}
    lines = [Line(*place, _mean(points[place])) for place in found if len(points[place]) == most[place[0]]]
    models = tuple(dict.fromkeys(line.name for line in lines))
    ladders: dict[tuple[str, int], list[Point]] = {}
    for row in signals.values():
        for name, ladder in curves_of(row).items():
            for step, point in enumerate(ladder):
                if point is not None:
                    ladders.setdefault((name, step), []).append(point)
    whole = {place: found for place, found in ladders.items() if len(found) == len(signals)}
    lines += [Line(name, None, None, _mean(of)) for (name, _), of in whole.items()]
    return RateDistortion(kind, len(signals), models, tuple(lines))


def _mean(points: Sequence[Point]) -> Point:
    return Point(*(sum(values) / len(values) for values in zip(*points, strict=True)))


def markdown(found: RateDistortion) -> str:
    """Two tables: Bjøntegaard's differences to JPEG, and every point."""
    lines = [f"## {found.kind}", ""]
    if found.front(REFERENCE):
        lines += ["| | PSNR against JPEG (dB) | bits against JPEG (%) |", "|---|---:|---:|"]
        for name in found.names:
            psnr, rate = found.differences(name)
            texts = "–" if psnr is None else f"{psnr:+.2f}", "–" if rate is None else f"{100 * rate:+.0f}"
            lines.append(f"| {name} | {' | '.join(texts)} |")
        lines.append("")
    lines += ["| | budget | bits a value | bits a sample | PSNR (dB) |", "|---|---:|---:|---:|---:|"]
    for line in found.lines:
        own = ("", "") if line.size is None else (f"{line.size:,}", str(line.bits))
        lines.append(f"| {line.name} | {' | '.join(own)} | {line.point.rate:.4f} | {line.point.psnr:.2f} |")
    return "\n".join(lines) + "\n"
