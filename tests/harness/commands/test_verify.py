"""`verify`: rows that hold are found to hold, and whatever was changed in one is found."""

import dataclasses
import json
import re
import shutil
import threading

import numpy as np
import pytest
import torch
from PIL import Image

import models
from common.errors import UsageError
from harness import __main__ as verbs
from harness.commands import repeat
from harness.execution import progress
from harness.plan.config import load_config
from harness.plan.replay import evaluate_every, trial_of
from harness.store.scan import gather
from harness.store.table import load
from harness.train import run_trial
from models.budget import MOST_TENSORS
from models.grid import Grid
from tests.harness.refused import refused

LINE = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu"]


@pytest.fixture
def fitted(out, run_py):
    """`fitted("--models", "Grid")`: the folder of a run of the smoke preset, without figures."""

    def run(*arguments, line=LINE):
        run_py(*line, "--out", out, *arguments)
        return out

    return run


@pytest.fixture
def verify(capsys):
    def call(out, *arguments):
        capsys.readouterr()
        code = verbs.main(["verify", "--out", str(out), "--device", "cpu", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def picture(tmp_path):
    """A person's own file."""
    path = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)).save(path)
    return path


class Brittle(Grid):
    """A newcomer's model that some settings break."""

    name = "Brittle"

    @dataclasses.dataclass(frozen=True)
    class Config:
        lr: float = 0.1
        initial: float = 0.1
        parts: int = 1

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size // config.parts)


def change(out, **changes):
    """Put other values into the one row of a folder."""
    (path,) = out.glob("*/rows/*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_every_model_gives_its_row_again_bit_for_bit(fitted, verify):
    out = fitted("--set", "Siren.omega=30", "--seeds", "7")
    count = len(load(out))
    code, said, err = verify(out, "--most", 100)
    assert (code, err) == (0, "")
    assert said.count(": bitwise\n") == said.count("ok  ") == count > 9
    assert said.endswith(f"{count} of {count} rows were given again\n")


SHARED = ["--signal", "SampleImages", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Grid_TV"]


def test_both_rows_of_one_fit_share_it(fitted, verify, calls):
    """They lie in two folders, and rows of other fits between them."""
    out, runs = fitted(line=SHARED), calls(run_trial, "run_on")
    assert len(load(out)) == 4
    code, said, _ = verify(out)
    assert (code, said.count("bitwise\n"), len(runs)) == (0, 4, 2)


def test_equal_fits_of_two_results_folders_are_run_once(fitted, verify, calls, tmp_path):
    out, runs = fitted(line=SHARED), calls(run_trial, "run_on")
    shutil.copytree(out, tmp_path / "copy")
    files = [*out.glob("*/rows/*.json"), *(tmp_path / "copy").glob("*/rows/*.json")]
    code, said, _ = verify(out, *files)
    assert (code, said.count("bitwise\n"), len(runs)) == (0, 8, 2)


def test_fits_of_two_back_ends_are_run_apart(fitted, verify, calls, tmp_path):
    out, runs = fitted("--models", "Grid"), calls(run_trial, "run_on")
    shutil.copytree(out, tmp_path / "copy")
    change(tmp_path / "copy", backend="triton")
    verify(out, *out.glob("*/rows/*.json"), *(tmp_path / "copy").glob("*/rows/*.json"))
    assert len(runs) == 2


def test_of_copies_the_signal_that_one_keeps_serves_all(fitted, verify, tmp_path, picture):
    out = fitted("--models", "Grid", line=["--signal", str(picture), *LINE[2:]])
    shutil.copytree(out, tmp_path / "copy", ignore=shutil.ignore_patterns("signals"))
    picture.unlink()
    files = [*(tmp_path / "copy").glob("*/rows/*.json"), *out.glob("*/rows/*.json")]
    code, said, _ = verify(out, *files)
    assert (code, said.count("bitwise\n")) == (0, 2 * len(load(out)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"psnr": 12.3456}, "same machine and versions, yet other bits in psnr"),
        ({"curve": None}, "yet other bits in curve"),
        ({"residual_sha256": "0" * 64}, "its array cannot be used: it is not the file that the row names"),
        ({"status": "diverged"}, "diverged then, ok now"),
        ({"psnr": 12.3456, "device": "cuda: NVIDIA H100"}, "not within 0.2 dB"),
        ({"settings": {"lr": 0.2, "initial": 0.1}}, "cannot be repeated: what its numbers depend on has changed"),
        ({"settings": {"lr": 0.2}}, "cannot be repeated: its settings: the key 'initial' is missing"),
        ({"settings": None}, "cannot be repeated: its settings: expected an object, got null"),
        (
            {"model": "Siren", "settings": {"lr": 1e-4, "omega": 30.0, "hidden_layers": 10**9, "output": "sine"}},
            "cannot be repeated: its settings.hidden_layers: whole numbers go up to 65,536",
        ),
        ({"settings": {"lr": -0.1, "initial": 0.1}}, "cannot be repeated: its settings.lr: must be more than 0"),
        ({"model": "Nobody"}, "cannot be repeated: unknown model 'Nobody'"),
        ({"signal": "Nothing"}, "cannot be repeated: unknown signal 'Nothing'"),
        ({"signal": "ChestCT", "item": "slice", "bandlimit": None}, "cannot be repeated: 'chest/chest.png' not found"),
        (
            {"signal": "UserFile", "item": "a.png-0", "bandlimit": None},
            "cannot be repeated: it is of a file of somebody's own",
        ),
        ({"task": "knit"}, "cannot be repeated: unknown task 'knit'"),
        ({"length": 10**6}, "cannot be repeated: Sierpinski of length 1000000 has 1e+12 points"),
        ({"size": 10**12}, "cannot be repeated: its budget is 1e+12 values"),
        ({"bandlimit": 7.0}, "cannot be repeated: Sierpinski needs a bandlimit"),
    ],
)
def test_a_changed_row_is_found(fitted, verify, monkeypatch, tmp_path, changes, says):
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path))
    out = fitted("--models", "Grid")
    change(out, **changes)
    code, said, _ = verify(out)
    assert code == 1
    assert said.splitlines()[-2].startswith("FAIL  ")
    assert says in said
    assert said.endswith("0 of 1 rows were given again\n")


@pytest.mark.parametrize(
    ("model", "settings", "says"),
    [
        ("Siren", {"hidden_layers": 60_000}, "models have up to 4,096 tensors"),
        ("Brittle", {"parts": 0}, "ZeroDivisionError: "),
    ],
)
def test_a_row_of_which_no_model_can_be_made_fails_alone(fitted, verify, tensors, monkeypatch, model, settings, says):
    """Its hash is the right one, so it is the model that has to be refused; another row is looked at as before."""
    monkeypatch.setitem(models.registry._classes, Brittle.name, Brittle)
    out = fitted("--models", model)
    (path,) = out.glob("*/rows/*.json")
    row = json.loads(path.read_text())
    own = trial_of(row, load_config())
    other = dataclasses.replace(own, settings=dataclasses.replace(own.settings, **settings))
    text = json.dumps(row | {"settings": row["settings"] | settings, "config_hash": other.config_hash})
    path.with_name("a" + path.name).write_text(text)
    tensors.clear()
    code, said, err = verify(out)
    assert len(tensors) < 2 * MOST_TENSORS, "it is not built to its end, let alone many times"
    assert (code, err) == (1, "")
    assert f"cannot be repeated: {says}" in said
    assert said.endswith("1 of 2 rows were given again\n")


def test_another_machines_row_is_held_to_the_tolerance(fitted, verify):
    out = fitted("--models", "Grid")
    (row,) = load(out).to_dict("records")
    change(out, device="cuda: NVIDIA H100", psnr=row["psnr"] + 0.1)
    code, said, _ = verify(out)
    assert code == 0
    assert "-0.1 dB: within 0.2 dB" in said
    assert verify(out, "--tolerance", "0.05")[0] == 1


def test_a_swapped_array_is_found(fitted, verify):
    out = fitted("--models", "Grid", "GAPlane")
    one, two = out.glob("*/arrays/*.npz")
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    code, said, _ = verify(out)
    assert (code, said.count("its array cannot be used")) == (1, 2)


def test_an_old_row_and_one_without_its_array_hold(fitted, verify):
    out = fitted("--models", "Grid")
    change(out, residual_sha256=None)
    assert verify(out)[0] == 0
    next(out.glob("*/arrays/*.npz")).unlink()
    assert verify(out)[0] == 0


def test_a_long_trial_shows_that_it_lives(fitted, verify, monkeypatch):
    out = fitted("--models", "Grid")
    run, said = run_trial.run_on, threading.Event()
    monkeypatch.setattr(progress, "FIRST_SIGN", 0.0)
    monkeypatch.setattr(progress, "LOOK", 0.001)
    monkeypatch.setattr(progress.tqdm, "write", lambda line, file: said.set())
    monkeypatch.setattr(run_trial, "run_on", lambda *given: said.wait(10) and run(*given))
    code, _, _ = verify(out)
    assert code == 0, "the trial goes on once its sign was seen"


def test_rows_that_ended_badly_are_given_again(fitted, verify):
    out = fitted("--models", "Grid", "GSplat", "--set", "Grid.lr=1e38", "--sizes", "5", "2500")
    assert sorted(load(out)["status"].unique()) == ["diverged", "ok", "unsupported"]
    code, said, _ = verify(out, "--most", 9)
    assert (code, said.count("bitwise")) == (0, 4)


def test_rows_are_chosen_by_name_by_file_and_by_what_they_are(fitted, verify):
    out = fitted("--models", "Grid", "GAPlane", "--seeds", "1", "2", "3")
    (path, *_) = sorted(out.glob("*/rows/*.json"))
    for chosen in ([path], [path.stem], ["GAPlane", "--models", "GAPlane"], ["--models", "GAPlane", "--most", 3]):
        code, said, _ = verify(out, *chosen)
        assert code == 0
        assert path.stem in said
    assert "3 of 3 rows" in verify(out, "--models", "GAPlane", "--sizes", "2500")[1]
    assert "3 of 3 rows" in verify(out, "GAPlane", path.stem, path)[1]  # a row named thrice is run once
    assert "1 of 1 rows" in verify(out, "_seed2", "--models", "Grid")[1]  # of those that are named
    code, said, _ = verify(out, "--most", "2")
    assert said.startswith("2 of 6 rows, evenly spread; --most 6 takes all\n")
    code, _, err = verify(out, "./Waves.py")
    says = "error: './Waves.py' is no row; a model of your own is chosen with --models ./Waves.py\n"
    assert (code, err) == (2, says)


def test_a_group_stands_for_those_of_its_models_that_have_rows(fitted, verify):
    out = fitted("--models", "Grid", "GAPlane")
    code, said, _ = verify(out, "--models", "all")
    assert code == 0
    assert "2 of 2 rows" in said
    code, _, err = verify(out, "--models", "Grid", "newer")
    assert code == 2
    assert err.startswith("error: no rows of model Finer, Gauss, ")
    assert err.endswith("; there are: GAPlane, Grid\n")


def test_a_file_that_is_no_row_is_named_once_and_left_out(fitted, verify):
    out = fitted("--models", "Grid")
    (path,) = out.glob("*/rows/*.json")
    path.with_name("half.json").write_text('{"signal": "Sier')
    for words in ([], ["Grid", "Sierpinski"]):
        code, said, err = verify(out, *words)
        assert code == 0
        assert "half" not in said
        assert err.startswith("note: left out 2d_Sierpinski/rows/half.json: ")
        assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["Nobody"], "' has 'Nobody' in its name; give a part of one, or a row's .json file"),
        (["absent.json"], "'absent.json' cannot be read as a row: No such file"),
        (["--models", "Siren"], "no rows of model 'Siren'; there are: Grid"),
        (["--dim", "3"], "no rows of dim '3'; there are: 2"),
        (["--preset", "paper"], "no rows of preset 'paper'; there are: smoke"),
        (["--models", "Sirn"], "did you mean 'Siren'"),
        (["Grid", "--models", "Siren"], "no rows of model 'Siren'; there are: Grid"),
        (["--most", "0"], "argument --most: must be at least 1, got 0"),
        (["--tolerance", "nan"], "--tolerance takes decibels from 0 to 100, got nan"),
        (["--tolerance", "inf"], "--tolerance takes decibels from 0 to 100, got inf"),
    ],
)
def test_mistakes_are_one_line(fitted, verify, arguments, says):
    assert says in refused(*verify(fitted("--models", "Grid"), *arguments))


def test_a_users_own_file_is_named(tmp_path, fitted, verify, picture):
    out = fitted("--models", "Grid", line=["--signal", str(picture), *LINE[2:]])
    code, said, _ = verify(out)
    assert (code, "bitwise" in said) == (0, True), "of what was kept"
    shutil.rmtree(out / "2d_UserFile" / "signals")
    assert "give its path with --file" in verify(out)[1]
    code, said, _ = verify(out, "--file", picture)
    assert (code, "bitwise" in said) == (0, True)
    other = tmp_path / "other.png"
    other.write_bytes(picture.read_bytes() + b"!")
    assert "and --file '" in verify(out, "--file", other)[1]


def test_the_cost_is_said_before_anything_runs_again(fitted, verify, capsys, monkeypatch):
    """In the words of every other command; what cannot be run again costs nothing."""
    out = fitted("--models", "Grid", "GAPlane")
    path = next(out.glob("*/rows/*GAPlane*.json"))
    path.with_name("a" + path.name).write_text(json.dumps(json.loads(path.read_text()) | {"size": 10**12}))
    before = []
    monkeypatch.setattr(run_trial, "run_on", lambda *_: before.append(capsys.readouterr().out) or [])
    verify(out)
    assert re.search(r"\n2 trials to run again: about \d+ seconds? \(as timed on .*\)\n", before[0])


def test_the_cost_of_a_users_own_file_is_that_of_its_samples(fitted, picture):
    out = fitted("--models", "Grid", line=["--signal", str(picture), *LINE[2:]])
    chosen = gather(out).stored
    (group,), refused = repeat.plan(chosen, load_config(), None)
    assert (group.as_large.length, group.trial.length, refused) == (20, chosen[0].row["length"], [])
    assert group.trial.length != 20


@pytest.mark.parametrize("every", [1, 2, 3, 50, 99])
@pytest.mark.parametrize("steps", [1, 2, 3, 50, 51, 100])
def test_when_a_fit_was_evaluated_is_in_its_curve(every, steps):
    at = [step for step in range(1, steps + 1) if step in (1, steps) or step % every == 0]
    found = evaluate_every({"steps": steps, "curve": [{"step": step} for step in at]})
    assert [step for step in range(1, steps + 1) if step in (1, steps) or step % found == 0] == at


def test_a_trial_comes_back_from_its_row(make_trial, config):
    for one in (
        make_trial("BACON", dim=3, minibatch=50),
        make_trial("Grid_TV", signal="StarTarget", seed=9, signal_seed=3),
    ):
        row = run_trial.run_trial(one, torch.device("cpu"))[0].row
        row = json.loads(json.dumps(row))
        assert trial_of(row, config) == one


def test_other_adam_betas_are_said_to_be_a_change(make_trial, config):
    row = run_trial.run_trial(make_trial("Grid"), torch.device("cpu"))[0].row
    other = dataclasses.replace(config, protocol=dataclasses.replace(config.protocol, adam_betas=(0.5, 0.9)))
    with pytest.raises(UsageError, match="adam_betas"):
        trial_of(row, other)
