"""A model, a signal and a task of one's own, each a file that the command line names by its path."""

import pandas as pd
import pytest

from harness import load
from harness.__main__ import main as harness_main
from harness.figures import draw_figures
from target_signals.tasks.base import expand_tasks, title_of
from tests import own_files
from tests.harness.page_data import data_of
from tests.harness.refused import refused

MODEL = '''
"""One value for every point, and a slope."""

from torch import nn

from models.base import Representation, register


@register
class Plane(Representation):
    name = "Plane"

    def __init__(self, config, lattice, channels, size):
        super().__init__(config, lattice, channels, size)
        self.layers = nn.ModuleList([nn.Linear(self.dim, channels) for _ in range(size)])

    def forward(self, x):
        return sum(layer(x) for layer in self.layers)
'''
SIGNAL = '''
"""Stripes across the first axis."""

import numpy as np

from target_signals.base import Signal, SignalFamily, register


@register
class Stripes(SignalFamily):
    name = "Stripes"
    dims = (2,)
    bands = False

    @classmethod
    def build(cls, dim, length, bandlimit, seed):
        values = np.zeros((length, length), dtype=np.float32)
        values[::3] = 1
        return Signal(values, dim, cls.kind)
'''
TASK = '''
"""deblur: running means along the first axis are observed, and the samples scored."""

import numpy as np

from common.needs import Needs
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.operators import Operator
from target_signals.tasks.task import Scoring, Task


class RunningMean(Operator):
    def __init__(self, width):
        self.width = width

    def __call__(self, values):  # [heads, *shape, C]
        return sum(values.roll(k, 1) for k in range(self.width)) / self.width


@register
class Deblur(TaskFamily):
    name = "deblur"
    level = "width"
    levels = (2.0, 3.0)
    needs = Needs(pointwise=False)

    @classmethod
    def build(cls, signal, level, seed, item):
        truth, mean = signal.channels_last, RunningMean(int(level))
        scoring = Scoring(cls.named(level), signal.lattice, truth, signal.binary)
        return Task(signal.lattice, mean.observe(truth), truth, mean, (scoring,))
'''


@pytest.fixture
def own(tmp_path):
    """A folder with model.py, signal.py and task.py."""
    for name, text in (("model", MODEL), ("signal", SIGNAL), ("task", TASK)):
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


@pytest.fixture(autouse=True)
def forgotten():
    with own_files.forgotten():
        yield


def line(own, *more):
    words = ["--signal", own / "signal.py", "--task", own / "task.py", "deblur_4", "fit", "--sizes", 100, *more]
    words += ["--models", own / "model.py", "Grid_exact", "--preset", "smoke", "--device", "cpu", "--steps", 2]
    return [*words, "--out", own / "out"]


def check_rows(own):
    table = load(own / "out").set_index(["task", "model"])
    expected = {(f"deblur_{width}", "Grid_exact"): "unsupported" for width in (2, 3, 4)}
    assert table["status"].to_dict() == dict.fromkeys(table.index, "ok") | expected
    assert len(table) == 8
    assert set(table["signal"]) == {"Stripes"}
    folders = {path.parent.parent.name for path in (own / "out").glob("*/rows/*.json")}
    assert folders == {"2d_Stripes", "2d_Stripes_deblur_2", "2d_Stripes_deblur_3", "2d_Stripes_deblur_4"}


def test_all_three_run_and_are_resumed(run_py, own):
    code, stdout, stderr = run_py(*line(own))
    assert code == 0, stderr
    assert "Stripes, 2D, task deblur_2 + deblur_3 + deblur_4 + fit, preset smoke" in stdout
    check_rows(own)
    assert "8 trials, 8 of them done before" in run_py(*line(own, "--dry-run"))[1]


SCANNER = '''
"""scanner: a sinogram of a third of a turn."""

from functools import partial

from common.needs import Needs
from target_signals.tasks.back_projection import filtered_back_projection
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.radon import Radon
from target_signals.tasks.task import Task


@register
class Scanner(TaskFamily):
    name = "scanner"
    dims = (2,)
    needs = Needs(pointwise=False, invertible=True)

    @classmethod
    def build(cls, signal, level, seed, item):
        truth = signal.channels_last
        radon = Radon(truth.shape[:2], range(0, 120, 6))
        sinogram = radon.observe(truth)
        inverse = partial(filtered_back_projection, sinogram, radon.shape, radon.angles)
        return Task(signal.lattice, sinogram, truth, radon, (cls.scoring(signal, level),), inverse=inverse)
'''


def test_a_task_with_a_classical_inverse_has_fbp_as_well(run_py, tmp_path):
    (tmp_path / "scanner.py").write_text(SCANNER)
    words = ["--signal", "SheppLogan", "--task", tmp_path / "scanner.py", "fit", "--models", "FBP", "Grid"]
    code, stdout, stderr = run_py(*words, "--preset", "smoke", "--device", "cpu", "--out", tmp_path / "out")
    assert code == 0, stderr
    assert "\nleft out" not in stdout
    rows = load(tmp_path / "out")
    assert {*zip(rows["task"], rows["model"], rows["status"], strict=True)} == {
        ("scanner", "FBP", "ok"), ("scanner", "Grid", "ok"), ("fit", "Grid", "ok"),
    }  # fmt: skip


def test_workers_read_the_files_again_and_what_shows_rows_does_without_them(command, undrawn, own, capsys):
    result = command(*undrawn, *line(own, "--workers", 2))
    assert result.returncode == 0, result.stderr
    check_rows(own)
    for verb, more in (
        ("status", ()),
        ("table", ()),
        ("figures", ("--task", "deblur_3", "--metric", "ssim")),
        ("report", ()),
    ):
        assert harness_main([verb, "--out", str(own / "out"), *more]) == 0
        assert capsys.readouterr().err == ""
    assert list(own.glob("out/2d_Stripes_deblur_3/figures/*/*.png"))
    page = data_of((own / "out" / "index.html").read_text(encoding="utf-8"))
    assert "deblur 3" in {task["title"] for task in page["tasks"].values()}
    files = ("--signal", own / "signal.py", "--task", own / "task.py", "--models", own / "model.py")
    assert harness_main(["verify", *map(str, files), "--device", "cpu", "--out", str(own / "out")]) == 0
    assert "2 of 2 rows were given again" in capsys.readouterr().out


def scores(own, **wanted):
    table = load(own / "out")
    chosen = (table[list(wanted)] == pd.Series(wanted)).all(axis=1)
    return list(table[chosen]["psnr"])


def test_another_version_of_a_models_file_makes_rows_of_its_own(run_py, own):
    """A comment makes no other version. What was made by the version that is not there any more stands in no table."""
    words = line(own, "--no-figures")
    assert run_py(*words)[0] == 0
    (before,) = scores(own, task="fit", model="Plane")
    (own / "model.py").write_text(f"{MODEL}\n# it works\n")
    assert "8 trials, 8 of them done before" in run_py(*words)[1]
    own_files.edit(own / "model.py", "layer(x)", "layer(-x)")
    code, stdout, _ = run_py(*words, "--steps", 2)
    assert (code, "8 trials, 4 of them done before" in stdout) == (0, True)
    old, new = scores(own, task="fit", model="Plane")
    assert old == before != new
    assert f"{new:.2f}" in stdout
    assert f"{old:.2f}" not in stdout


def test_another_version_of_a_signals_or_a_tasks_file_makes_rows_of_its_own(run_py, own):
    words = line(own, "--no-figures")
    assert run_py(*words)[0] == 0
    own_files.edit(own / "signal.py", "values[::3]", "values[::4]")
    assert "8 trials, 0 of them done before" in run_py(*words)[1]
    assert len(set(scores(own, task="fit", model="Grid_exact"))) == 2, "of the new signal, and not of the one in memory"
    own_files.edit(own / "task.py", "values.roll(k, 1)", "values.roll(k, 2)")
    assert "8 trials, 2 of them done before" in run_py(*words)[1], "the plain fits"
    assert len(set(scores(own, task="deblur_2", model="Plane"))) == 3


def test_an_earlier_version_that_comes_back_has_its_rows_and_says_what_figures_show(run_py, own, monkeypatch):
    monkeypatch.setattr(draw_figures, "redraw", lambda *given: [])
    words = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--models", own / "model.py"]
    words = [*words, "--sizes", 100, "--out", own / "out"]
    says = "figures and page show later rows, of other settings or other code, in place of 1 of this run; --force runs"
    assert run_py(*words, draw=True)[0] == 0
    own_files.edit(own / "model.py", "layer(x)", "layer(-x)")
    code, stdout, _ = run_py(*words, draw=True)
    assert (code, says in stdout) == (0, False)
    own_files.edit(own / "model.py", "layer(-x)", "layer(x)")
    code, stdout, _ = run_py(*words, draw=True)
    assert (code, says in stdout) == (0, True)
    assert "1 trial, 1 of them done before" in stdout
    code, stdout, _ = run_py(*words, "--force", draw=True)
    assert (code, says in stdout) == (0, False)


def test_a_row_of_another_version_is_not_called_wrong_but_of_other_code(run_py, own, capsys):
    assert run_py(*line(own, "--no-figures"))[0] == 0
    own_files.edit(own / "model.py", "layer(x)", "layer(-x)")
    files = ("--signal", own / "signal.py", "--task", "fit", "--models", own / "model.py")
    assert harness_main(["verify", *map(str, files), "--device", "cpu", "--out", str(own / "out")]) == 1
    out = capsys.readouterr().out
    assert "cannot be repeated: the code of its model was " in out
    assert "give the file as it was then with --models" in out


def test_list_names_what_files_add(run_py, own):
    code, stdout, stderr = run_py("--list", *line(own))
    assert code == 0, stderr
    for word in (" Plane", " Stripes (2D)", " deblur[_<width>]"):
        assert word in stdout


def test_a_tasks_file_stands_for_all_its_levels(own):
    assert expand_tasks(["deblur_5", str(own / "task.py")]) == ["deblur_5", "deblur_2", "deblur_3"]
    assert title_of("deblur_5") == "deblur width 5"


MADE = "return Signal(values, dim, cls.kind)"
RUN = "return sum(values.roll(k, 1) for k in range(self.width)) / self.width"
AS_ARRAY = "return values.detach().numpy() if values.requires_grad else values"
TASKED = "return Task(signal.lattice, mean.observe(truth), truth, mean, (scoring,))"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("signal.py", MADE, f"values[3, 3] = np.nan; {MADE}", "gave 1 of 576 values that are NaN, infinite or"),
        ("signal.py", MADE, f"values = values.astype(float) * 1e39; {MADE}", "gave 192 of 576 values that are NaN"),
        ("signal.py", MADE, f"values = values[0]; {MADE}", "gave values float32 of shape (24,) with dim 2; it must"),
        ("signal.py", MADE, f"dim = 3; {MADE}", "it must give float32 [*shape] or [*shape, C] with dim 2"),
        ("signal.py", MADE, f"values = values[:0]; {MADE}", "gave values float32 of shape (0, 24) with dim"),
        ("signal.py", MADE, f"values = values.astype(int); {MADE}", "gave values int64 of shape (24, 24)"),
        ("signal.py", MADE, f"values = values.tolist(); {MADE}", "gave values of type list; it must give a Signal"),
        ("signal.py", MADE, "return Signal(values, dim, 'photo')", "gave the kind 'photo'; it must be synthetic, "),
        ("signal.py", MADE, f"{MADE[:-1]}, (values[1:] > 0,))", "gave a ring, bool [23, 24]; each must be bool"),
        ("signal.py", MADE, f"{MADE[:-1]}, (values.astype(int),))", "gave a ring, int64 [24, 24]; each must be"),
        ("signal.py", MADE, f"{MADE[:-1]}, finer=values)", "gave a finer lattice, and only a RecordedFamily whose"),
        ("signal.py", MADE, "return values", "Stripes.build gave ndarray; it must give a Signal, whose values are"),
        ("task.py", TASKED, "return scoring", "deblur.build gave Scoring; it must give a Task"),
        ("task.py", "(scoring,))", "())", "deblur.build gave no scorings; it must give one, called deblur_2, as"),
        ("task.py", "Scoring(cls.named(level)", "Scoring(cls.name", "gave scorings called deblur; it must give one, "),
        ("task.py", "mean.observe(truth)", "truth[:5]", "RunningMean gave a tensor [1, 24, 24, 1] for values"),
        ("task.py", RUN, "return values[:, :0]", "gave a target [0, 24, 1], without values to train on"),
        ("task.py", "mean.observe(truth)", "None", "gave a target of type NoneType; it must be an array"),
        ("task.py", TASKED, TASKED.replace("truth, mean", "truth[:5], mean"), "gave a truth [5, 24, 1] of its Task"),
        ("task.py", "truth, signal.binary)", "truth[:5], signal.binary)", "gave a truth [5, 24, 1] of its Scoring"),
        ("task.py", "truth, signal.binary)", "truth * np.nan, False)", "gave a truth of its Scoring that is not"),
        ("task.py", "truth, signal.binary)", "truth > 0, False)", "gave a truth of its Scoring that is not all finite"),
        ("task.py", "signal.binary)", "False, where=truth[..., 0] > 9)", "Scoring, bool [24, 24], that holds for 0"),
        ("task.py", "(scoring,))", "(scoring,), truth[..., 0])", "gave a where of its Task, float32 [24, 24], that"),
        ("task.py", RUN, AS_ARRAY, "the operator RunningMean gave ndarray for values [1, 24, 24, 1]"),
        (
            "task.py",
            "truth, mean, (",
            "truth, mean.observe, (",
            "gave an operator method; derive it from target_signals.t",
        ),
        (
            "task.py",
            "class RunningMean(Operator):\n",
            "class RunningMean(Operator):\n    def display(self, observed):\n        return observed[0]\n",
            "gave a target [24, 24, 1] that is shown as [24, 1]; it must have 2 axes and one of channels, so let its",
        ),
        (
            "task.py",
            "Needs(pointwise=False)",
            "Needs()",
            "deblur.build gave a task of Needs(pointwise=False, off_lattice=False, invertible=False); let needs be",
        ),
        ("task.py", RUN, "return values.detach()", "no gradient passes the operator RunningMean"),
        ("task.py", "mean.observe(truth)", "truth * np.float32('nan')", "gave a target with values that are NaN"),
        ("signal.py", "Stripes", "A_deblur_4", "'A_deblur_4', as its results would lie in the folder of a signal 'A'"),
        ("signal.py", "Stripes", "Big_ct", "in the folder of a signal 'Big' with the task ct; give it a name"),
    ],
)
def test_a_slip_in_a_signal_or_a_task_is_one_line(run_py, own, file, old, new, says):
    own_files.edit(own / file, old, new)
    words = ["--signal", own / "signal.py", "--task", own / "task.py", "--models", "Grid", "--out", own / "out"]
    code, _, stderr = run_py(*words, "--preset", "smoke", "--device", "cpu", "--no-figures")
    assert code == 2
    assert says in stderr.splitlines()[-1]


@pytest.mark.parametrize("values", ["values[::-1].T", "np.broadcast_to(values, values.shape)", "values.astype(float)"])
def test_a_signals_values_may_lie_in_any_order(run_py, own, values, recwarn):
    own_files.edit(own / "signal.py", MADE, f"return Signal({values}, dim, cls.kind)")
    words = ["--signal", own / "signal.py", "--models", "Grid", "--out", own / "out", "--preset", "smoke"]
    code, _, stderr = run_py(*words, "--device", "cpu", "--no-figures")
    assert (code, stderr, list(recwarn)) == (0, "", [])


@pytest.mark.parametrize(
    ("option", "name", "says"),
    [
        ("--signal", "nowhere.py", "nowhere.py' to load a signal from"),
        ("--task", "nowhere.py", "nowhere.py' to load a task from"),
        ("--signal", "task.py", "task.py' registers no signal; decorate its class with @register"),
        ("--signal", "two.py", "two.py' registers several signals: Bars, Stripes; --signal takes one"),
        ("--task", "signal.py", "signal.py' registers no task; decorate its class with @register"),
        ("--models", "task.py", "task.py' registers no model; decorate its class with @register"),
        ("--task", "broken.py", "broken.py' could not be loaded: line 1: ZeroDivisionError"),
    ],
)
def test_a_wrong_file_is_one_line(run_py, own, option, name, says):
    (own / "broken.py").write_text("1 / 0")
    (own / "two.py").write_text(SIGNAL + SIGNAL.replace("Stripes", "Bars"))
    words = ("--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--out", own / "out")
    assert says in refused(*run_py(*words, option, own / name))
