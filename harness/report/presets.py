"""Presets side by side for the page, such as `paper` and `tuned`: of every experiment that has scores under a preset
and under the one whose extent it has."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.experiments import Experiment
from harness.analysis.tables import best_of, notes_on
from harness.analysis.versus import Versus, versus
from harness.analysis.wording import difference
from harness.plan.config import EXTENT_OF, Config
from harness.report.compact import rounded


def presets(every: Sequence[Experiment], config: Config) -> list[dict[str, Any]]:
    """every: the page's experiments, in their order."""
    kinds = [one.kind for one in every]
    pairs = [(name, preset[EXTENT_OF]) for name, preset in config.presets.items() if EXTENT_OF in preset]
    found = [one for preset, against in pairs for one in versus(every, preset, against, "psnr")]
    return [{"experiment": kinds.index(one.kind), **_prepared(one)} for one in found]


def _prepared(found: Versus) -> dict[str, Any]:
    """moved: the change with its interval in words, and told whether it is beyond chance."""
    lines = [
        {
            "model": change.model,
            "size": change.size,
            "before": rounded(change.before),
            "after": rounded(change.after),
            "ahead": rounded(change.ahead.mean),
            "moved": difference(change.ahead, found.metric),
            "told": found.told(change),
            "ranks": change.ranks,
        }
        for change in found.changes
    ]
    return {
        "against": found.against,
        "bands": found.bands[1],
        "lines": lines,
        "best": best_of(found),
        "notes": notes_on(found),
    }
