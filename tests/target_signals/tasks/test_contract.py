"""What every registered task keeps to, at each of its levels, as does one that `python -m harness new task` writes."""

import ast
import re

import numpy as np
import pytest
import torch

from common.errors import UsageError
from common.files import ROOT
from common.needs import Needs
from harness.figures.reconstructions.pages import VIEWS
from target_signals.base import Signal
from target_signals.tasks.base import (
    TaskFamily,
    expand_tasks,
    family_of,
    known_family,
    make_task,
    registry,
    scored_on,
    title_of,
    trained_on,
)
from tests import own_files

SHAPES = {2: (16, 20), 3: (8, 6, 7)}
NAMES = expand_tasks(registry.names())
CASES = [(name, dim, finer) for name in NAMES for dim in family_of(name).dims for finer in (False, True)]
NEW = own_files.NEW["task"]
CASES += [(NEW, dim, finer) for dim in TaskFamily.dims for finer in (False, True)]
CASES = [case for case in CASES if case[1:] != (3, False) or case[0] != "super_resolution"]  # refused, as tested below


def signal(dim, finer, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    shape = SHAPES[dim]
    fine = rng.random((*(2 * n for n in shape), channels), dtype=np.float32) if finer else None
    return Signal(rng.random((*shape, channels), dtype=np.float32), dim, "synthetic", finer=fine)


@pytest.fixture(scope="module", autouse=True)
def new_task(tmp_path_factory):
    with own_files.registered("task", tmp_path_factory.mktemp("own")):
        yield


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}D{'-finer' * case[2]}")
def case(request):
    """A task's name, a signal that has it, and the task on that signal."""
    name, dim, finer = request.param
    given = signal(dim, finer)
    return name, given, make_task(name, given, seed=7, item="a")


def test_the_papers_tasks_are_there_and_inpainting():
    assert {"ct", "denoise_0.05", "denoise_0.1", "fit", "inpaint_0.5", "super_resolution"} <= set(NAMES)


def test_what_is_trained_on_is_what_the_operator_gives(case):
    name, _, task = case
    seen = task.operator.observe(task.truth)
    assert task.target.dtype == seen.dtype == np.float32
    assert task.target.shape == seen.shape
    heads = torch.as_tensor(task.truth)[None].repeat(3, *[1] * task.truth.ndim)
    observed = task.operator(heads)
    assert observed.shape == (3, *task.target.shape)
    np.testing.assert_array_equal(observed[2], seen)
    if family_of(name).name != "denoise":
        np.testing.assert_array_equal(task.target, seen)
    assert np.isfinite(task.target).all()


def test_its_rows_are_known_beforehand(case):
    name, given, task = case
    finer = given.finer is not None
    assert tuple(scoring.task for scoring in task.scorings) == scored_on(trained_on(name, finer), finer)
    assert name in scored_on(trained_on(name, finer), finer)


def test_its_needs_are_those_of_what_it_builds(case):
    name, given, task = case
    trained = trained_on(name, given.finer is not None)
    assert family_of(trained).needs.pointwise == task.pointwise
    for scoring in task.scorings:
        assert family_of(scoring.task).needs.off_lattice == (scoring.lattice is not task.lattice)


def test_the_truth_scores_best_and_nothing_else_does(case):
    for scoring in case[2].scorings:
        assert scoring.scores(scoring.truth)["psnr"] == 160
        worse = scoring.truth.copy()
        worse += np.where(worse < 0.5, 0.1, -0.1).astype(np.float32)
        assert scoring.scores(worse)["psnr"] == pytest.approx(20, abs=1e-4)
        assert scoring.psnr_of_constant < 13


def test_the_curve_sees_the_truth_alone(case):
    _, _, task = case
    assert task.psnr(task.truth) == 160
    assert task.psnr(task.truth + 0.01) < 60


def test_an_observation_can_be_looked_at(case):
    _, given, task = case
    shown = task.operator.display(task.target)
    assert shown.ndim == given.dim + 1
    assert shown.shape[-1] == task.channels


def test_the_same_seed_and_item_give_the_same_task(case):
    name, given, task = case
    np.testing.assert_array_equal(make_task(name, given, seed=7, item="a").target, task.target)


@pytest.mark.parametrize("other", [(8, "a"), (7, "b")])
def test_random_tasks_draw_by_seed_and_item(other):
    for name in ("denoise_0.1", "inpaint_0.5"):
        one, two = (make_task(name, signal(2, False), seed, item).target for seed, item in ((7, "a"), other))
        assert one.shape == two.shape
        assert np.abs(one - two).mean() > 0.05


@pytest.mark.parametrize("name", [*NAMES, NEW])
def test_names_go_there_and_back(name):
    family = family_of(name)
    assert issubclass(family, TaskFamily)
    assert expand_tasks([name]) == [name]
    assert known_family(name) is family
    assert title_of(name).isprintable()
    assert set(family.views) <= set(VIEWS), "figures know how to show it"
    assert bool(family.levels) == bool(family.level) == (family.name != name)


def test_titles_are_for_people():
    titles = {"fit": "fit", "ct": "CT", "super_resolution": "super-resolution", "denoise_0.05": "denoise σ = 0.05"}
    titles |= {
        "inpaint_0.07": "inpaint, 7 % seen",
        "own_0.5": "own 0.5",
        "inpaint": "inpaint",
        "inpaint_2": "inpaint 2",
    }
    assert {name: title_of(name) for name in titles} == titles


@pytest.mark.parametrize("name", [*NAMES, NEW])
def test_a_task_says_whether_it_draws_anything(name):
    """Where it does, two seeds give other numbers on one signal, as on a person's own file."""
    given = signal(2, False)
    one, other = (make_task(name, given, seed, item="a") for seed in (1, 2))
    (mine,), (yours,) = one.scorings, other.scorings
    same = [
        np.array_equal(one.operator.observe(given.values), other.operator.observe(given.values)),
        np.array_equal(one.target, other.target),
        np.array_equal(mine.truth, yours.truth),
    ]
    assert family_of(name).draws == (not all(same))


def test_anybodys_task_asks_for_nothing_special():
    family = known_family("own_0.5")
    assert (family.needs, family.settings, family.paper_suffix, family.views) == (Needs(), None, "", ())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("denoise", r"^task 'denoise' is named with its sigma, as in denoise_0.05$"),
        ("denoise_0.050", r"^task 'denoise_0.050' is called denoise_0.05$"),
        ("inpaint_1", r"fraction of samples that are seen, between 0 and 1, not 1$"),
        ("inpaint_0.0", r"fraction of samples that are seen, between 0 and 1, not 0$"),
        ("fit_0.5", r"^unknown task 'fit_0.5' \(did you mean 'fit'\?\); known: .*denoise\[_<sigma>\], fit, "),
    ],
)
def test_other_names_are_one_line(name, says):
    with pytest.raises(UsageError, match=says):
        make_task(name, signal(2, False))


def test_what_a_task_is_not_for_is_one_line():
    with pytest.raises(UsageError, match=r"^task 'ct' is for signals with dim 2, and this one has dim 3$"):
        make_task("ct", signal(3, True))
    with pytest.raises(UsageError, match="takes images, or volumes that bring a finer one"):
        make_task("super_resolution", signal(3, False))


def test_a_level_is_written_in_full():
    """No exponent, which the name of a row could not be read back from."""
    assert expand_tasks(["denoise_0.00001", "denoise_1.0"]) == ["denoise_0.00001", "denoise_1"]


def compared(text):
    """The texts that Python code compares something with."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            parts = (part for side in (node.left, *node.comparators) for part in ast.walk(side))
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_no_other_file_asks_for_a_tasks_name():
    """Folders leave the plain fit unsaid, which harness/store/names.py says for all."""
    names = {*NAMES, *registry.names()}
    assert set(compared("x = a == 'ct' or b in ('fit', 'x') or c != 'd'")) == {"ct", "fit", "x", "d"}
    sources = [
        path for folder in ("common", "models", "harness", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    ]
    found = {path.name for path in sources if names & set(compared(path.read_text(encoding="utf-8")))}
    assert found == {"names.py"}
    for path in (ROOT / "harness/report/assets").glob("*.js"):
        assert not names & set(re.findall(r"[!=]== '(\w+)'", path.read_text(encoding="utf-8"))), path.name
