"""run.py from end to end: a launcher, running it again, and the options."""

import gc
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from harness.commands import run as run_command
from harness.commands import run_launch
from harness.commands.new import written
from harness.execution.options import parse
from harness.figures import draw_figures
from harness.plan.config import DEFAULT_CONFIG
from harness.report import write_page
from harness.store import store as store_module
from harness.store.schema import BUSY, PROTOCOL
from harness.store.store import Store
from harness.store.table import load
from harness.train import machine
from models import get_model
from tests.harness.commands.running import NAMES, SMOKE, cells, rows
from tests.harness.tables import MODELS

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
    assert labels == {name: "learned" if name in MODELS else "classical" for name in NAMES}


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
    monkeypatch.setattr(run_launch, "summary", lambda *_: aside.append(gc.get_freeze_count()) or "")
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
    (tmp_path / "own.py").write_text(written("model", "Example"), encoding="utf-8")
    (tmp_path / "random.py").write_text("raise SystemExit('a module of the caller was imported')")
    words = "--models own.py --config own.json --preset smoke --device cpu --out results --no-figures"
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
    monkeypatch.setattr(run_launch, "BUSY", BUSY)
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
    assert re.search(r"^tasks: .*denoise\[_<sigma>\] fit ", text, re.M)
    assert re.search(r"^presets: +smoke quick paper .*quick_muon", text, re.M)


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


def test_what_one_back_end_cannot_is_no_result_of_others(run, out, monkeypatch):
    """Rows do not have the back end in their names."""
    monkeypatch.setattr(get_model("Grid"), "refuses", lambda *_: "it is for others")
    _, stdout, _ = run("--backend", "torch")
    assert "unsupported: it is for others" in stdout
    _, stdout, _ = run("--backend", "torch")
    assert "1 of them done before, 0 to run" in stdout
    monkeypatch.undo()
    _, stdout, _ = run()
    assert "0 of them done before, 1 to run" in stdout
    assert set(load(out)["status"]) == {"ok"}


def test_a_fit_that_a_scoring_does_not_take_is_done(run):
    """Its row there is unsupported, and names the back end of the fit."""
    coffee = ("--signal", "SampleImages", "--items", "coffee")
    _, stdout, _ = run(*coffee, models=["BlockDCT"])
    assert "super-resolution unsupported" in stdout
    _, stdout, _ = run(*coffee, models=["BlockDCT"])
    assert "1 of them done before, 0 to run" in stdout


def test_results_of_another_back_end_than_the_one_asked_for_are_said(run, out):
    run()
    (path,) = out.glob("*/rows/*.json")
    path.write_text(path.read_text().replace('"backend": "torch"', '"backend": "triton"'))
    _, stdout, _ = run("--backend", "torch")
    assert "1 of those done before have not got results of --backend torch; --force runs them again" in stdout
    _, stdout, _ = run("--backend", "torch", "--force")
    assert "have not got" not in stdout + run("--backend", "torch")[1]


def test_signal_seeds_meet_every_seed_and_repeat_nothing(run, out):
    spheres = ("--signal", "SparseSphereSignal", "--dim", "2", "--bandlimits", "0.5")
    assert run(*spheres, "--seeds", "1", "2")[0] == 0
    code, stdout, _ = run(*spheres, "--seeds", "1", "2", "--signal-seeds", "1", "2")
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


def test_finished_rows_of_another_preset_or_protocol_are_said(run, out):
    words = ("--steps", 3, "--length", 24, "--sizes", 100, "--bandlimits", 0.5)
    for preset in ("quick", "quick", "smoke"):
        _, stdout, _ = run(*words, "--preset", preset)
    told = "1 of those done before ran with preset quick, of the same extent, and are shown under it; --force runs them"
    assert re.findall("1 of those done before .*", stdout) == [f"{told} again"]
    (path,) = out.glob("*/rows/*.json")
    row = json.loads(path.read_text())
    for protocol, told in ((PROTOCOL, None), (1, "1"), (None, "unknown")):
        path.write_text(json.dumps(row | {"protocol": protocol}))
        _, stdout, _ = run(*words, "--preset", "quick")
        assert re.findall("1 of those done before have scores of protocol (.*), and", stdout) == [told] * bool(told)


@pytest.mark.parametrize("signal", [("Sierpinski",), ("SheppLogan", "--task", "fit", "inpaint")])
def test_a_named_model_of_other_tasks_is_left_out_aloud(run, signal):
    code, stdout, _ = run("--dry-run", "--signal", *signal, models=("FBP", "Grid"))
    assert code == 0
    assert "\nleft out: FBP is for --task ct\n" in stdout
    assert "\nleft out" not in run("--dry-run", "--signal", *signal, models=("all",))[1], "a group names nobody"
    assert "\nleft out" not in run("--dry-run", "--signal", "SheppLogan", "--task", "fit", "ct", models=("FBP",))[1]
