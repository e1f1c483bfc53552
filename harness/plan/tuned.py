"""What searches have found, by extent, model, kind of data and budget: the file tuned.json beside the settings file.

`python -m harness tune --write` writes it, and a preset with `tuned_at` reads it (docs/tuning.md).
"""

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UsageError
from common.files import read_bounded, write_for_user
from common.typed_json import read

FILE = "tuned.json"
MOST_BYTES = 1 << 24
KINDS = {  # of data, by the name that settings have for it: the signals to tune on, and the task
    "image": ("DevelopmentImages", "fit"),
    "synthetic": ("DevelopmentSynthetic", "fit"),
    "volume": ("DevelopmentVolumes", "fit"),
    "ct": ("DevelopmentCT", "ct"),
}
REACH = 30  # settings hold for budgets at most so many times smaller or larger


@dataclass(frozen=True)
class Found:
    """The best setting of a search, and where it came from.

    settings: the values of the dials. gain: mean PSNR over the constant mean on the development signals, in dB.
    paper: the same of trial 0, the settings file's own. seed, trials: of the search; best: which of its trials it is.
    signals: the development signals. seconds: of training, all trials together.
    """

    settings: dict[str, Any]
    gain: float
    paper: float | None
    seed: int
    trials: int
    best: int
    signals: tuple[str, ...]
    steps: int
    seconds: float
    device: str
    commit: str


Tuned = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Found]]]]  # extent → model → kind → budget → Found


def kind_in(dim: int, kind: str) -> str:
    """The one of KINDS whose tuned settings hold for a kind of data: in 3D all have those of volumes."""
    return "volume" if dim == 3 else kind


def load_tuned(settings_file: Path) -> Tuned:
    """The file beside a settings file; nothing where there is none."""
    path = settings_file.with_name(FILE)
    try:
        data = json.loads(read_bounded(path, MOST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        anew = "restore it, or delete it and run python -m harness tune --write"
        raise UsageError(f"cannot read '{path}': {error}; {anew}") from error
    tuned: Tuned = read(dict[str, dict[str, dict[str, dict[str, Found]]]], data, FILE)
    for extent, models in tuned.items():
        for model, kinds in models.items():
            for kind, budgets in kinds.items():
                if not budgets or not all(re.fullmatch("[1-9][0-9]{0,14}", budget) for budget in budgets):
                    raise UsageError(f"{FILE}: {extent}.{model}.{kind}: its keys must be budgets, one at least")
    return tuned


def write_tuned(settings_file: Path, new: Tuned) -> Path:
    """Add to the file beside a settings file, as it is now: another search may have written since this one began. Its
    path."""
    path = settings_file.with_name(FILE)
    tuned = merged(load_tuned(settings_file), new)
    text = json.dumps(tuned, default=dataclasses.asdict, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_for_user(path, text.encode(), "make it writable")
    return path


def merged(tuned: Tuned, new: Tuned) -> Tuned:
    """Both joined, the new where both have a budget; in alphabetical order, budgets by size."""

    def merge(one: Any, other: Any) -> Any:
        if isinstance(one, Found) or isinstance(other, Found):
            return other or one
        keys = sorted({*one, *other}, key=lambda key: (int(key) if key.isdecimal() else 0, key))
        return {key: merge(one.get(key, {}), other.get(key, {})) for key in keys}

    return merge(tuned, new)


def found_for(tuned: Tuned, extent: str, model: str, kind: str, size: int, reach: float = REACH) -> Found | None:
    """What was found at the tuned budget that is nearest by its ratio; None where none is within `reach` times."""
    budgets = tuned.get(extent, {}).get(model, {}).get(kind, {})
    away = {budget: abs(math.log(size / int(budget))) for budget in sorted(budgets, key=int)}
    nearest = min(away, key=away.__getitem__, default=None)
    return None if nearest is None or away[nearest] > math.log(reach) else budgets[nearest]
