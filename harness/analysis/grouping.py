"""The comparisons among rows: which of them may stand in one figure, which are those of one experiment."""

from collections.abc import Iterable, Sequence

from common.process import without_collection
from harness.analysis.comparison import Comparison
from harness.analysis.experiments import experiments
from harness.analysis.palette import palette
from harness.analysis.rings import with_rings
from harness.store.schema import CLASSICAL, Row
from harness.store.table import oldest_first


@without_collection()
def comparisons(rows: Iterable[Row], models: Sequence[str] = (), metric: str = "psnr") -> list[Comparison]:
    """The rows' comparisons in the order of their oldest rows.

    models: an order to draw in; models that it does not name follow in order of appearance.
    """
    rows = oldest_first(rows)
    order = tuple(dict.fromkeys([*models, *(row["model"] for row in rows)]))
    colours = palette(models, order)
    classical = frozenset(row["model"] for row in rows if row["label"] == CLASSICAL)
    found = sorted(experiments(rows, order), key=lambda experiment: min(experiment.places))
    shown = map(with_rings, found) if metric == "psnr" else found
    return [Comparison(experiment, metric, colours, classical) for experiment in shown]
