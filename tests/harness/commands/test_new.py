"""What `python -m harness new` writes: that it runs, and when it refuses. The contract tests of models, signals and
tasks take the same files."""

import os
import re
import shlex
from pathlib import Path

import pytest

from common.errors import UsageError
from common.files import ROOT
from harness import load
from harness.__main__ import main
from harness.commands import new
from harness.commands import run as run_command
from harness.plan.search import space
from target_signals import get_signal
from target_signals.tasks.base import make_task
from target_signals.tasks.base import registry as tasks
from tests import own_files
from tests.harness.refused import refused

QUICKLY = ("--device", "cpu", "--steps", "2", "--length", "12")
OF_SLIP = ("--signal", "Sierpinski", "--preset", "smoke", "--models", "./Slip.py", "--out", "results", *QUICKLY)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to be in, and what is registered there is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    with own_files.forgotten():
        yield tmp_path


@pytest.fixture
def slip(here):
    """`slip(old, new)`: the text of a new model, Slip.py, with other words in place of some that stand there once."""

    def write(old, new_text):
        text = new.written("model", "Slip")
        assert text.count(old) == 1
        text = text.replace(old, new_text)
        (here / "Slip.py").write_text(text, encoding="utf-8")
        return text

    return write


@pytest.fixture
def refused_name(here, capsys):
    """The one line with which a name is refused; no file changes."""

    def call(*words):
        before = {path: path.read_bytes() for path in here.iterdir()}
        code, (out, err) = main(["new", *words]), capsys.readouterr()
        assert out == ""
        assert {path: path.read_bytes() for path in here.iterdir()} == before
        return refused(code, out, err)

    return call


@pytest.mark.parametrize(("kind", "name"), [("model", "Waves"), ("signal", "finer_rings"), ("task", "half_seen")])
def test_the_command_that_is_printed_runs_the_file(here, capsys, kind, name):
    assert main(["new", kind, name]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    program, script, *words = shlex.split(re.search(r"^try it: (.+)$", out, re.M)[1])
    assert (program, os.path.realpath(script)) == ("python", str(ROOT / "run.py"))
    assert f"./{name}.py" in words
    places = re.findall(r"^see its place .*: python \S+ (.+)$", out, re.M)
    expected = [f"--signal Sierpinski --preset quick --sizes 3e3 --models ./{name}.py"] if kind == "model" else []
    assert places == expected
    models = [] if "--models" in words else ["--models", "Grid"]
    assert run_command.main([*words, *models, *QUICKLY, "--out", "results"]) == 0, capsys.readouterr().err
    table = load("results")
    assert set(table["status"]) == {"ok"}
    assert name in set(table[kind])
    assert "xample" not in (here / f"{name}.py").read_text(encoding="utf-8")


ANSWER = "return self.output(torch.sin(x @ self.waves))"
INNER = "super().on_lattice(lattice)"
SUPER = "super().__init__(config, lattice, channels, size)"
BEGIN = f".__init__ must begin with {SUPER}, and did not make that call"
NOT_SOLVED = "was not solved and has no learning rate; let `solve` return True, give its Config an lr, or let"


@pytest.mark.parametrize(
    ("old", "new_text", "says"),
    [
        (
            ANSWER,
            "return x",
            ".forward gave a tensor [72, 2] of float32 for 72 points of 1 channels; it must give a tensor [N, C], here",
        ),
        (ANSWER, "pass", ".forward gave NoneType for 72 points of 1 channels; it must give a tensor [N, C], here"),
        (
            ANSWER,
            f"{ANSWER}.detach().numpy()",
            ".forward gave ndarray for 72 points of 1 channels; it must give a tensor",
        ),
        (
            ANSWER,
            f"{ANSWER} * 1j",
            ".forward gave a tensor [72, 1] of complex64 for 72 points of 1 channels; it must give a tensor [N, C], "
            "here [72, 1], of floats",
        ),
        ("def forward", "def values", " defines no forward; it must give values at points: x [N, d] → [N, C]"),
        (
            "    def forward",
            f"    def on_lattice(self, lattice):\n        return {INNER}[..., 0]\n\n    def forward",
            ".on_lattice gave a tensor [6, 12] of float32; it must give a tensor [*shape, C], here [6, 12, 1], of",
        ),
        (
            "    def forward",
            "    def penalty(self):\n        return self.waves\n\n    def forward",
            ".penalty gave a tensor [2, 2499]; it must give one number",
        ),
        ("        lr: ", "        rate: ", f" {NOT_SOLVED}"),
        (SUPER, "pass", f"{BEGIN} (AttributeError: 'Slip' object has no attribute 'dim')"),
        (SUPER, "self.waves = nn.Linear(size, size)", f"{BEGIN} (AttributeError: cannot assign module before Module"),
        (SUPER, "self.waves = size\n        return", f"{BEGIN}\n"),
        (SUPER, "super().__init__()", f"{BEGIN} (TypeError: Representation.__init__() missing 4 required positional"),
        (
            f"        {SUPER}\n",
            f"        {SUPER}\n        self.phases = nn.Parameter(torch.empty(size, dtype=torch.complex64))\n",
            ".phases is complex, and values are real; keep its two parts as an axis more",
        ),
        (SUPER, "nn.Module.__init__(self)", f"{BEGIN} (AttributeError: 'Slip' object has no attribute 'dim')"),
    ],
)
def test_a_slip_in_a_new_model_is_one_line(slip, capsys, old, new_text, says):
    slip(old, new_text)
    assert f"error: Slip{says}" in refused(run_command.main(OF_SLIP), *capsys.readouterr())


def test_an_error_in_a_new_model_is_told_from_its_file_on(here, slip, capsys):
    inner = ANSWER.replace("waves", "waves.T")
    text = slip(ANSWER, f"return self.inner(x)\n\n    def inner(self, x):\n        {inner}")
    line = next(number for number, words in enumerate(text.splitlines(), 1) if "self.waves.T" in words)
    assert run_command.main(OF_SLIP) == 2
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == f'  File "{here / "Slip.py"}", line {line - 3}, in forward', "nothing of the suite's way to it"
    assert last.startswith(f"error: '{here / 'Slip.py'}', line {line}, in inner: RuntimeError: ")
    assert "mat1 and mat2 shapes" in last  # newer PyTorch begins with the operation


@pytest.mark.parametrize(
    ("old", "new_text", "says"),
    [
        ("    @dataclass(frozen=True)\n", "", "Slip.Config is no dataclass; put @dataclass(frozen=True) before it"),
        (
            "    @dataclass(frozen=True)\n    class Config:\n",
            "    class Config(Representation.Config):\n",
            "Slip.Config is no dataclass; put @dataclass(frozen=True) before it",
        ),
        ("    waves: Tensor\n", "    smallest = 0\n", "Slip.smallest must be at least 1, got 0"),
        ("    waves: Tensor\n", "    backends = ('triton',)\n", "Slip.backends must end with 'torch', the plain"),
        ('name = "Slip"', 'name = ""', "'' is no name of a model"),
        ('name = "Slip"', 'name = "all"', "--models takes 'all' for a group of models; give the model another name"),
    ],
)
def test_what_is_no_model_is_one_line_before_anything_runs(slip, capsys, old, new_text, says):
    slip(old, new_text)
    code = run_command.main(["--signal", "Sierpinski", "--models", "./Slip.py", "--dry-run"])
    out, err = capsys.readouterr()
    assert says in refused(code, out, err)
    assert out == ""


@pytest.mark.parametrize("batches", ["null", '{"points": 50, "from_size": 0, "from_size_by_model": {}}'])
def test_a_new_model_that_no_gradient_reaches_is_one_line(slip, capsys, batches):
    slip(ANSWER, f"{ANSWER}.detach()")
    assert run_command.main([*OF_SLIP, "--set", f"presets.smoke.minibatch={batches}"]) == 2
    assert "error: no gradient reaches Slip: what it gives was detached" in capsys.readouterr().err


def test_all_three_together(here, capsys):
    for kind, name in own_files.NEW.items():
        assert main(["new", kind, name]) == 0
    words = ["--signal", "./NewSignal.py", "--dim", "2", "--models", "./NewModel.py", "Grid_exact", "--preset", "smoke"]
    words += ["--task", "./new_task.py", "fit", "--out", "results", "--set", "NewModel.sigma=20"]
    assert run_command.main([*words, *QUICKLY]) == 0, capsys.readouterr().err
    table = load("results").set_index(["task", "model"])
    assert table["status"]["new_task", "Grid_exact"] == "unsupported"
    assert table["settings"]["fit", "NewModel"] == {"lr": 0.01, "sigma": 20.0}
    assert set(table["signal"]) == {"NewSignal"}


def test_its_settings_may_be_tuned(tmp_path):
    with own_files.registered("model", tmp_path):
        assert [setting.name for setting in space("NewModel")] == ["lr", "sigma", "lr_schedule"]


def test_nothing_is_overwritten(here, refused_name):
    (here / "Waves.py").write_text("mine")
    assert "'Waves.py' is there already, and nothing is overwritten" in refused_name("model", "Waves")


def test_a_link_that_leads_nowhere_is_not_followed(here, capsys):
    (here / "Waves.py").symlink_to("elsewhere.py")
    assert main(["new", "model", "Waves"]) == 2
    assert "'Waves.py' is there already" in capsys.readouterr().err
    assert not (here / "elsewhere.py").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("model", "../x"), "a model cannot be called '../x'; give a letter and at most 39 more letters, digits"),
        (("model", ""), "a model cannot be called ''; give a letter"),
        (("model", "2d"), "a model cannot be called '2d'; give a letter"),
        (("model", "wäves"), "a model cannot be called 'wäves'; give a letter"),
        (("signal", "x" * 41), "; give a letter and at most 39 more"),
        (("model", "class"), "a model cannot be called 'class': the file has another use for that word"),
        (("model", "none"), "a model cannot be called 'none': the file has another use for that word"),
        (("signal", "Signal"), "a signal cannot be called 'Signal': the file has another use for that word"),
        (("task", "running_mean"), "a task cannot be called 'running_mean': the file has another use for that word"),
        (("task", "blur_2"), "a task cannot be called 'blur_2': a number after '_' is a level, as in denoise_0.05"),
        (("model", "Siren"), "the suite has a model called 'Siren'; choose another name"),
        (("model", "newer"), "the suite has a model called 'newer'; choose another name"),
        (("signal", "Sierpinski"), "the suite has a signal called 'Sierpinski'"),
        (("task", "ct"), "the suite has a task called 'ct'"),
        (
            ("signal", "Rings_ct"),
            "no signal may be called 'Rings_ct', as its results would lie in the folder of a signal",
        ),
        (("model", "random"), "'random.py' would hide Python's module 'random'; choose another name"),
        (("metric", "Waves"), "argument kind: invalid choice: 'metric'"),
        (("model",), "the following arguments are required: name"),
    ],
)
def test_a_name_that_cannot_be_is_one_line(refused_name, words, says):
    assert says in refused_name(*words)


def test_a_folder_that_cannot_be_written_is_one_line(refused_name, monkeypatch):
    def read_only(*given, **named):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", read_only)
    said = f"cannot write 'Waves.py': Read-only file system; begin it in another folder than '{Path.cwd()}'"
    assert said in refused_name("model", "Waves")


def test_nothing_is_written_whose_commands_do_not_run(refused_name, tmp_path, monkeypatch):
    monkeypatch.setattr("common.files.ROOT", tmp_path)  # as in a copy of the packages that pip has made
    assert f"there is no '{tmp_path / 'run.py'}': the suite runs from its clone" in refused_name("model", "Waves")


def test_files_that_are_cited_have_what_they_are_cited_for():
    lines = [
        line for kind in new.KINDS for line in (new.TEMPLATES / f"{kind}.py").read_text(encoding="utf-8").splitlines()
    ]
    found = [
        match
        for line in lines
        if (match := re.match(r"# (\S+?)(?:\(|,| {2}).* ((?:models|target_signals)/\S+)$", line))
    ]
    assert len(found) == 22
    for match in found:
        word = match[1].rpartition(".")[2]
        assert re.search(rf"\b{word}\b", (ROOT / match[2]).read_text(encoding="utf-8")), match[0]


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["one process", "workers"])
def test_a_new_model_that_exits_does_not_end_a_run_as_if_it_were_done(slip, capfd, workers):
    slip(ANSWER, "raise SystemExit(0)")
    assert run_command.main([*OF_SLIP, *workers]) == 2
    last = capfd.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"error: '.*/Slip\.py', line \d+, in forward: SystemExit: 0", last)


def test_a_new_task_that_writes_into_its_signal_is_named_and_the_signal_is_as_before(here):
    assert main(["new", "task", "slip"]) == 0
    text = (here / "slip.py").read_text(encoding="utf-8")
    line = "truth, operator = signal.channels_last, RunningMean()  # [*shape, C]"
    (here / "slip.py").write_text(text.replace(line, f"{line}\n        truth[::2] = 0"), encoding="utf-8")
    tasks.load_file(here / "slip.py")
    signal = get_signal("Sierpinski", 2, 12, 0.5)
    before = signal.values.copy()
    with pytest.raises(UsageError, match=r"^slip\.build changes the signal's values in place; let it work on a copy$"):
        make_task("slip", signal)
    assert (signal.values == before).all()
