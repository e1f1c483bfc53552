"""Rate–distortion curves of models and codecs: PSNR against bits a sample, averaged over the same cases."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from common.grouped import grouped
from common.words import budget_text
from harness.analysis.bits import bjontegaard
from harness.analysis.bits.bjontegaard import Point, front
from harness.analysis.bits.codecs import REFERENCES, Measured
from harness.analysis.cell import Kind
from harness.analysis.compared import complete_enough
from harness.analysis.experiments import experiments
from harness.store.schema import OK, Row

MOST_RATES = 6  # that PSNR is told at
Place = tuple[str, int, int]  # model, budget, bits a value
Case = tuple[Any, ...]  # item, band and seed of the signal, then of the fit
Cost = tuple[float | None, ...]  # seconds to encode and to decode, operations a sample


@dataclass(frozen=True)
class Measurement:
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
    """An experiment's points, by model, budget and bits, then by codec. signals: how many they are means over, of
    how many that some model has. without: models and budgets that lack some of these, in words.
    """

    kind: Kind
    signals: tuple[int, int]
    models: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    without: tuple[str, ...] = ()

    @property
    def means(self) -> str:
        """What points are means of, in words; nothing for the only signal."""
        taken, every = self.signals
        return "" if every == 1 else f"mean of {taken}{f' of {every}' if taken < every else ''} signals"

    @property
    def reference(self) -> str:
        """The codec that others are held to."""
        return REFERENCES[self.kind.dim]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.name for one in self.measurements))

    def front(self, name: str) -> list[Point]:
        """The best that a model, over its budgets and bits, or a codec does."""
        return front([one.point for one in self.measurements if one.name == name])

    @property
    def rates(self) -> list[float]:
        """Some powers of two, in bits a sample, between the files of the reference, or without it of anybody."""
        rates = [one.point.rate for one in self.measurements if one.name == self.reference]
        rates = rates or [one.point.rate for one in self.measurements]
        powers = range(math.ceil(math.log2(min(rates))), math.floor(math.log2(max(rates))) + 1)
        return [2.0**power for power in powers[:: 1 + len(powers) // (MOST_RATES + 1)]]

    def psnr_at(self, name: str, rate: float) -> float | None:
        """PSNR in dB at a rate, between two of its points; None beyond them."""
        return bjontegaard.psnr_at(self.front(name), rate)

    def leading(self, names: Iterable[str]) -> set[str]:
        """Those among some that have the best of all files that are no larger than one of `rates`."""
        files = [one for one in self.measurements if one.name in {*names}]
        small = [[one for one in files if one.point.rate <= rate] for rate in self.rates]
        return {max(found, key=lambda one: one.point.psnr).name for found in small if found}

    def differences(self, name: str) -> tuple[float | None, float | None]:
        """Bjøntegaard's to the reference: of PSNR in dB, and of the rate as a share."""
        reference, own = self.front(self.reference), self.front(name)
        return bjontegaard.psnr_difference(own, reference), bjontegaard.rate_difference(own, reference)


def rate_distortion(
    rows: Iterable[Row], order: Sequence[str], curves_of: Callable[[Row], Mapping[str, Sequence[Measured | None]]]
) -> list[RateDistortion]:
    """The points of each experiment whose latest rows have rates.

    order: of models; others follow by name. curves_of: a row's signal → its codecs' files, ladder by ladder.
    """
    latest = {one.kind: list(filter(_has_points, one.by_cell.values())) for one in experiments(list(rows))}
    return [_of(kind, own, order, curves_of) for kind, own in latest.items() if own]


def _of(
    kind: Kind,
    rows: Sequence[Row],
    order: Sequence[str],
    curves_of: Callable[[Row], Mapping[str, Sequence[Measured | None]]],
) -> RateDistortion:
    found: dict[Place, dict[Case, tuple[Point, Cost]]] = {}
    signals: dict[Case, Row] = {}
    for row in rows:
        case = (row["item"], row["bandlimit"], row["signal_seed"], row["seed"])
        samples = math.prod(row["shape"][:-1])
        for rate in filter(_is_scored, row["rates"]):
            place = (row["model"], int(row["size"]), int(rate["bits"]))
            cost = rate["encode_seconds"], rate["decode_seconds"], row["operations"]
            found.setdefault(place, {})[case] = Point(8 * rate["bytes"] / samples, rate["psnr"]), cost
            signals.setdefault(case[:3], row)
    cases = complete_enough({place: own.keys() for place, own in found.items()})
    fuller = [cases & own.keys() for own in found.values() if 2 * len(cases & own.keys()) > len(cases)]
    shared = cases.intersection(*fuller) or max(map(set, found.values()), key=len)
    place_of = {name: place for place, name in enumerate(order)}
    measured = []
    for place in sorted(found, key=lambda place: (place_of.get(place[0], len(order)), place)):
        if shared <= found[place].keys():
            of_signal = grouped(shared, itemgetter(slice(3))).values()  # a codec codes each once
            points = [_mean([found[place][case][0] for case in cases]) for cases in of_signal]
            measured.append(Measurement(*place, _mean(points), *_cost([found[place][case][1] for case in shared])))
    models = tuple(dict.fromkeys(one.name for one in measured))
    lacking = dict.fromkeys(f"{m} at {budget_text(size)}" for (m, size, _), own in found.items() if shared - own.keys())
    taken = [row for signal, row in signals.items() if any(case[:3] == signal for case in shared)]
    measured += _of_codecs(list(map(curves_of, taken)))
    return RateDistortion(kind, (len(taken), len(signals)), models, tuple(measured), tuple(lacking))


def _of_codecs(signals: Sequence[Mapping[str, Sequence[Measured | None]]]) -> Iterator[Measurement]:
    """The points of codecs, one for each step of a ladder that codes all signals."""
    ladders: dict[tuple[str, int], list[Measured]] = {}
    for of_signal in signals:
        for name, ladder in of_signal.items():
            for step, measured in enumerate(ladder):
                if measured is not None:
                    ladders.setdefault((name, step), []).append(measured)
    for (name, _), files in ladders.items():
        if len(files) == len(signals):
            seconds, _ = _cost([(*one.seconds, None) for one in files])
            yield Measurement(name, None, None, _mean([one.point for one in files]), seconds)


def _has_points(row: Row) -> bool:
    """Whether a row, which may be anybody's, has rates of a signal whose samples can be counted."""
    shape = row["shape"] or []
    whole = row["dim"] in REFERENCES and len(shape) == row["dim"] + 1 and min(shape) > 0
    return whole and row["status"] == OK and any(map(_is_scored, row["rates"] or ()))


def _is_scored(rate: Mapping[str, Any]) -> bool:
    return rate["psnr"] is not None and rate["bytes"] > 0


def _mean(points: Sequence[Point]) -> Point:
    return Point(*(math.fsum(values) / len(values) for values in zip(*points, strict=True)))


def _cost(of_cases: Sequence[Cost]) -> tuple[tuple[float, float] | None, float | None]:
    """Means of the seconds to encode and to decode, and of the operations, where all cases have them."""
    encode, decode, operations = (
        None if None in values else math.fsum(filter(None, values)) / len(values)
        for values in zip(*of_cases, strict=True)
    )
    return None if encode is None or decode is None else (encode, decode), operations
