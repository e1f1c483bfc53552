"""The settings file is read strictly: whatever is wrong with it becomes one line that names the place."""

import copy
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UsageError
from harness.plan import config
from harness.plan.by_budget import resolve_tuned
from harness.plan.config import DEFAULT_CONFIG, Minibatch, Preset, Protocol, load_config
from harness.plan.model_settings import check_models, model_names, model_settings, training_settings
from models.settings import read_settings

SHIPPED = json.loads(DEFAULT_CONFIG.read_text())


def changed(keys, value):
    """The shipped settings with the value at `keys` replaced or added."""
    data = copy.deepcopy(SHIPPED)
    *parents, last = keys
    node = data
    for key in parents:
        node = node[key]
    node[last] = value
    return data


@pytest.fixture
def loaded(tmp_path):
    """Load settings from data or from text, check the models too, and return the config."""

    def load(data, *set_options):
        path = tmp_path / "own.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        config = load_config(path, set_options)
        check_models(config)
        return config

    return load


@pytest.fixture
def complaint(loaded):
    """The one-line message with which settings are refused."""

    def load(data, *set_options):
        with pytest.raises(UsageError) as caught:
            loaded(data, *set_options)
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        return message

    return load


# The file


def test_the_shipped_file_is_sound(config):
    check_models(config)
    assert set(config.protocol.order) == set(config.models) == set(model_names(config))
    assert len(config.protocol.models) == 12
    assert not set(config.protocol.models) & set(config.protocol.newer)
    assert {"smoke", "quick", "paper", "tuned", "quick_tuned", "muon", "quick_muon"} <= set(config.presets)


def test_a_preset_has_the_extent_of_another_and_what_it_says_itself(config, complaint):
    for name, extent in (("tuned", "paper"), ("quick_muon", "quick")):
        for experiment in config.experiments:
            own, of = (config.preset(one, experiment.signal, experiment.dim) for one in (name, extent))
            assert dataclasses.replace(own, tuned_at=None, optimiser="adam", name=of.name) == of
    assert config.preset("tuned", "Dragon", 3).tuned_at == "paper"
    assert config.preset("muon", "Dragon", 3).optimiser == "muon"
    message = complaint(changed(["presets", "tuned", "extent_of"], "muon"))
    assert "presets.tuned.extent_of: must be one of smoke, quick, paper, got 'muon'" in message
    assert "optimiser: must be one of adam, muon" in complaint(changed(["presets", "muon", "optimiser"], "sgd"))
    assert "unknown key 'by_hand'" in complaint(changed(["by_hand"], []))
    assert "unknown key 'name'" in complaint(changed(["presets", "quick", "name"], "slow"))


def test_an_experiments_own_values_are_those_of_the_preset_and_of_its_extent(loaded):
    data = changed(["presets", "brief"], {"extent_of": "quick", "steps": 20, "seeds": [1]})
    own = {"quick": {"steps": 90, "bandlimits": [0.4]}, "brief": {"sizes": [2000], "seeds": [2]}}
    data["experiments"].append({"signal": "Sierpinski", "dim": 2, "presets": own})
    found = loaded(data).preset("brief", "Sierpinski", 2)
    assert (found.steps, found.bandlimits, found.sizes, found.seeds) == (20, (0.4,), (2000,), (2,))


def test_a_trained_model_may_have_a_schedule_beside_its_settings(loaded, complaint):
    config = loaded(SHIPPED, "Siren.lr_schedule=cosine")
    assert training_settings(config, "Siren", "image", 10_000)[1] == "cosine"
    assert training_settings(config, "Grid", "image", 10_000)[1] == "constant"
    assert "'cosin' is not allowed" in complaint(SHIPPED, "Siren.lr_schedule=cosin")
    assert "unknown key 'lr_schedule'" in complaint(SHIPPED, "Wavelet.lr_schedule=cosine")


def test_every_setting_of_the_shipped_file_is_stated_rather_than_defaulted(config):
    for name in config.protocol.order:
        settings_class = type(model_settings(config, name, "synthetic", 10_000))
        for field in dataclasses.fields(settings_class):
            assert field.name in config.models.get(name, {}), f"{name}.{field.name} has a second home in code"


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["modles"], {}, "own.json: unknown key 'modles' (did you mean 'models'?); known: protocol, presets"),
        (["models", "Siren", "omga"], 1, "models.Siren: unknown key 'omga' (did you mean 'omega'?); known: lr, omega"),
        (["models", "Siren", "omega"], "90", 'models.Siren.omega: expected a finite number, got the string "90"'),
        (["models", "Siren", "omega"], None, "models.Siren.omega: expected a finite number, got null"),
        (["models", "Siren", "lr"], 0, "models.Siren.lr: must be more than 0, got 0"),
        (["models", "Siren", "lr"], -1e-3, "models.Siren.lr: must be more than 0, got -0.001"),
        (["models", "Siren", "output"], "tanh", "models.Siren.output: 'tanh' is not allowed; choose from 'sine'"),
        (["models", "BACON", "design", "2", "band", 1], "x", "models.BACON.design.2.band[1]: expected a finite number"),
        (["models", "BACON", "design", "2", "shared", 1], 5, "design.2.shared: must be places in a list of 5 bands"),
        (["models", "BACON", "design", "2", "outputs"], [1, 2], "outputs: must be rising layers from 1 to the last, 4"),
        (["models", "BACON", "design", "2", "outputs"], [0, 4], "outputs: must be rising layers from 1 to the last, 4"),
        (["models", "BACON", "design"], {}, 'models.BACON.design: must be for "2" and "3", got none'),
        (["models", "BACON", "design", "2", "band", 1], 1e9, "design.2.band: each, times reach, must be from 0"),
        (["models", "BACON", "reach"], 1e9, "design.2.band: each, times reach, must be from 0 to 65536, got (0.125"),
        (["models", "Instant_NGP", "growth"], 0.5, "Instant_NGP.growth: must be at least 1, and leave the last of"),
        (["models", "Instant_NGP", "growth"], 1e30, "levels at most 2**24 nodes an axis, got 1e+30"),
        (["models", "Wire", "sigma"], 1e308, "models.Wire.sigma: a model's numbers are 0, or 1.18e-38 to"),
        (["models", "SparseBases", "first"], 0, "models.SparseBases.first: must be more than 0 and at most 1, got 0.0"),
        (["models", "SparseBases", "rounds"], 0, "models.SparseBases.rounds: must be at least 1, got 0"),
        (["models", "SparseBases", "growth"], 1, "models.SparseBases.growth: must be more than 0 and less than 1, got"),
        (["models", "GaussianAdaptive", "every"], 0.25, "models.GaussianAdaptive.every: must be more than 0, and less"),
        (["models", "GaussianAdaptive", "every"], 0, "models.GaussianAdaptive.every: must be more than 0, and less"),
        (["models", "SparseBases", "growth"], 1e-320, "SparseBases.growth: a model's numbers are 0, or"),
        (["models", "GAPlane", "line_range", 0], -1e39, "GAPlane.line_range.0: a model's numbers are 0"),
        (["models", "Siren", "hidden_layers"], 0, "models.Siren.hidden_layers: must be at least 1, got 0"),
        (["models", "Finer", "omega"], -1, "models.Finer.omega: must be at least 0, got -1.0"),
        (["models", "GSplat", "share"], 2, "models.GSplat.share: must be more than 0 and at most 1, got 2.0"),
        (["models", "GSplat", "share"], 0, "models.GSplat.share: must be more than 0 and at most 1, got 0.0"),
        (["models", "KPlanes", "scales"], [], "KPlanes.scales: must be some whole numbers of at least 1, got ()"),
        (["models", "GSplat", "field_of_view"], 0, "GSplat.field_of_view: must be between 0 and 180 degrees, got 0.0"),
        (["models", "GaussianAdaptive", "first"], 2, "models.GaussianAdaptive.first: must be a share from 0 to 1"),
        (["models", "GaussianAdaptive", "uniform"], 2, "models.GaussianAdaptive.uniform: must be a share from 0 to 1"),
        (["models", "KPlanes", "scales"], [0, 1], "models.KPlanes.scales: must be some whole numbers of at least 1"),
        (["models", "KPlanes", "initial_range"], [1, 0], "models.KPlanes.initial_range: must be the least value and"),
        (["models", "GAPlane", "line_range"], [1, 0], "models.GAPlane.line_range: must be the least value and the"),
        (["models", "FactorFields", "bases"], [0] * 6, "models.FactorFields.bases: must be some whole numbers of at"),
        (["models", "FactorFields", "features"], [4], "FactorFields.features: must be as many as the 6 bases, got"),
        (["models", "FactorFields", "coefficients"], 1e30, "coefficients: must be from 0 to 1024, got 1e+30"),
        (["models", "Sirne"], {}, "own.json: models: unknown model 'Sirne' (did you mean 'Siren'?)"),
        (["protocol", "models", 0], "Fourfeet", "own.json: protocol: unknown model 'Fourfeet' (did you mean 'FourF"),
        (["protocol", "adam_betas"], [0.9, 1.0], "protocol.adam_betas: must be each from 0 to below 1, got (0.9, 1.0)"),
        (["protocol", "adam_betas"], [0.9], "protocol.adam_betas: expected 2 entries, got 1"),
        (["protocol", "activation_gib"], 0, "protocol.activation_gib: must be more than 0"),
        (["presets", "smoke", "steps"], 0, "presets.smoke.steps: must be at least 1, got 0"),
        (["presets", "smoke", "steps"], True, "presets.smoke.steps: expected a whole number, got the value true"),
        (["presets", "smoke", "evaluate_every"], 0, "presets.smoke.evaluate_every: must be at least 1, got 0"),
        (["presets", "smoke", "sizes"], [], "presets.smoke.sizes: must be at least one, got none"),
        (["presets", "smoke", "bandlimits"], [], "presets.smoke.bandlimits: must be at least one, got none"),
        (["presets", "smoke", "seeds"], [], "presets.smoke.seeds: must be at least one, got none"),
        (["presets", "smoke", "sizes"], [0], "presets.smoke.sizes: must be from 1 to 1e15 parameters each, got (0,)"),
        (["presets", "smoke", "sizes"], [10**16], "presets.smoke.sizes: must be from 1 to 1e15 parameters each"),
        (["presets", "smoke", "seeds"], [-1], "presets.smoke.seeds: must be from 0 to 2**32 - 1 each, got (-1,)"),
        (["presets", "smoke", "seeds"], [2**32], "presets.smoke.seeds: must be from 0 to 2**32 - 1 each"),
        (["presets", "smoke", "sizes"], None, "presets.smoke.sizes: expected a list, got null"),
        (["presets", "smoke", "minibatch"], {}, "presets.smoke.minibatch: the key 'points' is missing"),
        (["presets", "paper", "minibatch", "points"], 0, "presets.paper.minibatch.points: must be at least 1, got 0"),
        (["presets", "smoke", "length"], {"2": 1.5}, "presets.smoke.length.2: expected a whole number"),
        (["presets", "smoke"], 1, "presets.smoke: expected an object, got the number 1"),
        (["experiments", 0, "presets"], {"quik": {}}, "presets.quik: no such preset (did you mean 'quick'?)"),
        (["experiments", 0, "presets", "quick"], {"stepz": 1}, "experiments[0].presets.quick: unknown key 'stepz'"),
        (["experiments", 0, "signal"], "Sierpinsky", "json: experiments[0]: unknown signal 'Sierpinsky' (did"),
        (["experiments", 0, "dim"], 4, "BandlimitedSignal does not exist with dim 4; it has dim 2 or 3"),
        (["reference", "order", 0, "sizes"], [], "items, sizes, bandlimits: must be null or at least one"),
        (["reference", "order", 0, "items"], [], "items, sizes, bandlimits: must be null or at least one"),
        (["reference", "order", 0, "bandlimits"], [], "items, sizes, bandlimits: must be null or at least one"),
        (["reference", "order", 0, "seeds"], 0, "reference.order[0].seeds: must be at least 1, got 0"),
        (["reference", "order", 0, "bits"], [8, 1], "order[0].bits: each is 2 to 16, or 32, got [8, 1]"),
        (["reference", "order", 0, "experiments"], "none", "reference.order: there are no experiments 'none'"),
        (["reference", "experiments", "quick"], ["DIV2K"], "each is like 2d_Sierpinski or 2d_ChestCT_ct, got 'DIV2K'"),
        (["models", "Grid_TV", "tv_weight"], {"tuned": {"image": {"1e4": 1}}}, "tv_weight.tuned: has no values"),
        (
            ["models", "Grid_TV", "tv_weight", "tuned", "synthetic"],
            {"many": 1.0},
            "models.Grid_TV.tv_weight.tuned.synthetic: budgets must be numbers, got many",
        ),
        (
            ["models", "Grid_TV", "tv_weight", "tuned", "synthetic"],
            {"1e4": -1.0},
            "tv_weight.tuned.synthetic: budgets and values must be positive and finite, got {'1e4': -1.0}",
        ),
        (["models", "Grid_TV", "tv_weight", "tuned", "synthetic"], {"nan": 1.0}, "finite, got {'nan': 1.0}"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_its_place(complaint, keys, value, message):
    assert message in complaint(changed(keys, value))


def test_a_newcomers_settings_have_a_default_and_may_be_any_number():
    @dataclasses.dataclass(frozen=True)
    class Own:
        shift: float = -1.0
        skip: int = 0

    assert read_settings(Own, {"shift": -2.0, "skip": -1}, "own") == Own(-2.0, -1)


@pytest.mark.parametrize("key", [key for key in SHIPPED if key != "reference"])
def test_every_part_of_the_file_is_needed_but_the_order_of_want(complaint, key):
    data = {k: v for k, v in SHIPPED.items() if k != key}
    assert complaint(data) == f"own.json: the key '{key}' is missing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON: Expecting value: line 1 column 1"),
        ("{", "is not valid JSON"),
        ('{"models": {"Siren": {"lr": 1,}}}', "and no comma stands before } or ]"),
        ("[]", "must hold one JSON object, not a list"),
        ("null", "must hold one JSON object, not null"),
        ('{"models": {"Siren": {"lr": 1, "lr": 2}}}', "is not valid JSON: the key 'lr' stands twice in one object"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_text_that_is_no_settings_file(complaint, text, message):
    assert message in complaint(text)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_byte_order_mark_is_no_mistake(tmp_path, encoding):
    """As editors and shells of Windows leave it."""
    path = tmp_path / "own.json"
    path.write_text(("\ufeff" if encoding.endswith("-le") else "") + DEFAULT_CONFIG.read_text(), encoding=encoding)
    assert load_config(path).models == load_config().models


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "own.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(UsageError, match=r"own\.json' is not valid JSON"):
        load_config(path)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match=r"^cannot read the settings file '.*none\.json': No such file"):
        load_config(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"^cannot read the settings file '.*': Is a directory"):
        load_config(tmp_path)


def test_a_copy_without_the_clone_says_where_the_suite_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("common.files.ROOT", tmp_path)
    monkeypatch.setattr(config, "DEFAULT_CONFIG", tmp_path / "hyperparameters.json")
    with pytest.raises(UsageError, match=r"^there is no '.*\.json': the suite runs from its clone, .*-e \."):
        load_config(config.DEFAULT_CONFIG)


def test_a_key_with_a_line_break_still_makes_one_line(complaint):
    assert "unknown key" in complaint(changed(["models", "Siren", "om\nega\u2028"], 1))


# --set


def test_a_setting_of_a_model_needs_no_prefix(loaded):
    short = loaded(SHIPPED, "Siren.lr=3e-5")
    full = loaded(SHIPPED, "models.Siren.lr=3e-5")
    assert short.models["Siren"]["lr"] == full.models["Siren"]["lr"] == 3e-5
    assert short.models["Wire"] == SHIPPED["models"]["Wire"]


def test_any_setting_can_be_reached(loaded):
    options = ["presets.smoke.steps=1e2", "protocol.activation_gib=0.5", "Siren.output=linear"]
    config = loaded(SHIPPED, *options, "BACON.design.2.outputs=[4]")
    assert config.preset("smoke", "StarTarget", 2).steps == 100
    assert config.protocol.activation_gib == 0.5
    assert config.models["Siren"]["output"] == "linear"
    assert config.models["BACON"]["design"]["2"]["outputs"] == [4]
    assert loaded(SHIPPED, f"presets.smoke.seeds=[0, {2**32 - 1}]").presets["smoke"]["seeds"] == [0, 2**32 - 1]
    assert loaded(SHIPPED, "presets.paper.minibatch=null").preset("paper", "StarTarget", 2).minibatch is None


def test_the_last_of_equal_settings_holds(loaded):
    assert loaded(SHIPPED, "Siren.lr=1", "Siren.lr=2").models["Siren"]["lr"] == 2


def test_a_model_that_is_absent_from_the_file_can_be_set(loaded):
    data = copy.deepcopy(SHIPPED)
    del data["models"]["Siren"]
    assert loaded(data, "Siren.lr=1", "Siren.omega=2", "Siren.hidden_layers=1", "Siren.output=sine").models[
        "Siren"
    ] == {"lr": 1, "omega": 2, "hidden_layers": 1, "output": "sine"}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("Siren.lr", "--set takes PATH=VALUE like Siren.lr=3e-5, got 'Siren.lr'"),
        ("=3", "--set takes PATH=VALUE"),
        ("Siren..lr=3", "--set takes PATH=VALUE"),
        ("Sirn.lr=3", "own.json (with --set Sirn.lr=3): models: unknown model 'Sirn' (did you mean 'Siren'?)"),
        ("Siren.lrr=3", "own.json (with --set Siren.lrr=3): models.Siren: unknown key 'lrr' (did you mean 'lr'?)"),
        ("Siren.lr=fast", 'models.Siren.lr: expected a finite number, got the string "fast"'),
        ("Siren.lr=NaN", "models.Siren.lr: expected a finite number, got the number NaN"),
        ("Siren.lr=1e400", "models.Siren.lr: expected a finite number, got the number Infinity"),
        ("Siren.lr=", 'models.Siren.lr: expected a finite number, got the string ""'),
        ("Siren=3", "models.Siren: expected an object, got the number 3"),
        ("Siren.lr.x=3", "--set Siren.lr.x=3: 'models.Siren.lr' is the number 0.0001 and has no 'x'"),
        ("presets.smok.steps=3", "--set presets.smok.steps=3: there is no 'smok' (did you mean 'smoke'?)"),
        ("preset.smoke.steps=3", "--set preset.smoke.steps=3: there is no 'preset' (did you mean 'presets'?)"),
        ("presets.smoke.step=3", "(with --set presets.smoke.step=3): presets.smoke: unknown key 'step' (did you mean"),
        ("experiments.0.dim=3", "--set experiments.0.dim=3: there is no '0'"),
        ("models=3", "own.json (with --set models=3).models: expected an object, got the number 3"),
    ],
)
def test_a_setting_that_is_wrong(complaint, option, message):
    assert message in complaint(SHIPPED, option)


# Values by budget


@given(size=st.integers(1, 10**9))
def test_tuned_values_interpolate_log_log(size):
    known = {"1e4": 0.001, "3e5": 0.01, "100000": 0.5, "3e6": 10.0}  # in no order
    budgets = np.array([1e4, 1e5, 3e5, 3e6])
    values = np.array([0.001, 0.5, 0.01, 10.0])
    expected = np.exp(np.interp(np.log(size), np.log(budgets), np.log(values)))
    found = resolve_tuned({"a": [1], "b": {"tuned": {"image": known}}}, "image", size, "file")
    assert found["a"] == [1]
    assert found["b"] == pytest.approx(expected, rel=1e-9)


def test_given_budgets_keep_their_value_exactly(config):
    table = SHIPPED["models"]["Grid_TV"]["tv_weight"]["tuned"]
    for kind, values in table.items():
        for budget, value in values.items():
            assert model_settings(config, "Grid_TV", kind, int(float(budget))).tv_weight == value


# Presets


def test_an_experiment_replaces_its_own_values_alone(config):
    common = config.preset("quick", "SparseSphereSignal", 2)
    own = config.preset("quick", "BandlimitedSignal", 2)
    assert common.bandlimits == (0.1, 0.5, 0.9)
    assert own.bandlimits == (0.5, 0.7, 0.9)
    assert dataclasses.replace(own, bandlimits=common.bandlimits) == common
    assert config.preset("quick", "BandlimitedSignal", 3).bandlimits == (0.7, 0.9)
    assert config.preset("paper", "Sierpinski", 2).seeds == (1234,)
    assert config.preset("paper", "SomebodysOwn", 2).seeds == (1234, 2024, 5678, 7890, 7618)


def test_an_unknown_preset_is_answered_with_a_close_one(config):
    with pytest.raises(
        UsageError, match=r"^unknown preset 'papr' \(did you mean 'paper'\?\); .* has smoke, quick, paper"
    ):
        config.preset("papr", "Sierpinski", 2)


def test_the_rules_hold_for_values_made_in_python_too(config):
    preset = config.preset("smoke", "Sierpinski", 2)
    with pytest.raises(ValueError, match="steps: must be at least 1"):
        dataclasses.replace(preset, steps=0)
    with pytest.raises(ValueError, match="activation_gib"):
        Protocol((0.9, 0.999), -1.0, ())
    with pytest.raises(ValueError, match="points"):
        Minibatch(0, 1, {})
    assert isinstance(preset, Preset)
