"""The rings of a signal as bands of an experiment, so that all that is done by band is done by ring."""

import dataclasses

from harness.analysis.experiments import Experiment
from harness.store.schema import SCORES

NOT_OF_A_RING = dict.fromkeys((*SCORES, "psnr_constant"))


def with_rings(experiment: Experiment) -> Experiment:
    """An experiment in which the rings of a signal are bands 0.1, 0.2 … as well, with rows of their own; the same
    where there are none."""
    count = max((len(row.get("psnr_rings") or ()) for row in experiment.by_cell.values()), default=0)
    if not count:
        return experiment
    latest, rows = dict(experiment.latest), list(experiment.rows)
    for cell, row in experiment.by_cell.items():
        rings = row.get("psnr_rings") or ()  # a failed run has none of its own
        for ring in range(count):
            latest[cell._replace(band=(ring + 1) / 10)] = len(rows)
            rows.append(row | NOT_OF_A_RING | {"psnr": rings[ring] if ring < len(rings) else None})
    return dataclasses.replace(experiment, rows=rows, latest=latest)
