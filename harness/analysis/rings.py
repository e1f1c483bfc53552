"""The rings of a signal as bands of an experiment, so that all that is done by band is done by ring."""

import dataclasses
from collections.abc import Sequence

from harness.analysis.experiments import Experiment
from harness.store.schema import SUFFIXES, Row
from target_signals.tasks.metrics import METRICS

NOT_OF_A_RING = dict.fromkeys((*(f"{name}{suffix}" for name in METRICS for suffix in SUFFIXES), "psnr_constant"))


def with_rings(experiment: Experiment, rows: Sequence[Row]) -> tuple[Experiment, Sequence[Row], bool]:
    """An experiment in which the rings of a signal are bands 0.1, 0.2 … as well; its rows; whether there are any."""
    count = max((len(rows[i].get("psnr_rings") or ()) for i in experiment.latest.values()), default=0)
    if not count:
        return experiment, rows, False
    latest, made = dict(experiment.latest), list(rows)
    for cell, i in experiment.latest.items():
        rings = rows[i].get("psnr_rings") or ()  # a failed run has none of its own
        for ring in range(count):
            latest[cell._replace(band=(ring + 1) / 10)] = len(made)
            made.append(rows[i] | NOT_OF_A_RING | {"psnr": rings[ring] if ring < len(rings) else None})
    return dataclasses.replace(experiment, latest=latest), made, True
