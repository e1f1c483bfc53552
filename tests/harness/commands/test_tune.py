"""`python -m harness tune` from end to end, at a tiny size: searching, resuming, stopping, writing, and using it."""

import dataclasses
import json
import math
from types import SimpleNamespace

import pytest

from common.errors import UsageError
from harness import __main__ as verbs
from harness.commands import run as run_command
from harness.commands.run_search import again, order_of, parts
from harness.execution import run_trials, search, search_options, worker
from harness.execution.launch import tuned_preset
from harness.plan.config import DEFAULT_CONFIG, load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.tuned import Found
from harness.store.scan import gather
from tests.harness.refused import refused
from tests.own_files import forgotten

NEWCOMER = '''
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import nn

from common.dials import Dial
from models.base import Representation, register


@register
class Constant(Representation):
    """A value a channel."""

    name = "Constant"

    @dataclass(frozen=True)
    class Config:
        lr: Annotated[float, Dial(1e-3, 1, "log", "nobody")] = 1e-2
        start: Annotated[float, Dial(0, 1, "linear", "nobody")] = 0.0

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.value = nn.Parameter(torch.empty(size, channels))

    def initialise(self, rng):
        nn.init.constant_(self.value, self.config.start)

    def forward(self, x):
        return self.value.mean(0).expand(len(x), -1)
'''
SMALL = ["--device", "cpu", "--preset", "smoke", "--kinds", "image", "--sizes", "500", "--trials", "3"]
FOUND = Found({"lr": 0.5, "lr_schedule": "cosine"}, 5.0, 3.0, 0, 16, 3, ("camera",), 1000, 60.0, "cpu", "abc")


@pytest.fixture
def folder(tmp_path):
    """A settings file with a preset that reads what is found, and a model of one file."""
    data = json.loads(DEFAULT_CONFIG.read_text())
    data["presets"]["smoke_tuned"] = {"extent_of": "smoke", "tuned_at": "smoke"}
    (tmp_path / "settings.json").write_text(json.dumps(data))
    (tmp_path / "constant.py").write_text(NEWCOMER)
    return tmp_path


@pytest.fixture
def tune(folder, capsys):
    def run(*words, code=0):
        line = ["tune", *SMALL, "--models", "Grid", folder / "constant.py", "--config", folder / "settings.json"]
        with forgotten():
            assert verbs.main([*map(str, line), "--out", str(folder / "out"), *map(str, words)]) == code
        return capsys.readouterr()

    return run


def test_a_search_is_run_told_resumed_written_and_used(tune, folder, capsys, monkeypatch):
    out = tune("--write").out
    assert "2 searches of 3 trials, one for each model, budget, kind of data and seed; preset smoke, on cpu" in out
    assert "24 fits, 0 of them done before, 24 to run" in out
    assert "then at most 48 fits: the best 3 of each search and trial 0, each from 2 other initial values" in out
    assert "nothing is missing" in out
    assert "tuned.json, for --preset smoke_tuned" in out
    rows = gather(folder / "out").rows
    assert len(rows) == 2 * 3 * 4 * 3, "all of three are fitted again, with two more seeds"
    assert {row["model"] for row in rows} == {"Grid", "Constant"}
    assert {row["steps"] for row in rows} == {3}
    assert "the best of each search and trial 0 from other initial values: 48 fits" in out
    assert {path.name for path in (folder / "out").glob("tuning_smoke*")} == {
        "tuning_smoke.md",
        "tuning_smoke_image.png",
        "tuning_smoke_image.pdf",
    }

    # what is written is the setting of the greatest mean gain, in this test's own words
    gains = {}
    for row in rows:
        key = (row["model"], json.dumps(row["settings"]), row["lr_schedule"])
        gains.setdefault(key, []).append(row["psnr"] - row["psnr_constant"])
    config = load_config(folder / "settings.json")
    for model in ("Grid", "Constant"):
        found = config.tuned["smoke"][model]["image"]["500"]
        _, settings, lr_schedule = max((key for key in gains if key[0] == model), key=lambda key: sum(gains[key]))
        assert found.settings == {
            name: json.loads(settings)[name] for name in found.settings if name != "lr_schedule"
        } | {"lr_schedule": lr_schedule}
        assert found.gain == pytest.approx(
            sum(max(own for key, own in gains.items() if key[1:] == (settings, lr_schedule))) / 12, abs=1e-3
        )
        assert (found.trials, found.seed, found.steps, len(found.signals)) == (3, 0, 3, 4)

    out = tune().out
    assert "24 of them done before, 0 to run" in out
    assert out.endswith("with --write puts the best settings into tuned.json, for --preset smoke_tuned\n")

    line = ["--signal", "SampleImages", "--items", "astronaut", "--models", "Grid", "--sizes", "600", "--steps", "2"]
    line += ["--preset", "smoke_tuned", "--device", "cpu", "--config", folder / "settings.json"]
    line += ["--out", folder / "rows", "--set", "Grid.initial=0.25"]
    assert run_command.main([*map(str, line)]) == 0
    (row,) = [one.row for one in gather(folder / "rows").stored if one.row["task"] == "fit"]
    found = config.tuned["smoke"]["Grid"]["image"]["500"]
    assert row["preset"] == "smoke_tuned"
    assert row["settings"] == {"lr": found.settings["lr"], "initial": 0.25}, "what the command line gives stands"
    assert row["lr_schedule"] == found.settings["lr_schedule"]


def test_write_is_named_only_where_it_would_be_taken(tune):
    assert "--write" not in tune("--trials", "1", "--steps", "2").out


def test_a_fit_that_searches_share_is_counted_once(make_trial, monkeypatch, capsys):
    fit = make_trial("Grid")
    monkeypatch.setattr("harness.commands.run_search.search_results", lambda *given: [SimpleNamespace(due=[fit])] * 2)
    assert again(SimpleNamespace(cells=()), SimpleNamespace(out="out")) == [fit]
    assert capsys.readouterr().out.endswith("from other initial values: 1 fit\n")


def test_a_dry_run_tells_every_search_and_touches_nothing(tune, folder):
    out = tune("--dry-run", "--search-seeds", 0, 1).out
    assert "4 searches of 3 trials" in out
    assert "48 fits, 0 of them done before, 40 to run" in out, "trial 0 is one, whatever the seed"
    assert "  image 500 Grid, search 1: 12 fits" in out
    assert not (folder / "out").exists()


def test_it_stops_by_itself_and_says_what_is_missing(tune, folder, monkeypatch):
    clock = iter([0.0, *[1.0] * 3])
    monkeypatch.setattr(run_trials.time, "monotonic", lambda: next(clock, 10_000.0))
    out = tune("--minutes", 1).out
    monkeypatch.undo()
    done = len(gather(folder / "out").stored)
    assert 0 < done < 24
    assert "missing: image at 500, search 0: Grid" in out
    assert "none begins later than 60 seconds from now" in out


def test_where_time_is_short_searches_are_completed_one_after_the_other():
    words = [*SMALL, "--models", "Grid", "Grid_TV", "--kinds", "image", "ct", "--sizes", "500", "900"]
    found = search.make_search(search_options.parse(words))
    assert parts(found, math.inf) == [found]
    short = parts(found, 1e9)
    order = [[(cell.kind, cell.budget, cell.model) for cell in part.cells] for part in short]
    each = [("image", 500), ("image", 900), ("ct", 500), ("ct", 900)]
    assert order == [[(*one, model) for model in ("Grid", "Grid_TV")] for one in each]


def test_what_is_not_complete_is_not_written(tune, folder, monkeypatch):
    monkeypatch.setattr(run_trials, "execute", lambda *given, **more: None)
    (folder / "out").mkdir()
    assert tune("--write").out.endswith(
        "\nwrote no settings: no search is complete and has some with which all fits ended well\n"
    )
    assert not (folder / "tuned.json").exists()


def test_every_signal_has_a_start_of_its_own_and_none_is_an_experiments(config):
    (cell, *_) = search.make_search(search_options.parse([*SMALL, "--models", "Grid"])).cells
    seeds = [fit.seed for fits in ([*cell.fits[1]], cell.again(1)) for fit in fits]
    assert len(set(seeds)) == len(seeds) == 3 * 4
    assert {fit.seed for fit in cell.fits[0]} == {fit.seed for fit in cell.fits[2]}
    used = {s for preset in config.presets for s in config.preset(preset, "Sierpinski", 2).seeds}
    assert not used & set(seeds)


def test_workers_plan_the_same_trials(folder):
    words = [*SMALL, "--models", "Grid", "--config", str(folder / "settings.json"), "--out", str(folder / "out")]
    options = search_options.parse([*words, "--workers", "2", "--minutes", "3"])
    found = search.make_search(options)
    _, planned = worker.plan(order_of(options))
    again = [fit.key for cell in found.cells for index in range(3) for fit in cell.again(index)]
    assert list(planned) == [*(trial.key for trial in found.trials), *again]
    assert len(again) == 3 * 2 * 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kinds", "imges"], "unknown kind 'imges'"),
        (["--models", "Wavelet"], "none of these has a setting that may be tuned"),
        (["--preset", "smoke_tuned"], "tune at --preset smoke"),
        (["--minutes", "0"], "--minutes: must be more than 0"),
        (["--steps", "0"], "--steps: must be at least 1"),
        (["--write", "--steps", "3"], "which --steps may change; leave out --write, or put the change into"),
        (["--write", "--length", "9", "--set", "Grid.lr=0.2"], "which --length and --set may change"),
        (["--set", "Grid.lr=5"], "Grid.lr is 5.0, which is not within its range (lr: 0.003 to 1, log)"),
        (["--models", "Grid", "--backend", "gsplat"], "Grid has no back end 'gsplat'"),
        (["--models", "GSplat", "--kinds", "volume"], "give other --models or --kinds. volume: GSplat renders"),
    ],
)
def test_a_mistake_is_one_line(tune, words, message):
    assert message in refused(2, *tune(*words, code=2))


DIALS = """        start: Annotated[float, Dial(0, 1, "linear", "nobody")] = 0.0
"""


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        (DIALS.replace("= 0.0", "= 2.0"), "start is 2.0, which is not within its range (start: 0 to 1, linear)"),
        (DIALS.replace('0, 1, "linear"', '0.1, 1, "log"'), "start is 0.0, which is not within its range (start: 0.1"),
        (DIALS.replace("= 0.0", "= None"), "start is None, which is not within its range"),
        ("".join(DIALS.replace("start", f"start{i}") for i in range(4)), "Constant.Config has 5 dials (lr, start0, "),
        (DIALS.replace("float", "str"), "Constant.Config.start: a Dial is for a float or an int, not for str"),
        (DIALS.replace("linear", "even"), "a dial's scale is one of linear, log, got 'even'"),
    ],
)
def test_a_mistake_in_the_dials_of_somebodys_own_model_is_one_line(tune, folder, dials, message):
    assert DIALS in NEWCOMER
    (folder / "constant.py").write_text(NEWCOMER.replace(DIALS, dials))
    assert message in refused(2, *tune(code=2))


# Using what was found


def at(budgets, extent="quick", model="Grid", kind="image"):
    return {extent: {model: {kind: {str(size): FOUND for size in budgets}}}}


def test_a_preset_of_tuned_settings_refuses_models_without_and_names_the_way(config, tmp_path):
    config = dataclasses.replace(config, tuned=at([10_000]))
    source, preset = choose_source("SampleImages", 2), config.preset("quick_tuned", "SampleImages", 2)
    plan = make_plan(config, source, ["fit"], preset, ["Grid", "Wavelet"])
    assert {(t.model, t.lr, t.lr_schedule) for t in plan} == {("Grid", 0.5, "cosine"), ("Wavelet", None, "constant")}
    with pytest.raises(
        UsageError,
        match=r"no settings of Siren .* for image at .* 30 times of 3,000; run .* --models Siren --sizes 3000 --write,",
    ):
        make_plan(config, source, ["fit"], preset, ["Grid", "Siren"])
    config = dataclasses.replace(config, path=str(tmp_path / "my settings.json"))
    with pytest.raises(UsageError, match=r"--write --config '.*/my settings\.json', or leave them out"):
        make_plan(config, source, ["fit"], preset, ["Grid", "Siren"])


def test_whatever_has_three_axes_has_the_volumes_settings(config):
    config = dataclasses.replace(config, tuned=at([10_000], kind="volume"))
    for signal in ("SparseSphereSignal", "Solids"):
        preset = config.preset("quick_tuned", signal, 3)
        plan = make_plan(config, choose_source(signal, 3), ["fit"], preset, ["Grid", "GSplat"])
        assert {trial.lr for trial in plan if trial.model == "Grid"} == {0.5}, "and splats have none in 3D"


def test_somebodys_own_file_has_tuned_settings_once_there_are_some(config):
    source = choose_source("SampleImages", 2)
    quick, paper = (config.preset(name, "SampleImages", 2) for name in ("quick", "paper"))
    far = dataclasses.replace(quick, sizes=(3000, 10**6))
    assert tuned_preset(dataclasses.replace(config, tuned={}), quick, source, ["fit"], ["Grid"]) is None
    config = dataclasses.replace(config, tuned=at([10_000]))
    assert tuned_preset(config, quick, source, ["fit", "denoise"], ["Grid", "Wavelet"]) == "quick_tuned"
    same = dataclasses.replace(paper, sizes=quick.sizes)
    assert tuned_preset(config, same, source, ["fit"], ["Grid"]) is None, "they were tuned at another extent"
    assert tuned_preset(config, quick, source, ["fit"], ["Grid", "Siren"]) is None
    assert tuned_preset(config, quick, source, ["fit", "ct"], ["Grid"]) is None
    assert tuned_preset(config, far, source, ["fit"], ["Grid"]) is None, "too far from what was"


def test_more_settings_than_can_be_planned_are_one_line(capsys):
    assert verbs.main(["tune", "--trials", "1e9", "--models", "Grid", "--device", "cpu"]) == 2
    assert capsys.readouterr().err == "error: --trials: at most 4,096 settings of each model, got 1,000,000,000\n"
