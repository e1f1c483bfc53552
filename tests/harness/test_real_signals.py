"""Real signals from end to end: stand-ins, their tasks, and files of the user's own."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.files import ROOT
from harness.__main__ import main
from harness.analysis.comparison import comparisons
from harness.analysis.experiments import experiments as experiments_of
from harness.commands import run_launch
from harness.execution.launch import make_launch
from harness.execution.options import parse
from harness.figures.files import figures_folder
from harness.plan.config import load_config
from harness.report.payload import build
from harness.store.residual import load_residual
from harness.store.scan import gather
from harness.store.store import Store
from harness.store.table import load, load_rows
from harness.train import checkpoint
from target_signals import get_signal
from target_signals.resample import bicubic
from tests.documents import words_of
from tests.harness.refused import refused


@pytest.fixture(autouse=True)
def no_recorded_data(tmp_path, monkeypatch):
    """Whatever data this machine has, these tests run on stand-ins."""
    monkeypatch.delenv("INRBENCH_DATA", raising=False)
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path / "empty_cache"))


@pytest.fixture
def run(out, run_py):
    """`run_py` at the smoke preset."""

    def call(*arguments, models=("Grid",), draw=False):
        common = ("--preset", "smoke", "--device", "cpu", "--out", out, "--models", *models)
        return run_py(*arguments, *common, draw=draw)

    return call


@pytest.fixture
def script(monkeypatch, capsys, drawing):
    """A script of the project with these words, in this process: exit code, stdout, stderr."""

    def call(path, *words):
        monkeypatch.setattr(run_launch, "draw", drawing)
        monkeypatch.setattr(sys, "argv", [path, *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(ROOT / path, run_name="__main__")
        return ended.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def photo(tmp_path):
    """A small picture with an edge, in the upper left a texture."""
    values = np.zeros((40, 56, 3), np.uint8)
    values[:, 28:] = (250, 120, 30)
    values[:12, :16] = np.random.default_rng(0).integers(0, 255, (12, 16, 3))
    path = tmp_path / "my photo.png"
    Image.fromarray(values).save(path)
    return path


# Stand-ins


def test_images_run_at_once_on_stand_ins_that_say_so(run, out):
    code, stdout, _ = run(*words_of("run_DIV2K.sh"), models=("Grid", "BlockDCT"), draw=True)
    assert code == 0
    assert "SampleImages stands in for DIV2K: 'div2k/lr_x4/0064x4.png' not found in" in stdout
    assert "python -m target_signals.fetch DIV2K" in stdout
    table = load(out)
    assert set(table["signal"]) == {"SampleImages"}
    assert set(table["stands_for"]) == {"DIV2K"}
    assert set(table["item"]) == {"astronaut"}
    assert table["source"].str.contains("astronaut").all()
    by_task = table[table["model"] == "Grid"].set_index("task")
    assert set(by_task.index) == {"fit", "super_resolution", "denoise_0.05", "denoise_0.1"}
    assert (by_task["status"] == "ok").all()
    assert list(by_task.loc["super_resolution", "shape"]) == [4 * n for n in by_task.loc["fit", "shape"][:2]] + [3]
    assert sorted(p.name for p in out.iterdir()) == [
        "2d_SampleImages",
        "2d_SampleImages_denoise_0.05",
        "2d_SampleImages_denoise_0.1",
        "2d_SampleImages_super_resolution",
        "index.html",
    ]
    codec = table[table["model"] == "BlockDCT"].set_index("task")["status"]
    assert codec.to_dict() == {
        "fit": "ok",
        "super_resolution": "unsupported",
        "denoise_0.05": "ok",
        "denoise_0.1": "ok",
    }


def test_both_alignments_stand_in_a_super_resolved_row(run, out):
    """The grid is a smooth function here, so the row's scores can be had by evaluating it by hand."""
    code, *_ = run("--signal", "SampleImages", "--save-model")
    assert code == 0
    row = load(out).set_index("task").loc["super_resolution"]
    signal = get_signal("SampleImages", length=24, item="astronaut")
    (file,) = out.glob("2d_SampleImages/models/*.safetensors")
    model = checkpoint.load(file)
    height, width = signal.finer.shape[:2]
    for column, shift in (("psnr", 1.5), ("psnr_paper", 0.0)):
        y, x = (np.maximum(-1 + 2 * (np.arange(n) - shift) / n, -1) for n in (height, width))
        points = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
        answer = model(model.values.new_tensor(points)).detach().numpy().reshape(height, width, 3).clip(0, 1)
        assert row[column] == pytest.approx(-10 * np.log10(np.mean((answer - signal.finer) ** 2)), abs=1e-3)
    assert row["psnr"] != pytest.approx(row["psnr_paper"], abs=1e-3)


def test_one_missing_row_of_a_fit_runs_it_again(run, out):
    run("--signal", "SampleImages")
    (lost,) = out.glob("2d_SampleImages_super_resolution/rows/*.json")
    lost.unlink()
    _, stdout, _ = run("--signal", "SampleImages")
    assert "1 trial, 0 of them done before, 1 to run" in stdout
    assert lost.exists()
    assert "0 to run" in run("--signal", "SampleImages")[1]


def test_a_volume_is_scored_by_its_overlap_on_both_lattices(run, out):
    code, stdout, _ = run(*words_of("run_dragon.sh"), models=("Grid", "GSplat"), draw=True)
    assert code == 0
    assert "Solids stands in for Dragon" in stdout
    table = load(out).set_index(["model", "task"])
    assert table.loc[("Grid", "fit"), "iou"] >= 0
    assert table.loc[("Grid", "super_resolution"), "iou_paper"] >= 0
    assert table.loc["GSplat", "status"].tolist() == ["unsupported", "unsupported"]


def test_the_ct_launcher_runs_on_the_phantom(script, out):
    words = ("--preset", "smoke", "--device", "cpu", "--models", "Grid_TV", "BACON", "GSplat", "--out", out)
    code, stdout, stderr = script("run_ct.py", *words)
    assert code == 0, stderr
    assert "SheppLogan stands in for ChestCT" in stdout
    table = load(out).set_index("model")
    assert set(table["task"]) == {"ct"}
    assert set(table["status"]) == {"ok"}
    assert table["settings"]["Grid_TV"]["tv_weight"] == 5, "the weights tuned for CT"
    assert (out / "2d_SheppLogan_ct" / "figures").is_dir()


def test_items_that_are_asked_for_are_not_replaced(run):
    assert "error: 'div2k/lr_x4/0079x4.png' not found" in refused(*run("--signal", "DIV2K", "--items", "0079"))


@pytest.mark.parametrize(
    ("name", "signal", "metrics"),
    [("eval_DIV2K.py", "DIV2K", ("psnr", "ssim")), ("evaluate_voxel.py", "Dragon", ("psnr", "iou"))],
)
def test_the_scripts_draw_what_is_there(script, run, out, name, signal, metrics):
    run("--signal", signal)
    code, stdout, stderr = script(f"target_signals/{name}", "--out", out)
    assert code == 0, stderr
    for metric in metrics:
        assert re.search(rf"^wrote .*/{metric}_over_budgets\.png$", stdout, re.M)
    refused(*script(f"target_signals/{name}", "--out", out, "--signal", "Sierpinski"))


# The user's own


def test_a_photograph_ends_with_a_verdict(run, out, photo):
    code, stdout, _ = run("--signal", photo, "--sizes", "300", "1000", "--steps", "40", models=("Grid", "Siren"))
    assert code == 0
    assert f"{photo}: 40×56×3, 8-bit RGB, divided by 255" in stdout
    table = load(out)
    assert set(table["signal"]) == {"UserFile"}
    assert table["item"].str.fullmatch(r"my photo\.png-[0-9a-f]{8}").all()
    best = table[table["size"] == 1000].sort_values("psnr").iloc[-1]
    told = stdout.partition("verdict, task fit, at 1,000 parameters (one draw, so there are no intervals):\n")[2]
    assert told.startswith(f"  best trained model: {best['model']}, {best['psnr']:.1f} dB, ")
    assert f"stored: {4 * best['parameters']:,} bytes as " in told
    assert "largest error:" in told
    again = run("--signal", photo, "--sizes", "300", "1000", "--steps", "40", models=("Grid", "Siren"))
    assert "0 to run" in again[1]
    assert "--force" not in again[1]


def test_a_file_has_one_name_wherever_people_read_it(run, out, photo, capsys):
    """Names of files and folders alone have the digest of its content, and the signal's name in rows."""
    _, told, _ = run("--signal", photo, models=("Grid", "Siren"))
    assert told.startswith("my photo.png, 2D, task fit,")
    assert re.search(r"^\[1/\d\] Grid [\d,]+ my photo\.png seed", told, re.MULTILINE)
    for verb in ("status", "table --by model,item"):
        assert main([*verb.split(), "--out", str(out)]) == 0
        told += capsys.readouterr().out
    assert "| my photo.png |" in told
    assert not re.search(r"UserFile(?!/)|\.png-[0-9a-f]{8}", told)


def test_rows_without_what_is_asked_for_now_are_said(run, photo):
    _, stdout, _ = run("--signal", photo, models=("Grid", "BlockDCT"))
    assert "have not got" not in stdout
    _, stdout, _ = run("--signal", photo, "--bits", "6", "--save-model", models=("Grid", "BlockDCT"))
    files, model = (
        f"2 of those done before have not got {what}" for what in ("files of these --bits", "a saved model")
    )
    assert f"{files}; --force runs them again\n{model}; --force runs them again\n" in stdout
    _, stdout, _ = run("--signal", photo, "--bits", "6", "--save-model", "--force", models=("Grid", "BlockDCT"))
    assert "have not got" not in stdout
    _, stdout, _ = run("--signal", photo, "--bits", "6", "--save-model", models=("Grid", "BlockDCT"))
    assert "have not got" not in stdout
    _, stdout, _ = run("--signal", photo, "--bits", "6", "8", models=("Grid", "BlockDCT"))
    assert files in stdout
    assert model not in stdout
    _, stdout, _ = run("--signal", photo, "--bits", "6", "--quantised-share", "0.5", models=("Grid", "BlockDCT"))
    made_better = "1 of those done before have not got files that this --quantised-share made better"
    assert f"{made_better}; --force runs them again\n" in stdout, "and BlockDCT is not trained"


def test_the_next_command_is_one_that_works(run, run_py, photo):
    """Followed again and again it comes to an end: seeds, budgets, files. A model that was left out is not named."""
    _, stdout, _ = run("--signal", photo, "--sizes", "300", models=("Grid", "Siren", "FBP"))
    asked = []
    while (told := stdout.partition("\nnext, as ")[2]) and len(asked) < 6:
        _, script, *words = shlex.split(told.splitlines()[1])
        assert (Path.cwd() / script).samefile(ROOT / "run.py")
        assert "FBP" not in words
        code, stdout, _ = run_py(*words)
        assert code == 0
        asked += [option for option in ("--seeds", "--sizes", "--bits") if option in words and option not in asked]
    assert asked[0] == "--seeds" or asked[:2] == ["--sizes", "--seeds"]
    assert set(asked) == {"--seeds", "--sizes", "--bits"}
    assert "next, as " not in stdout


@pytest.mark.parametrize(
    ("preset", "tuned"), [("paper", "tuned"), ("tuned", None), ("quick", "quick_tuned"), (None, None)]
)
def test_tuned_settings_are_named_where_the_papers_were_used(photo, preset, tuned):
    words = ["--signal", str(photo), "--device", "cpu", "--models", "Grid", "Siren"]
    options = parse([*words, *(["--preset", preset] if preset else [])])
    assert run_launch.available_next(make_launch(options), options).tuned == tuned


def test_tuned_settings_are_not_advised_for_a_task_that_no_search_fits(photo):
    """Found without noise, they take Grid_TV's total variation away."""
    words = ["--signal", str(photo), "--device", "cpu", "--models", "Grid_TV", "--preset", "quick"]
    for tasks, tuned in ((["super_resolution"], "quick_tuned"), (["fit", "denoise_0.1"], None)):
        options = parse([*words, "--task", *tasks])
        assert run_launch.available_next(make_launch(options), options).tuned == tuned


@pytest.mark.parametrize(
    ("more", "preset", "note"),
    [
        ([], "quick_tuned", "settings found by python -m harness tune --preset quick (docs/tuning.md)"),
        (
            ["--task", "fit", "denoise_0.1"],
            "quick_tuned",
            "settings found by python -m harness tune --preset quick (docs/tuning.md), which does not search denoise_",
        ),
        (
            ["--sizes", "3e3", "1e6"],
            "quick",
            "settings that were not tuned, as some of these models have no tuned ones",
        ),
        (["--preset", "quick"], "quick", None),
    ],
)
def test_a_file_is_fitted_with_tuned_settings_where_there_are_some_and_the_run_says_so(photo, more, preset, note):
    launch = make_launch(parse(["--signal", str(photo), "--device", "cpu", "--models", "Grid", "Siren", *more]))
    assert launch.preset.name == preset
    said = [line for line in launch.notes if line.startswith("settings ")]
    assert len(said) == (note is not None)
    assert all(line.startswith(note) for line in said)


def test_another_photograph_of_that_name_is_another_item(run, out, photo):
    run("--signal", photo)
    Image.fromarray(255 - np.asarray(Image.open(photo))).save(photo)
    run("--signal", photo)
    assert load(out)["item"].nunique() == 2


def test_a_volume_of_thick_slices_says_the_shape_it_is_fitted_at(run, tmp_path):
    """12 slices 2.5 mm apart are longer than 24 samples of 0.5 mm, and are kept."""
    nibabel = pytest.importorskip("nibabel")
    values = np.random.default_rng(0).integers(-1000, 1000, (24, 24, 12)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([0.5, 0.5, 2.5, 1])), tmp_path / "chest.nii.gz")
    _, stdout, _ = run("--signal", tmp_path / "chest.nii.gz", "--length", "12", "--no-figures")
    assert (
        "shrunk to 5×5×12, 12 samples along the axis that is longest in space; --length 24 keeps all samples" in stdout
    )


def test_a_folder_of_photographs_is_one_experiment(run, out, photo, tmp_path):
    """Of two shapes; run again, nothing is repeated, a new one joins, and what was kept is what is fitted again."""
    folder = tmp_path / "my photos"
    folder.mkdir()
    Image.open(photo).save(folder / "a.png")
    Image.open(photo).transpose(Image.Transpose.ROTATE_90).save(folder / "b (1).png")
    words = ("--signal", folder, "--task", "fit", "denoise_0.1")
    code, stdout, _ = run(*words, models=("Grid", "BlockDCT"))
    assert code == 0
    assert "2 files, which are the items of one experiment:" in stdout
    assert "shrunk to 24 samples along the longest axis; --length 56 keeps all samples" in stdout
    longer = run(*words, "--dry-run", "--length", "57")[1]
    assert "no file has 57 samples along an axis, and none is enlarged: --length 57 keeps all samples" in longer
    assert "keeps all samples" not in run(*words, "--dry-run", "--length", "56")[1]
    assert "8 trials, 0 of them done before" in stdout
    fits = load(out).query("task == 'fit' and model == 'Grid'").sort_values("item")
    assert [list(shape) for shape in fits["shape"]] == [[17, 24, 3], [24, 17, 3]]
    assert [item[:-9] for item in fits["item"]] == ["a.png", "b (1).png"]
    means = next(line for line in stdout.splitlines() if line.startswith("Grid "))
    assert f" {fits['psnr'].mean():.2f} " in means

    Image.open(photo).convert("CMYK").convert("RGB").rotate(180).save(folder / "c.png")
    code, stdout, _ = run(*words, models=("Grid", "BlockDCT"))
    assert "12 trials, 8 of them done before, 4 to run" in stdout
    assert main(["verify", "--out", str(out), "--most", "4", "--device", "cpu"]) == 0
    found, config = gather(out), load_config()
    experiments = build(found, experiments_of(found.rows, config.protocol.order, config), config)["experiments"]
    assert [sorted(one["items"]) for one in experiments] == [sorted(set(load(out)["item"]))] * 2

    code, stdout, _ = run("--signal", folder / "a.png", "--no-figures")
    assert "0 of them done before" in stdout, "a file alone is no part of a data set that it lies in"
    rows = gather(out).rows
    assert sorted(one.kind.title for one in experiments_of(rows)) == ["a.png", "my photos", "my photos"]
    assert {one.kind.title for one in comparisons(load_rows(out))} == {"a.png", "my photos"}
    folders = {figures_folder(out, one.kind) for one in comparisons(load_rows(out))}
    assert folders == {figures_folder(out, one.kind) for one in experiments_of(rows)}
    assert len(folders) == 3


@pytest.mark.parametrize(
    ("signals", "says"),
    [
        (("my photo.png", "Sierpinski"), "--signal takes one registered signal, or paths of images or volumes; got '"),
        (("Sierpinski", "StarTarget"), "--signal takes one registered signal, or paths of images or volumes; got 'S"),
        (("my photo.png", "nothing.png"), "no file '"),
    ],
)
def test_signals_that_do_not_go_together_are_one_line(run, photo, tmp_path, signals, says):
    words = [tmp_path / name if "." in name else name for name in signals]
    assert says in refused(*run("--signal", *words, "--dim", "2"))


def test_signal_seeds_draw_the_noise_of_a_file(run, out, photo):
    assert run("--signal", photo, "--task", "denoise_0.1", "--signal-seeds", "1", "2", "--seeds", "5")[0] == 0
    assert load(out)["psnr"].nunique() == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("photo.pgn", "no file or folder 'photo.pgn' (did you mean 'my photo.png'?); give the path of an image or"),
        ("nosuch.jpgg", "no file or folder 'nosuch.jpgg'; give the path of an image or a volume"),
        ("nosuch.png", "no file 'nosuch.png'; give the path of an image or a volume"),
        ("q.png", "no file 'q.png'; give the path of an image or a volume"),
        ("./scan", "no file or folder './scan' (did you mean 'scans'?); give the path of an image or a volume"),
        (
            "scan",
            "'scan' is no registered signal, and no file or folder here (did you mean 'scans'?); give the path of",
        ),
        ("zzzz", "'zzzz' is no registered signal, and no file or folder here; give the path of an image or a volume, "),
        ("a\0b", "is no registered signal, and no file or folder here; give the path of an image or a volume, or one"),
    ],
)
def test_a_name_that_is_nothing_is_told_as_a_path(run, photo, tmp_path, monkeypatch, name, says):
    """With what its folder has of a close name, whether or not its ending is one of pictures."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "z.png").touch()  # the same ending is not a close name
    monkeypatch.chdir(tmp_path)
    assert says in refused(*run("--signal", name))


def test_a_photograph_is_super_resolved_from_its_smaller_copy(run, out, photo):
    code, *_ = run("--signal", photo, "--task", "super_resolution", "--length", "56")
    assert code == 0
    (row,) = load(out).itertuples()
    assert row.task == "super_resolution"
    assert list(row.shape) == [40, 56, 3]
    assert row.psnr_paper > 0
    truth = np.asarray(Image.open(photo), np.float32) / 255
    small = bicubic(truth, (10, 14))
    assert row.psnr < 40
    assert small.shape == (10, 14, 3)


def test_a_fitted_photograph_is_kept_and_drawn_again(run, out, photo, tmp_path, capsys):
    run("--signal", photo, "--length", "56", "--sizes", "1000", "--save-model")
    (file,) = out.glob("2d_UserFile/models/*.safetensors")
    assert main(["compress", str(file), "--bits", "32", "--device", "cpu"]) == 0
    for model in (file.with_name(f"{file.stem}-32.coded"), file):
        capsys.readouterr()
        assert main(["render", str(model), "--out", str(tmp_path / "same.npy"), "--device", "cpu"]) == 0
        assert capsys.readouterr().out.endswith("in the scale of the fit: 8-bit RGB, divided by 255\n")
    store = Store(out, "2d_UserFile")
    residual = load_residual(store.array_path(file.stem))
    truth = np.asarray(Image.open(photo), np.float32) / 255
    np.testing.assert_allclose(np.load(tmp_path / "same.npy") - truth, residual, atol=2e-3)


def test_the_files_that_rates_tell_of_are_kept(run, out, photo, tmp_path, capsys):
    """Of updates that saw quantised values, too, as no command writes them from the saved model."""
    _, stdout, _ = run(
        *("--signal", photo, "--length", "56", "--sizes", "1000", "--steps", "40"),
        *("--bits", "3", "--quantised-share", "0.5", "--save-model", "--set", "Siren.lr=1e-3"),
        models=("Siren",),
    )
    store = Store(out, "2d_UserFile")
    (key,) = store.row_keys()
    row = store.read(key)
    (rate,), file, model = row["rates"], store.coded_path(key, 3), store.model_path(key)
    assert rate["quantised_passes"] == 20
    assert file.stat().st_size == rate["bytes"]
    for source, name in ((file, "decoded"), (model, "fitted")):
        assert main(["render", str(source), "--out", str(tmp_path / f"{name}.npy"), "--device", "cpu"]) == 0
    decoded, fitted = (np.load(tmp_path / f"{name}.npy") for name in ("decoded", "fitted"))
    truth = fitted - load_residual(store.array_path(key))
    assert -10 * np.log10(np.mean((decoded.clip(0, 1) - truth) ** 2)) == pytest.approx(rate["psnr"], abs=0.02)
    assert f"  the file: {file}, which python -m harness render draws\n" in stdout
    capsys.readouterr()
    assert main(["compress", str(model), "--bits", "3", "--device", "cpu"]) == 2
    assert "holds other values" in capsys.readouterr().err


def test_a_fitted_photograph_is_compressed_without_its_file(run, out, photo, capsys, monkeypatch):
    """Against the signal that the results folder keeps, from within the folder of the model as well."""
    run("--signal", photo, "--save-model")
    photo.unlink()
    (file,) = out.glob("2d_UserFile/models/*.safetensors")
    monkeypatch.chdir(file.parent)
    assert main(["compress", file.name, "--bits", "32", "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    assert "PSNR against my photo.png (8-bit RGB, divided by 255), task fit" in text
    (psnr,) = load(out)["psnr"]
    assert text.splitlines()[-3].split()[3] == f"{psnr:.2f}"


def test_a_volume_of_ones_own(run, out, tmp_path):
    values = np.random.default_rng(0).normal(size=(10, 6, 8))
    np.save(tmp_path / "scan.npy", values)
    code, stdout, _ = run("--signal", tmp_path / "scan.npy", "--steps", "2")
    assert code == 0
    assert "10×6×8, float64, scaled from [" in stdout
    assert list(load(out)["shape"][0]) == [10, 6, 8, 1]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("nothing.png", (), "no file '"),
        ("my photo.png", ("--dim", "3"), "holds a signal with dim 2, not 3; leave --dim out"),
        ("my photo.png", ("--items", "a"), "is no signal with items of its own; leave --items out"),
        (
            "my photo.png",
            ("--task", "denoise_0.1", "fit", "--signal-seeds", "1"),
            "my photo.png' is drawn at random; leave it out, --seeds are of initial values",
        ),
        ("my photo.png", ("--bandlimits", "0.3"), "has no bandlimit, as it is a file; leave --bandlimits out"),
        ("my photo.png", ("--task", "fitt"), "unknown task 'fitt' (did you mean 'fit'?)"),
        (
            "my photo.png",
            ("--task", "fit", "super_resolution", "--length", "7"),
            "my photo.png' at length 7: a lattice of 5×7 is too small to be downsampled by 4 to 2 samples an axis",
        ),
        ("bad.npy", (), "cannot be read as .npy"),
        ("words.txt", (), "is of no known format; known: .png"),
    ],
)
def test_mistakes_with_files_are_one_line(run, out, photo, tmp_path, name, arguments, message):
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00")
    (tmp_path / "words.txt").write_text("words")
    assert message in refused(*run("--signal", tmp_path / name, *arguments))
    assert not out.exists()
