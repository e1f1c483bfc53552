"""What the suite itself does: verbs that read the store start without torch, and every trial is looked at once.

Seconds are measured by benchmarks/bookkeeping.py.
"""

import dataclasses
import json
import os
import re
import sys
import tempfile

import numpy as np
import pytest
import torch

import target_signals
from harness.commands import run as run_command
from harness.execution import run_trials, trial_rows
from harness.plan import cost, model_settings
from harness.plan import make_plan as planning
from harness.plan.config import load_config
from harness.plan.source import choose_source
from harness.store import names
from harness.store import store as store_module
from harness.store.store import Store
from harness.train import run_trial
from tests.harness.paper_rows import keep
from tests.harness.tables import MODELS


@pytest.fixture
def small(tmp_path, make_row):
    """A store of one trial with its array."""
    keep(tmp_path / "out", make_row(), np.ones((24, 24, 1), np.float32))
    return tmp_path / "out"


READERS = [["status"], ["table"], ["table", "--format", "csv", "--rows"], ["report"], ["merge"]]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_what_only_reads_the_store_does_without_torch(small, tmp_path, command, words):
    own = [str(small), "--out", str(tmp_path / "merged")] if words == ["merge"] else ["--out", str(small)]
    code = f"""
import sys
from harness.__main__ import main
code = main({[*words, *own]!r})
print(code, 'torch' in sys.modules, file=sys.stderr)
"""
    ran = command(sys.executable, "-c", code)
    assert ran.stderr.splitlines()[-1] == "0 False"


def test_help_and_mistakes_do_without_torch(command):
    code = """
import sys
from harness.__main__ import VERBS, main
for verb in VERBS:
    for words in ([verb, '--help'], [verb, '--absent']):
        try:
            main(words)
        except SystemExit:
            pass
print(len(VERBS), [m for m in ('torch', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])
"""
    ran = command(sys.executable, "-c", code)
    count, loaded = ran.stdout.splitlines()[-1].split(" ", 1)
    assert (int(count) >= 7, loaded) == (True, "[]")


SLOW = ("pandas", "matplotlib", "scipy", "skimage", "requests", "pooch", "triton")


def test_the_first_plan_loads_torch_and_nothing_else_that_is_slow(command, tmp_path):
    line = ["--signal", "Sierpinski", "--preset", "quick", "--device", "cpu", "--dry-run", "--out", str(tmp_path)]
    code = f"""
import sys
from harness.commands.run import main
print(main({line!r}), [name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)
"""
    assert command(sys.executable, "-c", code).stderr == "0 []\n"


@pytest.fixture(scope="module")
def plan(config):
    """`plan(seeds)`: the trials of the paper's 3D spheres, 54 for each seed and model."""
    chosen = [name for name in MODELS if name != "GSplat"]
    preset = config.preset("paper", "SparseSphereSignal", 3)
    source = choose_source("SparseSphereSignal", 3)

    def make(seeds):
        return planning.make_plan(
            config, source, ["fit"], dataclasses.replace(preset, seeds=tuple(range(seeds))), chosen
        )

    return make


def test_a_plan_resolves_each_models_settings_once_for_a_budget(plan, calls):
    resolved = calls(planning, "training_settings")
    trials = plan(seeds=3)
    assert len(trials) == 3 * 54 * 8
    assert len(resolved) == len({(trial.model, trial.budget) for trial in trials}) == 6 * 8


def test_resuming_opens_each_trials_row_once_and_lists_no_folder(plan, make_row, tmp_path, calls):
    trials = plan(seeds=1)
    store = Store(tmp_path, trials[0].folder)
    store.prepare()
    for one in trials[::2]:
        of_key = {name: value for name, value in vars(one).items() if name in dict(names.KEY)}
        row = make_row() | of_key | {"size": one.budget, "config_hash": one.config_hash}
        store.row_path(one.key).write_text(json.dumps(row))
    opened, read, named = calls(os, "open"), calls(store_module, "parse_text"), calls(names, "key_of")
    listed = [calls(os, "listdir"), calls(os, "scandir")]
    done, left, _ = trial_rows.read_done(trials, tmp_path)
    assert (done, left) == (trials[::2], trials[1::2])
    assert [path for path, *_ in opened] == [store.row_path(one.key) for one in trials]
    assert (len(read), len(named), listed) == (len(done), len(left), [[], []])  # the others were named above


def test_a_plan_is_printed_without_a_signal_and_after_one_look_at_each_trial(calls, capsys, tmp_path):
    checked, resolved = (calls(module, "training_settings") for module in (model_settings, planning))
    looked = calls(Store, "read")
    estimated, built = calls(cost, "trial_seconds"), calls(target_signals, "get_signal")
    line = ["--signal", "SparseSphereSignal", "--dim", "3", "--preset", "paper", "--device", "cpu", "--dry-run"]
    assert run_command.main([*line, "--out", str(tmp_path), "--models", "Grid", "Siren", "--seeds", "1", "2"]) == 0
    head, count, *lines = capsys.readouterr().out.splitlines()
    assert (head.split(",")[0], count.split()[0]) == ("SparseSphereSignal", "216")
    assert len(lines) == len(looked) == 2 * 2 * 54
    assert len(estimated) == 2 * len(lines), "for the sum and for its own line"
    assert len(checked) == len(load_config().models), "for the check of the file"
    assert len(resolved) == 2 * 6, "for each budget"
    assert built == []


def test_what_is_opened_around_a_trial(make_trial, tmp_path, calls, monkeypatch):
    """Looked for, claimed, looked for again where a file server might have missed it, and stored; no more for each."""
    trials = [make_trial("Grid", seed=seed) for seed in (1, 2)]
    results = run_trial.run_trial(trials[0], torch.device("cpu"))
    monkeypatch.setattr(run_trials, "run_trial", lambda *given: results)
    run_trials.prepare(trials, tmp_path)
    monkeypatch.setattr(run_trials, "prepare", lambda *given: None)
    opened, made = calls(os, "open"), calls(tempfile, "mkstemp")
    run_trials.execute(trials, run_trials.RunOptions(tmp_path, torch.device("cpu")))
    folder = tmp_path / trials[0].folder
    expected = []
    for key in (trial.key for trial in trials):
        row, array, claim = folder / "rows" / f"{key}.json", folder / "arrays" / f"{key}.npz", folder / "claims"
        expected += [row, claim / f"{key}.json", row.parent, row, array, row]
    found = [re.sub(r"/\.(.*)\.........$", r"/\1", str(path)) for path, *_ in opened]
    assert found == list(map(str, expected))
    assert len(made) == 2 * len(trials), "the array and the row, under other names at first"
