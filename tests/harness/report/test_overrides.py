"""The options with which a trial's command sets what hyperparameters.json does not say today."""

import dataclasses
import shlex

from harness.plan.by_budget import resolve_tuned
from harness.plan.config import load_config
from harness.plan.tuned import Found
from harness.report.overrides import overrides


def test_settings_that_the_file_does_not_say_today(config, make_row):
    tuned = make_row(model="Grid_TV", size=100_000, settings={"lr": 0.1, "tv_weight": 5.0})
    today = dict(config.models["Siren"])
    assert overrides(make_row(model="Siren", settings=today), config) is None
    assert overrides(make_row(model="Siren", settings=today | {"lr": 3e-5}), config) == "--set Siren.lr=3e-05"
    assert "--set Grid_TV.tv_weight=5.0" in overrides(tuned, config)
    weights = resolve_tuned(config.models["Grid_TV"], "ct", 100_000, "")
    assert overrides(make_row(model="Grid_TV", size=100_000, settings=weights, task="ct"), config) is None
    assert overrides(make_row(model="Grid_TV", size=100_000, settings=weights), config) is not None
    cosine = make_row(model="Siren", settings=today, lr_schedule="cosine")
    assert shlex.split(overrides(cosine, config)) == ["--set", 'Siren.lr_schedule="cosine"']
    assert overrides(make_row(model="Grid_exact", settings={}, lr_schedule="cosine"), config) is None  # it is solved
    settled = load_config(settings=["Siren.lr_schedule=cosine"])
    assert overrides(cosine, settled) is None
    assert "constant" in overrides(make_row(model="Siren", settings=today, lr_schedule=None), settled)


def test_settings_of_a_tuned_preset_are_those_of_the_search(config, make_row):
    today = dict(config.models["Siren"])
    found = Found({"lr": 3e-4, "lr_schedule": "cosine"}, 10.0, None, 0, 5, 2, ("a",), 3, 1.0, "cpu", "0")
    searched = dataclasses.replace(config, tuned={"paper": {"Siren": {"synthetic": {"2500": found}}}})
    row = make_row(model="Siren", preset="tuned", settings=today | {"lr": 3e-4}, lr_schedule="cosine")
    assert overrides(row, searched) is None
    assert shlex.split(overrides(row | {"lr_schedule": None}, searched)) == ["--set", 'Siren.lr_schedule="constant"']
    assert "Siren.lr=0.0003" in overrides(row, config), "nothing is tuned there"
    assert "Siren.lr=0.0003" in overrides(row | {"preset": "paper"}, searched)


def test_an_optimiser_other_than_the_presets_is_set(config, make_row):
    row = make_row(model="Siren", preset="quick", settings=dict(config.models["Siren"]))
    assert overrides(row | {"optimiser": "muon"}, config) == """--set 'presets.quick.optimiser="muon"'"""
    assert overrides(row | {"optimiser": None}, config) is None
    words = shlex.split(overrides(row | {"optimiser": "muon"}, config))
    assert load_config(settings=words[1:]).preset("quick", "Sierpinski", 2).optimiser == "muon"
    by_muon = row | {"preset": "quick_muon"}
    assert overrides(by_muon | {"optimiser": "muon"}, config) is None
    assert overrides(by_muon, config) == """--set 'presets.quick_muon.optimiser="adam"'"""
    assert overrides(row | {"preset": "somebody's", "optimiser": "muon"}, config) is None


def test_settings_with_names_of_a_strangers_are_one_word_to_a_shell(config, make_row):
    strange = make_row(model="x; rm -rf /", settings={"a'b": "$(reboot)"})
    assert overrides(strange, config) == "--set " + "'x; rm -rf /.a'\"'\"'b=\"$(reboot)\"'"
