"""What README.md, docs/protocol.md and docs/back_ends.md repeat of the code and of hyperparameters.json."""

import re
from collections import Counter

import pytest
import torch

import models
import target_signals
from common.files import ROOT
from common.lattice import Lattice
from harness.execution.options import parse
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.model_settings import model_names, model_settings
from harness.plan.source import choose_source
from models.budget import count
from models.ga_plane import LEAST_FUSED
from target_signals.recorded.catalogue import SOURCES
from target_signals.tasks.base import registry as tasks
from tests.documents import README, columns, table, unwrapped, words_of

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
MODELS = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
BACK_ENDS = (ROOT / "docs" / "back_ends.md").read_text(encoding="utf-8")
CONFIG = load_config()
KINDS = {"synthetic signals, volumes": ("synthetic", "volume"), "images": ("image",), "the task `ct`": ("ct",)}


def quoted(text):
    return re.findall(r"`(\w+)`", text)


def on_meta(name):
    """A model of a picture of the paper's size, at a budget for which every kernel is there; without values."""
    cls, lattice = models.get_model(name), Lattice.regular((1000, 1000))
    settings = model_settings(CONFIG, name, "image", 1_000_000)
    with torch.device("meta"):
        return cls(settings, lattice, 1, cls.solve_size(settings, lattice, 1, 1_000_000))


def test_the_readme_names_every_model_in_the_protocols_order():
    of_the_paper = [quoted(name)[0] for name, *_ in table("| model | what it is |", README)]
    assert of_the_paper == [*CONFIG.protocol.models, "FBP"]
    newer = README[README.index("Newer representations stand") : README.index("`--models newer` runs")]
    assert tuple(quoted(newer)) == CONFIG.protocol.newer
    described = table("| model | what it is | size dial |", MODELS)
    assert {name for names, *_ in described for name in re.findall(r"\w+", names.partition("]")[0])} == {*quoted(newer)}
    assert {*of_the_paper, *CONFIG.protocol.newer} == set(models.registry.names()) == set(model_names(CONFIG))


def test_the_protocol_has_every_signal_and_every_task():
    section = re.split(r"^## 2\. Signals$|^## 3\. Models$", PROTOCOL, flags=re.MULTILINE)[1]
    assert set(target_signals.registry.names()) - set(re.findall(r"\w+", section)) == set()
    described = [
        re.match(r"`(\w+?)(?:_[σf])?`", name)[1] for name, *_ in table("| task | observed | scored |", PROTOCOL)
    ]
    assert sorted(described) == tasks.names()


def test_the_documented_back_ends_are_those_that_a_model_has_at_its_own_precision_the_default_first():
    """Beside plain PyTorch, which every model has; a line without a model is about the one above it."""
    documented, of = {}, []
    for names, own, *_ in table("| model | back end |", BACK_ENDS):
        of = re.findall(r"\w+", names) or of
        for name in of:
            for found, text in zip(documented.setdefault(name, ([], [])), own.split(";"), strict=False):
                found += [backend for backend in quoted(text) if backend != "torch"]
    assert re.search(r"from (\d+) features on", unwrapped(BACK_ENDS))[1] == str(LEAST_FUSED)
    for name in models.registry.names():
        model = on_meta(name)
        *taken, plain = (backend for backend in model.backends if model.refuses(backend, model.precision) is None)
        others = [backend for backend in model.backends if backend not in (*taken, plain)]
        assert plain == "torch"
        assert documented.get(name, ([], [])) == (taken, others), name
    trained = [cls for cls in map(models.get_model, models.registry.names()) if cls.label == "learned"]
    assert "most trained models have kernels of their own" in unwrapped(README)
    assert sum("triton" in cls.backends for cls in trained) > len(trained) / 2


def test_the_protocols_learning_rates_are_those_of_the_settings():
    documented = {name: float(rate) for name, rate, *_ in table("Linear layers start from", PROTOCOL)}
    trained = [name for name in CONFIG.protocol.models if models.get_model(name).label == "learned"]
    assert documented == {name: CONFIG.models[name]["lr"] for name in trained}


def test_the_protocols_total_variation_is_that_of_the_settings():
    budgets = columns("**λ of Grid_TV**", PROTOCOL)
    documented = {
        kind: dict(zip(budgets, map(float, values), strict=True))
        for data, *values in table("**λ of Grid_TV**", PROTOCOL)
        for kind in KINDS[data]
    }
    assert documented == CONFIG.models["Grid_TV"]["tv_weight"]["tuned"]


def test_the_readme_and_the_protocol_name_every_launcher():
    there = {path.name for path in ROOT.glob("run_*.sh")} - {"run_tests.sh"} | {"run_ct.py"}
    experiments = README[README.index("## The experiments") : README.index("Every signal takes")]
    assert set(re.findall(r"run_\w+\.(?:sh|py)", experiments)) == there
    assert {row[0].strip("`") for row in table("| launcher | signal | items or bands |", PROTOCOL)} == there


def test_the_documented_extent_of_quick_is_the_presets():
    quick, protocol = CONFIG.preset("quick", "StarTarget", 2), unwrapped(PROTOCOL)
    lengths = r"(\d+) samples an axis in 2D, (\d+) in 3D \((\d+) for recorded volumes\)"
    said = re.search(rf"{lengths}, budgets (\S+) and (\S+), up to three bands, one seed, (\d+) passes", protocol)
    numbers = [int(float(number)) for number in said.groups()]
    assert [*(quick.length[kind] for kind in ("2", "3", "volume")), *quick.sizes, quick.steps] == numbers
    assert max(len(CONFIG.preset("quick", one.signal, one.dim).bandlimits) for one in CONFIG.experiments) == 3
    assert len(quick.seeds) == 1
    readme = unwrapped(README)
    own = re.search(r"an image is shrunk to (\d+) samples along its longest axis and a volume to (\d+)", readme)
    assert [quick.length[kind] for kind in ("image", "volume")] == [int(number) for number in own.groups()]


@pytest.mark.parametrize("row", table("| launcher | signal | items or bands |", PROTOCOL), ids=lambda row: row[0])
def test_a_launcher_runs_the_experiment_that_the_protocol_says(row, tmp_path, monkeypatch):
    for file in (file for source in SOURCES.values() for file in source.files):
        place = tmp_path / file.path  # planning asks what is there and reads none of it
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path))
    launcher, signal, _, seeds, tasks, trials = row
    options = parse(words_of(launcher.strip("`")))
    source = choose_source(options.signal[0], options.dim)
    extent = CONFIG.preset("paper", source.name, source.dim)
    plan = make_plan(CONFIG, source, options.task, extent, CONFIG.protocol.models)
    assert signal in (source.name, f"{source.name} {source.dim}D")
    assert len({trial.seed for trial in plan}) == int(seeds)
    assert {task for trial in plan for task in trial.scored} == set(re.findall(r"[\w.]+", tasks)) - {"with"}
    assert set(Counter(trial.model for trial in plan).values()) == {int(trials)}


@pytest.mark.parametrize(("budget", "share"), [(3000, 67), (10_000, 80)])
def test_the_documented_shares_of_a_budget_are_a_fourier_feature_networks(budget, share):
    cls, lattice = models.get_model("FourFeat"), Lattice.regular((1000, 1000))
    settings = model_settings(CONFIG, "FourFeat", "synthetic", budget)
    size = cls.solve_size(settings, lattice, 1, budget)
    used = count(lambda size: cls(settings, lattice, 1, size), size) / budget
    assert round(100 * used) == share
    assert "of one channel FourFeat uses 67 % of 3·10³ and 80 % of 10⁴" in unwrapped(PROTOCOL)
