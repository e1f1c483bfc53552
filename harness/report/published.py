"""The paper's published scores beside an experiment's own, where there are any."""

from collections.abc import Sequence
from typing import Any

from harness.extent import Experiment
from harness.published import beside
from harness.results import Row, to_table


def published(experiment: Experiment, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The cells of harness/published.py, with the `item` that a table is about, or null where it is about all."""
    own = [rows[i] for i in experiment.latest.values()]
    cells = beside(to_table(own))
    if len({cell["table"] for cell in cells}) < 2:
        return [cell | {"item": None} for cell in cells]
    by_item: dict[Any, list[Row]] = {}
    for row in own:
        by_item.setdefault(row.get("item"), []).append(row)
    return [cell | {"item": item} for item, of_item in by_item.items() for cell in beside(to_table(of_item))]
