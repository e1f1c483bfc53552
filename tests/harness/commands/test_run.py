"""The command line from end to end: what a newcomer runs, what resumes it, and what happens to mistakes."""

import ast
import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import models
from harness.commands import run as run_command
from harness.commands.new import written
from harness.execution.options import parse
from harness.figures import draw_figures
from harness.plan.config import DEFAULT_CONFIG
from harness.report import write_page
from harness.store import store as store_module
from harness.store.schema import BUSY
from harness.store.store import Store, parse_row
from harness.store.table import load
from harness.train import machine
from tests.harness.sweep import HANG

LEARNED = ["FourFeat", "Siren", "Wire", "BACON", "GAPlane", "Instant_NGP", "GSplat", "Grid", "Grid_TV"]
NAMES = [*LEARNED, "Grid_exact", "BlockDCT", "Wavelet"]
SMOKE = ("--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu")
README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
EXAMPLE_MODEL = written("model", "Example")
EXAMPLE_SIGNAL = '''\
"""Example: a checkerboard, finer at higher bands."""

import numpy as np

from target_signals.base import Signal, SignalFamily, register


@register
class Checkerboard(SignalFamily):
    name = "Checkerboard"
    dims = (2, 3)

    @classmethod
    def build(cls, dim, length, bandlimit, seed):
        cells = np.indices((length,) * dim) // max(1, round(4 - 3 * bandlimit))
        return Signal((cells.sum(0) % 2).astype(np.float32), dim, cls.kind)
'''


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run(out, capsys, monkeypatch):
    """The command line in this process, on one small trial: exit code, stdout, stderr. Its models are forgotten."""
    known = {name: models.get_model(name) for name in models.registry.names()}
    monkeypatch.setattr(models.registry, "_classes", known)

    def call(*arguments, out=out, models=("Grid",), draw=False):
        if not draw:
            monkeypatch.setattr(run_command, "draw", lambda *given: None)
        chosen = () if models is None else ("--models", *models)
        code = run_command.main([*map(str, (*SMOKE, "--out", out, *chosen, *arguments))])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def complaint(run, out):
    """The one line with which a command line is refused; nothing is written."""

    def call(*arguments, **named):
        code, _, err = run(*arguments, **named)
        assert code == 2
        assert err.startswith("error: ")
        assert err.endswith("\n")
        assert len(err.splitlines()) == 1, err
        assert not out.exists()
        return err

    return call


def rows(folder):
    """The content and the time of every row file."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("*/rows/*.json")}


def cells(stdout):
    """The lines of the printed table, by model: {"Grid": ["14.96", "0.1", "1"]}."""
    lines = stdout.partition("mean PSNR")[2].partition("\n\n")[0].splitlines()[2:]
    end = next((i for i, line in enumerate(lines) if line.startswith("(")), len(lines))  # of the constant mean
    return {line.split()[0]: line.split()[1:] for line in lines[:end]}


# A launcher, and running it again


@pytest.fixture(scope="module")
def smoke(once, command, root):
    """What a launcher printed when it ran all models from another folder, and where its results are."""

    def fill(folder):
        line = ("bash", root / "run_2dsierpinski.sh", "--preset", "smoke", "--device", "cpu", "--out", folder / "out")
        result = command(*line, cwd=folder)
        assert result.returncode == 0, result.stderr
        assert "Traceback" not in result.stderr
        (folder / "stdout").write_text(result.stdout)

    folder = once("smoke", fill)
    return (folder / "stdout").read_text(), folder / "out"


def test_a_launcher_fits_every_model(smoke):
    _, out = smoke
    table = load(out)
    assert sorted(table["model"]) == sorted(NAMES)
    assert set(table["status"]) == {"ok"}
    assert set(table["signal"]) == {"Sierpinski"}
    assert table["psnr"].between(5, 160).all()
    assert (table["psnr"][table["label"] == "learned"] < 40).all()
    assert (table["parameters"] <= table["size"]).all()
    labels = table.set_index("model")["label"].to_dict()
    assert labels == {name: "learned" if name in LEARNED else "classical" for name in NAMES}


def test_it_prints_the_table(smoke):
    stdout, out = smoke
    found = cells(stdout)
    assert list(found) == NAMES, "in the protocol's order"
    table = load(out).set_index("model")
    for model, (score, _seconds, count) in found.items():
        assert float(score) == pytest.approx(table["psnr"][model], abs=0.006)
        assert count == "1"
    assert re.search(rf"\(constant mean\) +{table['psnr_constant'].iloc[0]:.2f}", stdout)
    assert "12 trials, 0 of them done before, 12 to run" in stdout
    assert f"rows in {out}/2d_Sierpinski/rows" in stdout


def test_it_draws_the_figures_and_the_page(smoke):
    stdout, out = smoke
    _, _, ending = stdout.partition(f"rows in {out}/2d_Sierpinski/rows: 12\n")
    figures, page = ending.splitlines()
    assert page == f"page: {out}/index.html; open it in a browser"
    assert (out / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    folder, count = re.fullmatch(r"figures in (.*): (\d+), as PNG and PDF", figures).groups()
    pngs = list(Path(folder).glob("*.png"))
    assert len(pngs) == int(count) > 0
    assert {*out.rglob("*.png"), *out.rglob("*.pdf")} == {*pngs, *(path.with_suffix(".pdf") for path in pngs)}
    for png in pngs:
        assert png.read_bytes().startswith(b"\x89PNG")
        assert png.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_every_row_has_its_array_and_nothing_else_is_left(smoke):
    _, out = smoke
    store = Store(out, "2d_Sierpinski")
    keys = [path.stem for path in (store.folder / "rows").glob("*.json")]
    assert sorted(p.name for p in (store.folder / "rows").iterdir()) == sorted(f"{key}.json" for key in keys)
    assert sorted(p.name for p in (store.folder / "arrays").iterdir()) == sorted(f"{key}.npz" for key in keys)


def test_a_second_run_repeats_nothing(smoke, run):
    _, out = smoke
    before = rows(out)
    code, stdout, _ = run(models=None, out=out)
    assert code == 0
    assert rows(out) == before
    assert len(before) == 12
    assert "12 trials, 12 of them done before, 0 to run: nothing to do" in stdout
    assert list(cells(stdout)) == NAMES


def test_a_second_run_reads_each_row_once(smoke, run, monkeypatch):
    """Looking for what is left, the tables and the figures all use what was read first."""
    _, out = smoke
    read, parse = [], store_module.parse_text

    def counted(text):
        read.append(text)
        return parse(text)

    monkeypatch.setattr(store_module, "parse_text", counted)
    monkeypatch.setattr(draw_figures, "redraw", lambda table, *_: [f"{len(table)} rows drawn"])
    monkeypatch.setattr(write_page, "is_current", lambda *_: True)
    code, stdout, _ = run(models=None, out=out, draw=True)
    assert code == 0
    assert "12 rows drawn" in stdout
    assert len(read) == len(set(read)) == 12


def test_what_a_run_has_planned_and_read_is_out_of_collections_until_it_ends(smoke, run, monkeypatch):
    _, out = smoke
    aside = []
    monkeypatch.setattr(run_command, "summary", lambda *_: aside.append(gc.get_freeze_count()) or "")
    code, _, _ = run(models=None, out=out)
    assert code == 0
    assert aside[0] > 1000
    assert gc.get_freeze_count() == 0


def test_a_second_run_draws_nothing_anew(smoke, command, root):
    _, out = smoke
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    ran = command(sys.executable, "-X", "importtime", root / "run.py", "--dim", "2", *SMOKE, "--out", out)
    assert ran.returncode == 0, ran.stderr
    rows, figures, page = ran.stdout.splitlines()[-3:]
    assert rows == f"rows in {out}/2d_Sierpinski/rows: 12"
    assert re.fullmatch(rf"figures in {out}/2d_Sierpinski/figures/.*: those of these rows, left as they are", figures)
    assert page == f"page: {out}/index.html, of these rows, left as it is"
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    assert "pandas" in ran.stderr
    assert "matplotlib" not in ran.stderr


def test_without_figures_nothing_is_drawn(run, out):
    code, stdout, err = run("--no-figures", draw=True)
    assert (code, err) == (0, "")
    assert "--no-figures: no figures are drawn and no page is made" in stdout
    assert {path.name for path in out.iterdir()} == {"2d_Sierpinski"}
    assert not (out / "2d_Sierpinski" / "figures").exists()


def test_a_corrupt_row_is_named_and_its_trial_runs_again(smoke, tmp_path, run):
    out = shutil.copytree(smoke[1], tmp_path / "copy")
    before = rows(out)
    (damaged,) = out.glob("2d_Sierpinski/rows/Grid_2500*.json")
    damaged.write_bytes(damaged.read_bytes()[:300])
    with pytest.warns(UserWarning, match=rf"'{damaged}' is not a row .* set aside as '{damaged.stem}\.corrupt'"):
        code, stdout, _ = run(models=None, out=out)
    assert code == 0
    assert "12 trials, 11 of them done before, 1 to run" in stdout
    after = rows(out)
    assert {name for name in before if before[name] != after[name]} == {damaged.name}
    assert json.loads(after[damaged.name][0])["psnr"] == json.loads(before[damaged.name][0])["psnr"]


def test_paths_are_those_of_the_callers_folder_through_a_symbolic_link_too(command, root, tmp_path):
    (tmp_path / "launcher").symlink_to(root / "run_2dsierpinski.sh")
    (tmp_path / "own.json").write_text(DEFAULT_CONFIG.read_text())
    (tmp_path / "own.py").write_text(EXAMPLE_MODEL)
    (tmp_path / "random.py").write_text("raise SystemExit('a module of the caller was imported')")
    words = "--models own.py --config own.json --preset smoke --device cpu --out results"
    ran = command("bash", "launcher", *words.split(), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert list(load(tmp_path / "results")["model"]) == ["Example"]


def test_a_finished_store_of_somebody_else_is_read_and_not_drawn(run, out, monkeypatch):
    run()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    code, stdout, err = run(draw=True)
    assert (code, err) == (0, "")
    assert cells(stdout).keys() == {"Grid"}
    assert f"'{out}' may be read and not written, so no figures are drawn" in stdout
    assert not (out / "index.html").exists()


def test_launchers_differ_in_their_words_alone(root):
    def parts(script):
        head, _, source, line = script.read_text().splitlines()
        start, *words, more = line.split()[1:]
        return (head, source, start, more, os.access(script, os.X_OK)), parse(words)

    launchers = set(root.glob("run_*.sh")) - {root / "run_tests.sh"}
    assert len(launchers) == 8
    assert len({parts(script)[0] for script in launchers}) == 1
    assert len({(*options.signal, options.dim) for _, options in map(parts, launchers)}) == 8


# The other options


def test_force_runs_again(run, out):
    run()
    before = rows(out)
    code, stdout, _ = run("--force")
    assert code == 0
    assert "1 trial, 1 of them done before, 1 to run" in stdout
    after = rows(out)
    assert before.keys() == after.keys()
    assert all(after[name] != before[name] for name in before)


def test_a_dry_run_writes_nothing(run, out):
    code, stdout, _ = run("--dry-run", "--sizes", "1e4", "2e4")
    assert code == 0
    assert "2 trials, 0 of them done before, 2 to run" in stdout
    assert "Grid 10,000 band 0.5 seed 1234, 3 passes" in stdout
    assert re.search(r"Grid 20,000 band 0.5 seed 1234, 3 passes: about \d+ seconds?$", stdout, re.M)
    assert stdout.count("as timed on") == 1, "the machine is told of once"
    assert not out.exists()


@pytest.mark.parametrize(("load", "said"), [(2.3, True), (1.5, False), (None, False)])
def test_a_busy_machine_is_told_of_once(run, monkeypatch, load, said):
    monkeypatch.setattr(machine, "load", lambda: load)
    monkeypatch.setattr(run_command, "BUSY", BUSY)
    code, stdout, _ = run("--dry-run", "--sizes", "1e4", "2e4")
    line = "others use this machine (load 2.3 for each core): trials will take longer than was timed\n"
    assert (code, stdout.count(line)) == (0, int(said))
    assert ("others use this machine" in stdout) == said


def test_list_names_what_there_is(capsys):
    assert run_command.main(["--list"]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"^models: +{' '.join(NAMES)} FBP$", text, re.M)
    for name in (
        "BandlimitedSignal (2D and 3D)",
        "SparseSphereSignal (2D and 3D)",
        "Sierpinski (2D)",
        "StarTarget (2D)",
    ):
        assert name in text
    assert re.search(r"^tasks: +ct denoise\[_<sigma>\] fit ", text, re.M)
    assert re.search(r"^presets: +smoke quick paper tuned quick_tuned muon quick_muon$", text, re.M)


def test_help_names_the_options(command):
    result = command(sys.executable, "run.py", "--help")
    assert result.returncode == 0
    for option in (
        *("--signal", "--dim", "--task", "--preset", "--models", "--sizes", "--bandlimits", "--seeds", "--steps"),
        *("--length", "--device", "--precision", "--out", "--config", "--set", "--list", "--dry-run", "--force"),
    ):
        assert option in result.stdout


def test_the_command_line_replaces_what_the_preset_says(run, out):
    extent = (
        "--sizes",
        "1e3",
        "400",
        "--bandlimits",
        "0.1",
        "0.3",
        "--seeds",
        "1",
        "2",
        "--steps",
        "2",
        "--length",
        "16",
    )
    code, stdout, _ = run(*extent, "--set", "Grid.initial=0.4", "Grid.lr=0.3", "--set", "Grid.lr=0.2")
    assert code == 0
    table = load(out)
    assert len(table) == 8
    assert set(table["size"]) == {1000, 400}
    assert set(table["bandlimit"]) == {0.1, 0.3}
    assert set(table["seed"]) == {1, 2}
    assert set(table["steps"]) == {2}
    assert set(table["length"]) == {16}
    assert {(settings["lr"], settings["initial"]) for settings in table["settings"]} == {(0.2, 0.4)}
    assert cells(stdout)["Grid"][-1] == "8"


def test_signal_seeds_meet_every_seed_and_repeat_nothing(run, out):
    assert run("--seeds", "1", "2")[0] == 0
    code, stdout, _ = run("--seeds", "1", "2", "--signal-seeds", "1", "2")
    assert code == 0
    assert "4 trials, 2 of them done before, 2 to run" in stdout
    table = load(out)
    assert sorted(zip(table["seed"], table["signal_seed"], strict=True)) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_settings_file_of_ones_own(run, out, root, tmp_path):
    data = json.loads((root / "hyperparameters.json").read_text())
    data["presets"]["tiny"] = data["presets"]["smoke"] | {"sizes": [300], "steps": 1}
    own = tmp_path / "own.json"
    own.write_text(json.dumps(data))
    assert run("--config", own, "--preset", "tiny")[0] == 0
    assert [(row.preset, row.size, row.steps) for row in load(out).itertuples()] == [("tiny", 300, 1)]


def test_without_a_preset_the_device_decides_and_it_is_said_first(out, capsys):
    given = ["--signal", "Sierpinski", "--device", "cpu", "--dry-run", "--out", str(out), "--models", "Grid"]
    assert run_command.main(given) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("Sierpinski, 2D, task fit, preset quick, on cpu: ")
    assert second.startswith("(the preset follows from the device; --preset smoke | quick | paper | tuned")


def test_volumes_leave_out_what_cannot_be(run, out):
    code, stdout, _ = run("--signal", "SparseSphereSignal", "--dim", "3", models=("GSplat", "Grid"), draw=True)
    assert code == 0
    table = load(out).set_index("model")
    assert table["status"].to_dict() == {"GSplat": "unsupported", "Grid": "ok"}
    assert "2D" in table["reason"]["GSplat"]
    assert cells(stdout)["GSplat"][0] == "n/a"
    assert table["iou"]["Grid"] >= 0
    assert "unsupported: GSplat" in stdout


def test_a_star_has_no_bands(run, out):
    code, *_ = run("--signal", "StarTarget", draw=True)
    assert code == 0
    (row,) = load(out).itertuples()
    assert row.bandlimit != row.bandlimit, "NaN"
    assert len(row.psnr_rings) == 9


def test_a_budget_too_small_is_unsupported_rather_than_wrong(run, out):
    code, stdout, _ = run("--sizes", "1", "2500", draw=True)
    assert code == 0
    table = load(out).set_index("size")
    assert table["status"].to_dict() == {1: "unsupported", 2500: "ok"}
    assert cells(stdout)["Grid"][:2] == ["n/a", f"{table['psnr'][2500]:.2f}"]


def test_a_trial_that_diverges_is_told_by_the_exit_code(run, out):
    code, stdout, _ = run("--set", "Grid.lr=1e30", models=("Grid", "Grid_TV"), draw=True)
    assert code == 1
    assert load(out).set_index("model")["status"].to_dict() == {"Grid": "diverged", "Grid_TV": "ok"}
    assert re.search(r"^Grid +diverged 1/1 ", stdout, re.M), "the table is printed all the same"
    assert float(cells(stdout)["Grid_TV"][0]) > 0
    assert run("--set", "Grid.lr=1e30", models=("Grid", "Grid_TV"))[0] == 1, "stored, not run again, still told"


@pytest.mark.parametrize("signal", [("Sierpinski",), ("SheppLogan", "--task", "fit", "inpaint")])
def test_a_named_model_of_other_tasks_is_left_out_aloud(run, signal):
    code, stdout, _ = run("--dry-run", "--signal", *signal, models=("FBP", "Grid"))
    assert code == 0
    assert "\nleft out: FBP is for --task ct\n" in stdout
    assert "\nleft out" not in run("--dry-run", "--signal", *signal, models=("all",))[1], "a group names nobody"
    assert "\nleft out" not in run("--dry-run", "--signal", "SheppLogan", "--task", "fit", "ct", models=("FBP",))[1]


# Mistakes


@pytest.mark.parametrize("words", [["--signl", "Sierpinski"], ["--signl=Sierpinski"], ["a.png", "--signl", "b.png"]])
def test_an_option_of_nearly_a_name_is_answered_with_it(capsys, words):
    assert run_command.main(words) == 2
    says = f"unrecognized arguments: {' '.join(words)} (did you mean '--signal'?); --help names every option"
    assert capsys.readouterr().err == f"error: {says}\n"


def test_a_path_without_its_option_is_given_one(capsys):
    for words, hint in (
        (["my photo.png"], " (did you mean --signal 'my photo.png'?)"),
        (["a.png", "b.png", "--sizes", "1k"], " (did you mean --signal a.png b.png?)"),
        (["--zzz", "a.png"], ""),
        (["a.png", "--signal", "Sierpinski"], ""),
    ):
        assert run_command.main(words) == 2
        others = " ".join(word for word in words if word.endswith(".png") or word == "--zzz")
        assert capsys.readouterr().err == f"error: unrecognized arguments: {others}{hint}; --help names every option\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--signal", "Sierpinsky"], "unknown signal 'Sierpinsky' (did you mean 'Sierpinski'?); known: Bandlimited"),
        (["--models", "Siren,Grid"], "unknown model 'Siren,Grid' (names are separated by spaces); known: BACON"),
        (["--models", "Sirn"], "unknown model 'Sirn' (did you mean 'Siren'?); known: BACON, BlockDCT"),
        (["--models", "Grid", "nowhere.py"], "nowhere.py' to load a model from"),
        (["--task", "fitt"], "unknown task 'fitt' (did you mean 'fit'?); known: ct, denoise[_<sigma>], fit, "),
        (["--preset", "smok"], "unknown preset 'smok' (did you mean 'smoke'?)"),
        (["--precision", "fp64"], "argument --precision: invalid choice: 'fp64' (did you mean 'fp32'?) (choose"),
        (["--precision", "tf32"], "precision tf32 exists on CUDA devices only; use --precision fp32"),
        (["--device", "gpu"], "unknown device 'gpu'; choose cpu, cuda, cuda:<number>, or all (GPUs)"),
        (["--device", "cuda:99999999999999999999"], "unknown device"),
        (["--signal", "BandlimitedSignal"], "BandlimitedSignal exists in several dimensions; give --dim 2 or --dim 3"),
        (["--dim", "3"], "Sierpinski does not exist with dim 3; it has dim 2"),
        (["--dim", "4"], "Sierpinski does not exist with dim 4; it has dim 2"),
        (["--dim", "two"], "argument --dim: invalid int value: 'two'"),
        (
            ["--signal", "BandlimitedSignal", "--dim", "4", "--length", "8"],
            "does not exist with dim 4; it has dim 2 or 3",
        ),
        (["--sizes", "many"], "argument --sizes: 'many' is not a whole number like 10000 or 1e4"),
        (["--sizes", "10K"], "argument --sizes: '10K' is not a whole number like 10000 or 1e4"),
        (["--sizes", "nan"], "argument --sizes: 'nan' is not a whole number"),
        (["--sizes", "1e4", "inf"], "argument --sizes: 'inf' is not a whole number"),
        (["--sizes", "1.5"], "argument --sizes: '1.5' is not a whole number"),
        (["--sizes", "-3"], "argument --sizes: '-3' is less than 0; give a whole number like 10000 or 1e4"),
        (["--sizes", "1e4,1e5"], "is not a whole number like 10000 or 1e4; several stand apart, like 1e4 1e5"),
        (["--sizes"], "argument --sizes: expected at least one argument"),
        (["--signal", "-a.png"], "at least one argument; one that begins with - is given as --signal=-…; --help names"),
        (["--out", "-a"], "expected one argument; one that begins with - is given as --out=-…; --help names"),
        (["--sizes", "0"], "--sizes: must be from 1 to 1e15 parameters each, got (0,)"),
        (["--sizes", "1e300"], "--sizes: must be from 1 to 1e15 parameters each"),
        (["--steps", "0"], "--steps: must be at least 1, got 0"),
        (["--seeds", "-1"], "argument --seeds: "),
        (["--seeds", "1e12"], "--seeds: must be from 0 to 2**32 - 1 each"),
        (["--signal-seeds", "1e12"], "--signal-seeds: must be from 0 to 2**32 - 1 each"),
        (["--length", "0"], "length 0 is too short for a signal; give at least 2"),
        (["--length", "1"], "length 1 is too short for a signal; give at least 2"),
        (
            ["--length", "1e8"],
            "Sierpinski of length 100000000 has 1e+16 points, and at most 1,073,741,824",
        ),
        (["--set", 'presets.smoke.length={"3": 8}'], "preset 'smoke' has no length for dim 2; give --length"),
        (["--length", "long"], "argument --length: 'long' is not a whole number"),
        (["--bandlimits", "0"], "Sierpinski needs a bandlimit from 0.1 to 0.9, got 0"),
        (["--bandlimits", "0.5", "1"], "Sierpinski needs a bandlimit from 0.1 to 0.9, got 1"),
        (["--bandlimits", "nan"], "Sierpinski needs a bandlimit from 0.1 to 0.9, got nan"),
        (["--bandlimits", "half"], "argument --bandlimits: invalid float value: 'half'"),
        (["--signal", "StarTarget", "--bandlimits", "0.5"], "StarTarget has no bandlimit"),
        (
            ["--set", "Siren.lrr=1", "--set", "Grid.lr=1"],
            "hyperparameters.json (with --set Siren.lrr=1 --set Grid.lr=1): models.Siren: unknown key 'lrr' (did you",
        ),
        (["--set", "Siren.lr"], "--set takes PATH=VALUE like Siren.lr=3e-5, got 'Siren.lr'"),
        (["--set", "Grid.lr=-1"], "models.Grid.lr: must be more than 0, got -1"),
        (["--set", "presets.smoke.sizes=[]"], "presets.smoke.sizes: must be at least one, got none"),
        (["--config", "nowhere.json"], "cannot read the settings file 'nowhere.json': No such file or directory"),
        (["--config", "."], "cannot read the settings file '.': Is a directory"),
        (["--out", ""], "argument --out: it is empty; name a folder or a file"),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_a_mistake_is_one_line(complaint, arguments, message):
    assert message in complaint(*arguments)


@pytest.mark.parametrize("name", ["Siren.omega", "GaussianImage.spacing"])
def test_a_setting_of_0_that_a_model_divides_by_is_one_line(run, name):
    model, setting = name.split(".")
    code, _, err = run("--models", model, "--set", f"{name}=0")
    assert (code, err) == (2, f"error: {model} cannot be made with {setting} 0; give another value\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_device_that_is_not_there(complaint, device):
    assert f"device '{device}' was asked for, but PyTorch sees no CUDA GPU here; use --device cpu" in complaint(
        "--device", device
    )


def test_no_signal(capsys):
    assert run_command.main([]) == 2
    says = "error: give --signal, for example --signal Sierpinski; --list names them all\n"
    assert capsys.readouterr().err == says


def test_a_bad_settings_file_is_named(complaint, tmp_path):
    own = tmp_path / "own.json"
    own.write_text('{"protocol": 1, "protocol": 2}')
    assert f"'{own}' is not valid JSON: the key 'protocol' stands twice in one object" in complaint("--config", own)


def test_a_bad_model_file_is_named(complaint, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("import no_such_module")
    assert f"'{own}' could not be loaded: ModuleNotFoundError" in complaint(models=(own,))
    own.write_text("x = 1")
    assert f"'{own}' registers no model; decorate its class with @register" in complaint(models=(own,))


def test_results_under_a_file_cannot_be(run, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        code, _, err = run(out=place)
        assert code == 2
        assert len(err.splitlines()) == 1
        assert f"error: cannot write results to '{place}/2d_Sierpinski': " in err
    assert file.read_text() == "mine"


@pytest.mark.parametrize("arguments", [["--models", "Sirn"], ["--sizes", "inf"]])
def test_a_mistake_in_a_process_of_its_own_is_one_line_too(command, out, arguments):
    result = command(sys.executable, "run.py", *SMOKE, "--out", out, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert not out.exists()


def test_a_reader_that_stops_reading_gets_no_traceback(environment, root):
    line = f"'{sys.executable}' run.py {' '.join(SMOKE)} --dry-run --sizes $(seq -s ' ' 1000 1199) | head -1"
    done = subprocess.run(["bash", "-c", line], cwd=root, env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.startswith("Sierpinski, 2D")
    assert done.stderr == ""


# Interruption


def test_a_killed_run_loses_the_trial_in_flight_alone(sweep):
    process = sweep.begin(hold=2)
    sweep.wait_until_held(starts=3)
    process.kill()
    assert process.wait(HANG) == -signal.SIGKILL
    before = sweep.rows()
    assert len(before) == 2
    for name in before:
        assert parse_row(sweep.out / "2d_StarTarget" / "rows" / name)["status"] == "ok"
        assert Store(sweep.out, "2d_StarTarget").array_path(name.removesuffix(".json")).exists()

    stdout, _ = sweep.run()
    assert "8 trials, 2 of them done before, 6 to run" in stdout
    after = sweep.rows()
    assert len(after) == 8
    assert {name: after[name] for name in before} == before, "finished rows are left untouched"
    assert set(load(sweep.out)["status"]) == {"ok"}


def test_an_interrupted_run_says_how_to_resume(sweep):
    as_at_a_terminal = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = sweep.begin(hold=2, before=as_at_a_terminal)  # what runs in the background starts without
    sweep.wait_until_held(starts=3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)  # impatience changes nothing
    _, stderr = sweep.end(process, code=130)
    last = stderr.splitlines()[-1]
    assert last == "interrupted: finished trials are stored; run the same command again to resume"
    assert "Traceback" not in stderr
    assert not [path for path in sweep.out.rglob(".*") if path.is_file()], "no half file is left"
    assert len(load(sweep.out)) == 2


# A newcomer's single file


def test_the_example_is_short():
    """Without its explanations: comments and docstrings."""
    tree = ast.parse(EXAMPLE_MODEL)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    assert len(ast.unparse(tree).splitlines()) < 40


def test_one_file_adds_a_model_and_one_a_signal(command, undrawn, root, tmp_path):
    """The suite's own modules are those of the copy, as the working directory comes first."""
    copy = tmp_path / "clone"
    copy.mkdir()
    for name in ("common", "models", "target_signals", "harness"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "hyperparameters.json", copy)
    (copy / "models" / "example.py").write_text(EXAMPLE_MODEL)
    (copy / "target_signals" / "checkerboard.py").write_text(EXAMPLE_SIGNAL)
    arguments = (
        "--signal",
        "Checkerboard",
        "--dim",
        "2",
        *SMOKE[2:],
        "--steps",
        "2",
        "--length",
        "12",
        "--out",
        "results",
    )
    result = command(*undrawn, *arguments, cwd=copy)
    assert result.returncode == 0, result.stderr
    assert list(cells(result.stdout)) == [*NAMES, "Example"], "a newcomer stands in the table"
    table = load(copy / "results").set_index("model")
    assert len(table) == 13
    assert table["status"]["Example"] == "ok"
    assert table["parameters"]["Example"] == 2500
    assert table["settings"]["Example"] == {"lr": 0.01, "sigma": 10.0}


def test_a_models_file_may_lie_outside(run, out, tmp_path):
    own = tmp_path / "own_model.py"
    own.write_text(EXAMPLE_MODEL.replace('"Example"', '"Outside"'))
    code, stdout, _ = run("--set", "Outside.lr=0.5", models=(own, "Grid"), draw=True)
    assert code == 0
    assert set(cells(stdout)) == {"Grid", "Outside"}
    table = load(out).set_index("model")
    assert table["status"].to_dict() == {"Outside": "ok", "Grid": "ok"}
    assert table["settings"]["Outside"]["lr"] == 0.5


def test_the_readme_shows_commands_that_parse():
    shown = re.findall(r"^(?:python run\.py|bash run_\w+\.sh) +([^#\n]*)", README, re.M)
    assert len(shown) >= 6
    for line in shown:
        parse(line.split())
    for script in re.findall(r"`(run_\w+\.sh)`", README):
        assert (Path(__file__).resolve().parents[3] / script).exists()
