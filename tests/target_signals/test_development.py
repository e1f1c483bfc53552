"""The signals that settings are tuned on are none that an experiment uses."""

import itertools
from typing import get_args

import numpy as np
import pytest

import target_signals
from common.errors import UsageError
from harness.plan.config import load_config
from harness.plan.tuned import KINDS
from target_signals import development, sample_images
from target_signals.base import Kind, RecordedFamily
from target_signals.resample import bicubic
from target_signals.tasks.base import family_of, registry

CONFIG = load_config()
FAMILIES = [cls for cls in vars(development).values() if getattr(cls, "items", None) and isinstance(cls, type)]
USED = [(e.signal, e.dim) for e in CONFIG.experiments if e.signal != "UserFile"]
LENGTH = {2: 48, 3: 16}
ALIKE = 0.9  # a correlation; other draws of one family have less


def used_by_experiments(dim):
    """Every signal of every preset's experiments that is at hand, at a small length."""
    for name in dict.fromkeys(signal for signal, d in USED if d == dim):
        family = target_signals.registry.get(name)
        if issubclass(family, RecordedFamily):
            if family.missing() is None:
                yield from ((f"{name} {item}", family.load(item, LENGTH[dim])) for item in family.items)
            continue
        presets = [CONFIG.preset(preset, name, dim) for preset in CONFIG.presets]
        bands = {band for preset in presets for band in preset.bandlimits} if family.bands else {None}
        for band, seed in itertools.product(bands, {seed for preset in presets for seed in preset.seeds}):
            yield f"{name} {band} {seed}", family.build(dim, LENGTH[dim], band, seed)


def grey(signal, shape):
    """The signal on a common lattice, without colour and mean, of length 1; zeros where it is constant."""
    values = signal.values if signal.values.ndim == signal.dim else signal.values.mean(-1)
    if signal.dim == 2:
        values = bicubic(values[..., None], shape)[..., 0]
    else:
        places = np.ix_(*(np.arange(n) * size // n for n, size in zip(shape, values.shape, strict=True)))
        values = values[places]
    centred = (values - values.mean()).astype(np.float64).ravel()
    norm = np.linalg.norm(centred)
    return centred / norm if norm > 1e-6 else 0 * centred


def test_every_kind_of_data_has_a_family_to_tune_on_and_a_length_in_presets():
    """Those of signals, and those by which a task has settings of its own."""
    of_tasks = {registry.get(name).settings for name in registry.names()} - {None}
    assert {*get_args(Kind), *of_tasks} == {*KINDS}
    assert {signal for signal, _ in KINDS.values()} == {family.name for family in FAMILIES}
    for kind, (signal, task) in KINDS.items():
        assert (family_of(task).settings or target_signals.registry.get(signal).kind) == kind
    for name in CONFIG.presets:
        assert {*get_args(Kind)} - {"synthetic"} <= {*CONFIG.preset(name, "", 2).length}


@pytest.mark.parametrize("dim", [2, 3])
def test_no_development_signal_is_one_of_an_experiment(dim):
    """Nor nearly one, turned by a right angle or mirrored included."""
    shape = (LENGTH[dim] // 2,) * dim
    used = [(name, grey(signal, shape)) for name, signal in used_by_experiments(dim)]
    assert len(used) > 50
    known = np.array([values for _, values in used])  # [signals, points]
    for family in FAMILIES:
        for item in family.items if family.dims == (dim,) else ():
            values = grey(family.load(item, LENGTH[dim]), shape).reshape(shape)
            assert values.any(), item
            turned = [np.rot90(v, k) for v in (values, values[::-1]) for k in range(4)]
            alike = np.abs(known @ np.array([v.ravel() for v in turned]).T).max(axis=1)
            assert alike.max() < ALIKE, (item, used[alike.argmax()][0])


def test_the_comparison_would_find_a_signal_of_an_experiment():
    shape = (24, 24)
    first, *_ = used_by_experiments(2)
    assert grey(first[1], shape) @ grey(first[1], shape) == pytest.approx(1)


def test_no_experiment_names_them_and_no_file_is_a_stand_ins():
    names = {family.name for family in FAMILIES}
    assert not names & {signal for signal, _ in USED}
    assert all(family.stands_for is None for family in FAMILIES)
    assert all(
        target_signals.registry.get(name).stand_in not in names for name, _ in USED if name in ("DIV2K", "Dragon")
    )
    assert not set(development.DevelopmentImages.files.values()) & set(sample_images.SampleImages.files.values())


def test_no_band_and_no_seed_is_an_experiments():
    presets = [CONFIG.preset(preset, *signal) for preset in CONFIG.presets for signal in USED]
    assert development.SEED not in {seed for preset in presets for seed in preset.seeds}
    bands = {band for preset in presets for band in preset.bandlimits}
    own = {item.partition("_")[2] for family in FAMILIES for item in family.items if item[:4] in ("band", "sphe")}
    assert own
    assert not {float(band) for band in own} & bands


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_items_are_drawn_at_any_length(family):
    for item in family.items:
        signal = family.load(item, 20)
        assert signal.values.dtype == np.float32
        assert max(signal.values.shape[: signal.dim]) in (20, 21)
        assert 0 <= signal.values.min() < signal.values.max() <= 1.0001


def test_photographs_are_never_enlarged():
    assert max(development.DevelopmentImages.load("camera", 4000).values.shape) == development.IMAGE_LENGTH


def test_a_photograph_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setitem(development.DevelopmentImages.files, "camera", "none.png")
    with pytest.raises(UsageError, match=r"none\.png' not found"):
        development.DevelopmentImages.load("camera", 20)
    assert "none.png" in development.DevelopmentImages.missing()
    assert development.DevelopmentImages.missing(["retina"]) is None
