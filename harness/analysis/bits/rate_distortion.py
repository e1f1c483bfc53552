"""Rate–distortion curves of models and codecs: PSNR against bits a sample, averaged over the same draws."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.bits import bjontegaard
from harness.analysis.bits.bjontegaard import Point, front
from harness.analysis.bits.codecs import REFERENCES, Measured
from harness.analysis.experiments import Kind, kind_of
from harness.store.schema import OK, Row


@dataclass(frozen=True)
class Line:
    """One measured point: who, at which budget and bits a value (None for a codec), where.

    seconds: to encode and to decode; operations: floating-point ones, to evaluate a sample. None where not measured.
    """

    name: str
    size: int | None
    bits: int | None
    point: Point
    seconds: tuple[float, float] | None = None
    operations: float | None = None


@dataclass(frozen=True)
class RateDistortion:
    """An experiment's points, by model, budget and bits, then by codec. draws: how many signals there are."""

    kind: Kind
    draws: int
    models: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def reference(self) -> str:
        """The codec that others are held to."""
        return REFERENCES[self.kind.dim]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.name for line in self.lines))

    def front(self, name: str) -> list[Point]:
        """The best that a model, over its budgets and bits, or a codec does."""
        return front([line.point for line in self.lines if line.name == name])

    def differences(self, name: str) -> tuple[float | None, float | None]:
        """Bjøntegaard's to the reference: of PSNR in dB, and of the rate as a share."""
        reference, own = self.front(self.reference), self.front(name)
        return bjontegaard.psnr_difference(own, reference), bjontegaard.rate_difference(own, reference)


def rate_distortion(
    rows: Iterable[Row], order: Sequence[str], curves_of: Callable[[Row], Mapping[str, Sequence[Measured | None]]]
) -> list[RateDistortion]:
    """One for each experiment that has rows with rates.

    order: of models; others follow by name. curves_of: a row's signal → its codecs' files, ladder by ladder.
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
    curves_of: Callable[[Row], Mapping[str, Sequence[Measured | None]]],
) -> RateDistortion:
    points: dict[tuple[str, int, int], list[Point]] = {}
    costs: dict[tuple[str, int, int], list[tuple[float | None, ...]]] = {}
    signals: dict[tuple[object, ...], Row] = {}
    for row in rows:
        signals.setdefault((row["item"], row["bandlimit"], row["signal_seed"]), row)
        samples = math.prod(row["shape"][:-1])
        for rate in row["rates"]:
            if rate["psnr"] is not None and rate["bytes"] > 0:
                place = (row["model"], int(row["size"]), int(rate["bits"]))
                points.setdefault(place, []).append(Point(8 * rate["bytes"] / samples, rate["psnr"]))
                cost = rate["encode_seconds"], rate["decode_seconds"], row["operations"]
                costs.setdefault(place, []).append(cost)
    place_of = {name: place for place, name in enumerate(order)}
    found = sorted(points, key=lambda place: (place_of.get(place[0], len(order)), place))
    most = {model: max(len(points[place]) for place in found if place[0] == model) for model, *_ in found}
    whole = [place for place in found if len(points[place]) == most[place[0]]]
    lines = [Line(*place, _mean(points[place]), *_cost(costs[place])) for place in whole]
    models = tuple(dict.fromkeys(line.name for line in lines))
    ladders: dict[tuple[str, int], list[Measured]] = {}
    for row in signals.values():
        for name, ladder in curves_of(row).items():
            for step, measured in enumerate(ladder):
                if measured is not None:
                    ladders.setdefault((name, step), []).append(measured)
    everywhere = {place: found for place, found in ladders.items() if len(found) == len(signals)}
    for (name, _), of in everywhere.items():
        seconds, _ = _cost([(*one.seconds, None) for one in of])
        lines.append(Line(name, None, None, _mean([one.point for one in of]), seconds))
    return RateDistortion(kind, len(signals), models, tuple(lines))


def _mean(points: Sequence[Point]) -> Point:
    return Point(*(sum(values) / len(values) for values in zip(*points, strict=True)))


def _cost(of_draws: Sequence[tuple[float | None, ...]]) -> tuple[tuple[float, float] | None, float | None]:
    """Means of the seconds to encode and to decode, and of the operations, where all draws have them."""
    encode, decode, operations = (
        None if None in values else sum(filter(None, values)) / len(values) for values in zip(*of_draws, strict=True)
    )
    return None if encode is None or decode is None else (encode, decode), operations


def markdown(found: RateDistortion) -> str:
    """Two tables: Bjøntegaard's differences to the reference, and every point with what it costs to compute."""
    lines = [f"## {found.kind}", ""]
    if found.front(codec := found.reference):
        lines += [f"| | PSNR against {codec} (dB) | bits against {codec} (%) |", "|---|---:|---:|"]
        for name in found.names:
            psnr, rate = found.differences(name)
            texts = "–" if psnr is None else f"{psnr:+.2f}", "–" if rate is None else f"{100 * rate:+.0f}"
            lines.append(f"| {name} | {' | '.join(texts)} |")
        lines.append("")
    columns = ("", "budget", "bits a value", "bits a sample", "PSNR (dB)", "encode (s)", "decode (s)", "operations")
    lines += [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    for line in found.lines:
        own = ("", "") if line.size is None else (f"{line.size:,}", str(line.bits))
        seconds = ("", "") if line.seconds is None else [f"{seconds:.3f}" for seconds in line.seconds]
        operations = "" if line.operations is None else f"{line.operations:,.0f}"
        cells = *own, f"{line.point.rate:.4f}", f"{line.point.psnr:.2f}", *seconds, operations
        lines.append(f"| {line.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
