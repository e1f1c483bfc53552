"""Fitted models as files: safetensors for the values, and in its header all that rebuilds the model.

Nothing is pickled, so a file from somebody else can only be a wrong one.
"""

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

import models
from common.errors import UsageError, cause_of
from common.files import write_atomically
from common.lattice import Lattice
from common.needs import Needs
from common.registry import version
from harness.plan.trial import Trial
from harness.store.store import Store, unwritable
from models import backends
from models.base import Representation
from models.budget import without_values
from models.defaults import drawing, own_defaults
from models.settings import read_settings

MOST_VALUES = 1 << 32  # what a header may make us allocate
MOST_SAMPLES = 1 << 20  # along an axis that a header states as a number
MOST_CHANNELS = 1 << 12  # some models mix channels by a square matrix
ORIGIN = "run.py --save-model leaves models as .safetensors files"
UNREADABLE = (  # what safetensors, PyTorch and constructors raise at values that no file of ours has
    *(SafetensorError, OSError, LookupError, ValueError, TypeError, AssertionError, RuntimeError),
    *(ArithmeticError, MemoryError),
)


def save_fitted(out: str | Path, trial: Trial, model: Representation) -> None:
    """Write the model of a trial to a results folder. Raises `unwritable`."""
    _keep(Store(out, trial.folder).model_path(trial.key), _content(model))


def save_files(out: str | Path, trial: Trial, files: Mapping[int, bytes]) -> None:
    """Write a trial's model as it was compressed, by bits a value, beside the model. Raises `unwritable`."""
    store = Store(out, trial.folder)
    for bits, data in files.items():
        _keep(store.coded_path(trial.key, bits), data)


def _keep(path: Path, data: bytes) -> None:
    """Write a file of a results folder. Raises `unwritable`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise unwritable(path.parent, error) from error


def save(model: Representation, path: str | Path) -> None:
    """Write the model's values and what rebuilds it; never half a file."""
    write_atomically(Path(path), _content(model))


def _content(model: Representation) -> bytes:
    header = describe(model)
    values = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in stored(model).items()
    }
    return to_bytes(values, metadata={"representation": json.dumps(header)})


def describe(model: Representation) -> dict[str, Any]:
    """What `rebuild` needs. A regular lattice is its shape."""
    header = {
        "model": model.name,
        "settings": dataclasses.asdict(model.config),
        "size": model.size,
        "channels": model.channels,
        "drawn_from": model.drawn_from,
    }
    if (code := version(type(model))) is not None:  # of one's own file; headers of the suite's models keep their bytes
        header["code"] = code
    axes = model.lattice.axes
    if all(map(np.array_equal, axes, Lattice.regular(model.lattice.shape).axes)):
        return header | {"shape": list(model.lattice.shape)}
    return header | {"axes": [axis.tolist() for axis in axes]}


def load(path: str | Path, device: str = "cpu") -> Representation:
    """The model that `save` wrote. Raises UsageError when the file is not such a one."""
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"no file '{path}'; {ORIGIN}")
    try:
        path.open("rb").close()  # safetensors takes what may not be read for missing
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}; make it readable") from error
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["representation"])
            values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        model = with_values(rebuild(header), values)
    except UsageError as error:
        raise UsageError(f"'{path}': {error}") from error
    except UNREADABLE as error:
        raise UsageError(f"'{path}' holds no model of this suite: {cause_of(error)}; {ORIGIN}") from error
    model = model.to(device)
    model.backend = backends.choose(model, "fp32")
    return model


def first_names(model: Representation) -> dict[str, str]:
    """Every name of the model's state → the first name of the same tensor: a layer that is used twice has two."""
    first: dict[int, str] = {}
    return {name: first.setdefault(id(value), name) for name, value in model.state_dict(keep_vars=True).items()}


def stored(model: Representation) -> dict[str, torch.Tensor]:
    """What a file holds of a model: every tensor of its state once, by its first name."""
    state = model.state_dict()
    return {name: state[name] for name in dict.fromkeys(first_names(model).values())}


def with_values(model: Representation, values: Mapping[str, torch.Tensor]) -> Representation:
    """A model of `rebuild` with the values of a file, on the CPU. It is constructed once more, now in memory: what
    `__init__` computes and the state leaves out stands in no file. Raises one of UNREADABLE for values of others.
    """
    expected = stored(model)
    if values.keys() != expected.keys():
        raise ValueError(f"it holds {', '.join(values) or 'nothing'}, and {model.name} keeps {', '.join(expected)}")
    for name, room in expected.items():
        given, kept = (f"{x.dtype} {tuple(x.shape)}" for x in (values[name], room))
        if given != kept:
            raise ValueError(f"{name} has {given}, and {model.name} keeps {kept}")
    with own_defaults(), drawing(model.drawn_from):
        full = model.construct(model.config, model.lattice, model.channels, model.size)
    full.drawn_from = model.drawn_from
    full.load_state_dict({name: values[first] for name, first in first_names(model).items()})
    return full


def only_saved(paths: Sequence[str]) -> list[str]:
    """The paths of saved models, and of those in folders, once the .py files among the paths have registered the models
    of one's own. Raises UsageError for a folder without any."""
    for path in paths:
        if path.endswith(".py"):
            models.registry.load_file(path)
    return [model for path in paths if not path.endswith(".py") for model in _models_at(path)]


def _models_at(path: str) -> list[str]:
    """A file itself; the models in a folder, by name."""
    if not os.path.isdir(path):  # not pathlib's, which raises for a text that no file can be called
        return [path]
    found = sorted(str(file) for file in Path(path).iterdir() if file.suffix == ".safetensors")
    if not found:
        raise UsageError(f"no .safetensors file in the folder '{path}'; {ORIGIN}, in <results>/<experiment>/models")
    return found


def rebuild(header: dict[str, Any]) -> Representation:
    """The model that `describe` told of, without values. Raises one of UNREADABLE or UsageError for other headers."""
    if not isinstance(header["model"], str):
        raise TypeError(f"{header['model']!r} is no model's name")
    cls = models.get_model(header["model"])
    now, then = version(cls), header.get("code")
    if now is not None and then not in (None, now):
        raise UsageError(
            f"it was fitted by another version of {cls.name}'s file ({str(then)[:12]} then, {now} now); "
            "name the file as it was then, or fit it again"
        )
    settings = read_settings(cls.Config, header["settings"], "settings")
    lattice = _lattice(header)
    channels = int(header["channels"])
    if not 1 <= channels <= MOST_CHANNELS:
        raise ValueError(f"it has {channels} channels, and from 1 to {MOST_CHANNELS:,} are read")
    needs = Needs(pointwise=not cls.inverts, invertible=cls.inverts)  # of a task that it was fitted to
    if (reason := cls.unsupported(lattice.dim, channels, needs)) is not None:
        raise ValueError(reason)
    size = header["size"]
    if type(size) is not int or size < cls.smallest:  # PyTorch would make layers without values, and warn
        raise ValueError(f"{size!r} is no size of {cls.name}, a whole number from {cls.smallest} up")
    seed = header.get("drawn_from")
    if seed is not None and not (type(seed) is int and 0 <= seed < 1 << 64):
        raise ValueError(f"{seed!r} is no generator's seed")
    with without_values():  # nothing is allocated before the values have shown their shapes
        model = cls.construct(settings, lattice, channels, size)
    model.drawn_from = seed
    return model


def _lattice(header: dict[str, Any]) -> Lattice:
    """A header's lattice: regular by its `shape`, any other by its `axes`."""
    if "axes" in header:
        lattice = Lattice(tuple(np.asarray(axis, dtype=np.float64) for axis in header["axes"]))
        if not all(axis.ndim == 1 and np.isfinite(axis).all() and (np.diff(axis) >= 0).all() for axis in lattice.axes):
            raise ValueError("its lattice has an axis whose samples do not rise")
    else:
        shape = tuple(map(int, header["shape"]))
        if max(shape) > MOST_SAMPLES:
            raise ValueError(f"a lattice of {shape} has more than {MOST_SAMPLES:,} samples along an axis")
        lattice = Lattice.regular(shape)
    if not 1 <= lattice.dim <= 3 or not 0 < math.prod(lattice.shape) <= MOST_VALUES:
        raise ValueError(f"a lattice of {lattice.shape} is not one")
    return lattice
