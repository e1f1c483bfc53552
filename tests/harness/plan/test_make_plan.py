"""The plan: which trials an experiment has, in which order, and what tells one from another."""

import dataclasses
import itertools
import re
from collections import Counter

import pytest
import torch

from common.errors import UsageError
from harness.execution.launch import choose_models, choose_precision
from harness.plan.make_plan import make_plan, searched, tuned_kind
from harness.plan.model_settings import model_names
from harness.plan.source import choose_source
from harness.plan.trial import Trial

EXPERIMENTS = [  # docs/protocol.md, "Experiments and presets": signal, dim, trials a model
    ("BandlimitedSignal", 2, 9 * 5 * 6),
    ("SparseSphereSignal", 2, 9 * 5 * 6),
    ("Sierpinski", 2, 9 * 6),
    ("StarTarget", 2, 5 * 6),
    ("BandlimitedSignal", 3, 9 * 5 * 6),
    ("SparseSphereSignal", 3, 9 * 5 * 6),
]
PAPER_SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
IN_THE_HASH = {"steps": 7, "minibatch": 50, "precision": "bf16", "adam_betas": (0.8, 0.9)}
IN_THE_HASH |= {"lr_schedule": "cosine", "optimiser": "muon", "tuned_at": "paper"}
IN_THE_HASH |= {"model_code": "0123456789ab", "signal_code": "0123456789ab"}
IN_THE_KEY = {"signal": "Other", "item": "0064", "dim": 3, "length": 25, "bandlimit": 0.6, "task": "ct"}
IN_THE_KEY |= {"model": "Grid_TV", "budget": 2501, "seed": 4321, "signal_seed": 4321, "dataset": "photos"}
IN_NEITHER = {
    "backend": "torch",
    "preset": "paper",
    "evaluate_every": 1,
    "activation_gib": 0.1,
    "bits": (8,),
    "quantised_share": 0.2,
}  # where and how, not what
IN_NEITHER |= {"path": "/elsewhere/photo.jpg", "scored": ("fit", "super_resolution")}


@pytest.fixture(scope="module")
def plan(config):
    """`plan("Sierpinski", 2, models=…, seeds=…)`: the trials of a preset with some of its values replaced."""

    def make(signal, dim, preset="paper", models=None, tasks=("fit",), items=None, **changes):
        extent = dataclasses.replace(config.preset(preset, signal, dim), **changes)
        source = choose_source(signal, dim, items)
        return make_plan(config, source, tasks, extent, models or config.protocol.models)

    return make


@pytest.fixture(scope="module")
def papers(plan):
    """Every trial of the paper, by experiment."""
    return {(signal, dim): plan(signal, dim) for signal, dim, _ in EXPERIMENTS}


@pytest.mark.parametrize(("signal", "dim", "trials"), EXPERIMENTS)
def test_the_paper_has_as_many_trials_as_it_says(papers, config, signal, dim, trials):
    found = papers[signal, dim]
    assert Counter(t.model for t in found) == dict.fromkeys(config.protocol.models, trials)
    assert {t.budget for t in found} == set(PAPER_SIZES)
    assert {t.length for t in found} == {1000 if dim == 2 else 100}
    assert {t.seed for t in found} == ({1234} if signal == "Sierpinski" else {1234, 2024, 5678, 7890, 7618})
    bands = {None} if signal == "StarTarget" else {round(0.1 * i, 1) for i in range(1, 10)}
    assert {t.bandlimit for t in found} == bands
    assert {(t.steps, t.evaluate_every) for t in found} == {(1000, 100)}


def test_all_is_the_papers_models_and_newer_the_others(config):
    assert choose_models(config, ["all"]) == [*config.protocol.models, "FBP"]
    assert choose_models(config, ["newer"]) == list(config.protocol.newer)
    assert choose_models(config, ["Finer", "newer", "all"])[:2] == ["Finer", config.protocol.newer[1]]
    assert set(choose_models(config, ["all", "newer"])) == set(model_names(config))


def test_a_settings_file_from_before_the_newer_models_runs_as_before(config):
    protocol = dataclasses.replace(config.protocol, newer=(), of_task={})
    settings = {name: config.models[name] for name in protocol.models}
    older = dataclasses.replace(config, protocol=protocol, models=settings)
    assert choose_models(older, ["all"]) == model_names(older) == list(protocol.models)
    with pytest.raises(UsageError, match=r"^the settings file '.*' names no models of the group 'newer'$"):
        choose_models(older, ["newer"])


def test_a_yardstick_of_one_task_has_trials_there_alone(plan, config):
    every = choose_models(config, ["all"])
    trials = plan("SheppLogan", 2, "smoke", every, ("fit", "ct"), items=["phantom"])
    assert [(t.model, t.task) for t in trials if t.model == "FBP"] == [("FBP", "ct")]
    assert len(trials) == 2 * len(config.protocol.models) + 1
    with pytest.raises(UsageError, match=r"^no trials for task fit: FBP is for --task ct$"):
        plan("SheppLogan", 2, "smoke", ["FBP"], ("fit",), items=["phantom"])


# Recorded signals: items, tasks, and rows


def test_the_papers_image_experiment_has_ten_images_and_three_fits_of_each(plan):
    trials = plan("DIV2K", 2, tasks=("fit", "denoise"), models=["Grid"])
    assert len(trials) == 10 * 3 * 6
    assert {t.task for t in trials} == {"fit", "denoise_0.05", "denoise_0.1"}
    assert list(dict.fromkeys(t.item for t in trials))[:3] == ["0064", "0007", "0010"]
    assert {(t.length, t.seed, t.bandlimit) for t in trials} == {(None, 1234, None)}


def test_a_fit_of_an_item_with_a_finer_lattice_leaves_two_rows(plan):
    (trial,) = plan("SampleImages", 2, models=["Grid"], sizes=(10,), items=["astronaut"])
    assert trial.scored == ("fit", "super_resolution")
    folders = [row.folder for row in trial.rows]
    assert folders == ["2d_SampleImages", "2d_SampleImages_super_resolution"]
    assert len({row.key for row in trial.rows}) == 2
    both = plan("SampleImages", 2, models=["Grid"], sizes=(10,), items=["astronaut"], tasks=("super_resolution", "fit"))
    assert both == [trial], "one fit serves both"
    (alone,) = plan("SheppLogan", 2, models=["Grid"], sizes=(10,), items=None)
    assert alone.scored == ("fit",)


def test_settings_follow_the_kind_of_data(plan):
    def weight(signal, task):
        (trial,) = plan(signal, 2, models=["Grid_TV"], sizes=(100_000,), items=None, tasks=(task,))
        return trial.settings.tv_weight

    assert weight("SheppLogan", "fit") == 0.05
    assert weight("SheppLogan", "ct") == 10


@pytest.mark.parametrize(
    ("signal", "dim", "task", "kind"),
    [
        ("SheppLogan", 2, "ct", "ct"),
        ("SheppLogan", 2, "fit", "image"),
        ("SampleImages", 2, "denoise_0.1", "image"),
        ("Sierpinski", 2, "fit", "synthetic"),
        ("BandlimitedSignal", 3, "fit", "volume"),
        ("Solids", 3, "inpaint_0.5", "volume"),
    ],
)
def test_which_kind_of_data_a_task_has_tuned_settings_of(signal, dim, task, kind):
    assert tuned_kind(choose_source(signal, dim), task) == kind


def test_which_tasks_are_searched_for_settings():
    """Those that searches fit, and those that are scored on such fits."""
    tasks = ("fit", "ct", "super_resolution", "denoise_0.1", "inpaint_0.5")
    assert [task for task in tasks if searched(task)] == ["fit", "ct", "super_resolution"]


def test_a_sinogram_is_never_trained_in_batches(plan):
    trials = plan("SheppLogan", 2, models=["Siren"], sizes=(3 * 10**6,), tasks=("ct", "fit"))
    assert [(t.task, t.minibatch) for t in trials] == [("ct", None), ("fit", 400_000)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("DIV2K", 2, ["0065"]), r"DIV2K has no item '0065' \(did you mean '0064'\?\); it has 0064, 0007"),
        (("Sierpinski", 2, ["0064"]), "Sierpinski has no item '0064'; it has none, leave --items out"),
    ],
)
def test_an_item_that_does_not_exist_is_one_line(arguments, message):
    with pytest.raises(UsageError, match=message):
        choose_source(*arguments)


def test_a_volume_has_no_sinogram(plan):
    with pytest.raises(UsageError, match=r"^task 'ct' is for signals with dim 2, and this one has dim 3$"):
        plan("Solids", 3, tasks=("ct",))


def test_keys_differ_over_the_whole_paper(papers):
    keys = [trial.key for trials in papers.values() for trial in trials]
    assert len(keys) == 12 * sum(trials for *_, trials in EXPERIMENTS)
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[\w.]{10,120}", key) for key in keys), "a key must serve as a file name anywhere"


def test_a_trial_has_the_names_that_it_would_have_alone(plan):
    """Though what its draws share is made and digested once."""
    trials = plan("BandlimitedSignal", 2, seeds=(1, 2), signal_seeds=(1, 3), models=("Siren", "Grid_exact"))
    assert len({trial.bandlimit for trial in trials}) > 1
    for trial in trials:
        alone = dataclasses.replace(trial)
        assert (alone, alone.config_hash, alone.key) == (trial, trial.config_hash, trial.key)
    assert trials[0].of_draw(0.9, 7, 8).key == dataclasses.replace(trials[0], bandlimit=0.9, seed=7, signal_seed=8).key


def test_models_run_side_by_side_so_that_a_signal_is_built_once(plan):
    trials = plan("BandlimitedSignal", 2, models=["Grid", "Siren"], sizes=(20, 10), seeds=(2, 1), bandlimits=(0.9, 0.1))
    order = [(t.bandlimit, t.seed, t.budget, t.model) for t in trials]
    assert order == list(itertools.product((0.9, 0.1), (2, 1), (20, 10), ("Grid", "Siren")))


def test_folders_name_dimension_signal_and_task(make_trial):
    assert make_trial(signal="BandlimitedSignal", dim=3).folder == "3d_BandlimitedSignal"
    assert make_trial(signal="Sierpinski", task="denoise_0.05").folder == "2d_Sierpinski_denoise_0.05"
    assert make_trial(signal="Sierpinski", task="ct").folder == "2d_Sierpinski_ct"


def test_settings_follow_the_budget(plan):
    weights = {t.budget: t.settings.tv_weight for t in plan("Sierpinski", 2, models=["Grid_TV"])}
    assert list(weights.items()) == list(zip(PAPER_SIZES, (0.001, 0.001, 0.01, 0.1, 0.1, 0.1), strict=True))


# Mini-batches


def test_the_largest_budgets_train_in_minibatches(papers, config):
    assert all(len(trials) > 0 for trials in papers.values())
    for trial in itertools.chain(*papers.values()):
        never = dict.fromkeys(["GSplat", "Grid_exact", "BlockDCT", "Wavelet"], float("inf"))
        from_size = (never | {"Wire": 10**6}).get(trial.model, 3 * 10**6)
        assert trial.minibatch == (400_000 if trial.budget >= from_size else None), str(trial)


def test_without_minibatches_every_update_is_full(plan):
    assert {t.minibatch for t in plan("StarTarget", 2, minibatch=None)} == {None}
    assert {t.minibatch for t in plan("StarTarget", 2, preset="quick", sizes=(3 * 10**6,))} == {None}


# What tells trials apart


@pytest.mark.parametrize(
    ("bits", "rates", "has"),
    [((), None, True), ((8,), None, False), ((8, 4), (8,), False), ((8, 4), (4, 6, 8), True), ((8,), (8,), True)],
)
def test_a_row_has_the_rates_that_a_trial_asks_for(make_trial, make_row, bits, rates, has):
    trial = make_trial(bits=bits)
    found = None if rates is None else [{"bits": each} for each in rates]
    assert trial.has_rates(make_row(rates=found)) == has
    assert trial.has_rates(make_row(rates=None, status="diverged")), "more bits would not help it"


def test_every_field_of_a_trial_is_known_to_this_test():
    fields = {field.name for field in dataclasses.fields(Trial)}
    assert fields == IN_THE_HASH.keys() | IN_THE_KEY.keys() | IN_NEITHER.keys() | {"settings"}


@pytest.mark.parametrize("field", IN_THE_HASH)
def test_what_the_numbers_depend_on_is_in_the_hash(make_trial, field):
    trial = make_trial()
    other = dataclasses.replace(trial, **{field: IN_THE_HASH[field]})
    assert other.config_hash != trial.config_hash
    assert other.key != trial.key


@pytest.mark.parametrize("field", IN_THE_KEY)
def test_the_other_parts_of_the_key_are_not_in_the_hash(make_trial, field):
    trial = make_trial()
    other = dataclasses.replace(trial, **{field: IN_THE_KEY[field]})
    assert other.config_hash == trial.config_hash
    assert other.key != trial.key


@pytest.mark.parametrize("field", IN_NEITHER)
def test_where_and_how_a_trial_runs_does_not_name_it(make_trial, field):
    trial = make_trial()
    other = dataclasses.replace(trial, **{field: IN_NEITHER[field]})
    assert (other.config_hash, other.key) == (trial.config_hash, trial.key)


@pytest.mark.parametrize("model", ["FourFeat", "Siren", "Wire", "BACON", "Instant_NGP", "Grid_TV"])
def test_every_setting_of_a_model_is_in_the_hash(make_trial, model):
    trial = make_trial(model)
    for field in dataclasses.fields(trial.settings):
        value = getattr(trial.settings, field.name)
        match value:
            case str():
                new = {"sine": "linear"}.get(value)
            case dict():
                new = dict(zip(value, reversed(value.values()), strict=True))  # one dimension's for the other's
            case _:
                new = value + 1
        other = dataclasses.replace(trial, settings=dataclasses.replace(trial.settings, **{field.name: new}))
        assert other.config_hash != trial.config_hash, field.name
        assert other.key != trial.key


def test_the_order_of_keys_in_the_file_does_not_matter(make_trial):
    trial = make_trial("BACON")
    design = dict(reversed(trial.settings.design.items()))
    other = dataclasses.replace(trial, settings=dataclasses.replace(trial.settings, design=design))
    assert list(design) != list(trial.settings.design)
    assert other.key == trial.key


def test_the_hash_has_twelve_hex_digits(make_trial):
    assert re.fullmatch(r"[0-9a-f]{12}", make_trial().config_hash)


# Odd input


def test_a_signal_seed_that_is_the_seeds_own_leaves_the_key_of_older_rows(make_trial):
    """The key is that of a version that had no signal seed."""
    assert make_trial("Grid", seed=1234).key == "Grid_2500_band0.5_seed1234_cb875ca1e07b79ad"
    apart = make_trial("Grid", seed=1234, signal_seed=5)
    assert apart.key.startswith("Grid_2500_band0.5_seed1234_signal5_")
    assert str(apart).endswith("seed 1234 signal seed 5")


def test_signal_seeds_meet_every_seed(plan):
    few = {"models": ["Grid"], "sizes": (10,), "bandlimits": (0.5,), "seeds": (1, 2)}
    found = [(t.seed, t.signal_seed) for t in plan("BandlimitedSignal", 2, **few, signal_seeds=(2, 7))]
    assert found == [(1, 2), (1, 7), (2, 2), (2, 7)]
    assert [(t.seed, t.signal_seed) for t in plan("BandlimitedSignal", 2, **few)] == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Grid 2,500 band 0.5 seed 7"),
        ({"bandlimit": None, "item": "0064", "task": "denoise_0.1"}, "Grid 2,500 0064 denoise_0.1 seed 7"),
        ({"signal_seed": 8}, "Grid 2,500 band 0.5 seed 7 signal seed 8"),
    ],
)
def test_a_trial_is_told_by_what_it_differs_in(make_trial, changes, said):
    assert str(make_trial(**{"budget": 2500, "bandlimit": 0.5, "seed": 7} | changes)) == said


def test_what_is_asked_for_twice_runs_once(plan):
    once = plan("Sierpinski", 2, models=["Grid"], sizes=(10,), bandlimits=(0.5,), seeds=(1,))
    twice = plan("Sierpinski", 2, models=["Grid", "Grid"], sizes=(10, 10), bandlimits=(0.5, 0.5), seeds=(1, 1))
    assert twice == once


def test_a_star_has_one_trial_whatever_the_bands(plan):
    assert [t.bandlimit for t in plan("StarTarget", 2, models=["Grid"], sizes=(10,), seeds=(1,))] == [None]


@pytest.mark.parametrize(
    ("signal", "dim", "changes", "message"),
    [
        ("Sierpinski", 2, {"bandlimits": (0.5, 0.95)}, "needs a bandlimit from 0.1 to 0.9, got 0.95"),
        ("Sierpinski", 2, {"bandlimits": (float("nan"),)}, "needs a bandlimit from 0.1 to 0.9, got nan"),
        ("Sierpinski", 3, {}, "Sierpinski does not exist with dim 3; it has dim 2"),
        ("BandlimitedSignal", 2, {"length": {"2": 1}}, "length 1 is too short"),
        ("BandlimitedSignal", 3, {"length": {"2": 8}}, "preset 'paper' has no length for dim 3"),
        ("Sierpinsky", 2, {}, "did you mean 'Sierpinski'?"),
        ("Sierpinski", 2, {"models": ["Gird"]}, "did you mean 'Grid'?"),
    ],
)
def test_what_does_not_exist_is_one_line(plan, signal, dim, changes, message):
    with pytest.raises(UsageError) as caught:
        plan(signal, dim, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_task_is_one_line(config):
    preset = config.preset("smoke", "Sierpinski", 2)
    with pytest.raises(
        UsageError, match=r"^unknown task 'fitt' \(did you mean 'fit'\?\); known: .*denoise\[_<sigma>\], fit,"
    ):
        make_plan(config, choose_source("Sierpinski", 2), ["fitt"], preset, ["Grid"])


def test_the_dimension_may_be_left_out_where_there_is_one():
    assert choose_source("Sierpinski", None).dim == 2
    assert choose_source("BandlimitedSignal", 3).dim == 3
    with pytest.raises(UsageError, match=r"^BandlimitedSignal exists in several dimensions; give --dim 2 or --dim 3$"):
        choose_source("BandlimitedSignal", None)
    with pytest.raises(UsageError, match=r"^Sierpinski does not exist with dim 4; it has dim 2$"):
        choose_source("Sierpinski", 4)


def test_without_a_precision_each_model_has_its_own(config):
    source, preset = choose_source("StarTarget", 2), config.preset("quick", "StarTarget", 2)
    trials = make_plan(config, source, ["fit"], preset, ["Siren", "BACON", "GAPlane", "Grid"], precision=None)
    own = {"Siren": "bf16x3", "BACON": "bf16", "GAPlane": "fp32", "Grid": "fp32"}
    assert {t.model: t.precision for t in trials} == own


def test_on_a_cpu_products_are_in_float32():
    assert choose_precision(None, torch.device("cpu")) == "fp32"
    assert choose_precision("bf16", torch.device("cpu")) == "bf16"
    assert choose_precision(None, torch.device("cuda")) is None
