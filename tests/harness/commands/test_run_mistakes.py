"""A mistake in run.py's words or files is one line, and nothing is written."""

import sys

import pytest
import torch

from harness.commands import run as run_command
from tests.harness.commands.running import SMOKE
from tests.harness.refused import refused


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
        (["--signal", "Sierpinsky"], "unknown signal 'Sierpinsky' (did you mean 'Sierpinski'?); known: "),
        (["--models", "Siren,Grid"], "unknown model 'Siren,Grid' (names are separated by spaces); known: "),
        (["--models", "Sirn"], "unknown model 'Sirn' (did you mean 'Siren'?); known: "),
        (["--models", "Grid", "nowhere.py"], "nowhere.py' to load a model from"),
        (["--task", "fitt"], "unknown task 'fitt' (did you mean 'fit'?); known: "),
        (["--preset", "smok"], "unknown preset 'smok' (did you mean 'smoke'?)"),
        (["--precision", "fp64"], "argument --precision: invalid choice: 'fp64' (did you mean 'fp32'?) (choose"),
        (["--precision", "tf32"], "precision tf32 exists on CUDA devices only; use --precision fp32"),
        (["--device", "gpu"], "unknown device 'gpu'; choose cpu, cuda, cuda:<number>, or all (GPUs)"),
        (["--device", "cuda:99999999999999999999"], "unknown device"),
        (["--signal", "BandlimitedSignal"], "BandlimitedSignal exists in several dimensions; give --dim 2 or --dim 3"),
        (["--signal", "UserFile", "--dim", "2"], "--signal UserFile names no file; give the path of an image or a"),
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
        (["--signal-seeds", "1", "2"], "--signal-seeds: in task fit nothing of Sierpinski is drawn at random"),
        (
            ["--signal", "SheppLogan", "--task", "ct", "denoise_0.1", "--signal-seeds", "1"],
            "--signal-seeds: in task ct nothing of SheppLogan is drawn at random",
        ),
        (["--length", "0"], "length 0 is too short for a signal; give at least 2"),
        (["--length", "1"], "length 1 is too short for a signal; give at least 2"),
        (["--length", "1e8"], "Sierpinski of length 100000000 has 1e+16 points, and at most 1,073,741,824"),
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


def test_without_a_signal_the_line_shows_one(capsys):
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
    assert f"'{own}' could not be loaded: line 1: ModuleNotFoundError" in complaint(models=(own,))
    own.write_text("x = 1")
    assert f"'{own}' registers no model; decorate its class with @register" in complaint(models=(own,))


def test_results_under_a_file_cannot_be(run, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        assert f"error: cannot write results to '{place}/2d_Sierpinski': " in refused(*run(out=place))
    assert file.read_text() == "mine"


@pytest.mark.parametrize("arguments", [["--models", "Sirn"], ["--sizes", "inf"]])
def test_a_mistake_in_a_process_of_its_own_is_one_line_too(command, out, arguments):
    result = command(sys.executable, "run.py", *SMOKE, "--out", out, *arguments)
    refused(result.returncode, result.stdout, result.stderr)
    assert result.stdout == ""
    assert not out.exists()
