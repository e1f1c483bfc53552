"""Back ends: what can be tried where, what insisting means, and what happens to one that fails."""

import dataclasses

import pytest
import torch

import models
from common.errors import UsageError
from common.lattice import Lattice
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import find_source
from harness.train.run_trial import run_trial
from models import backends
from models.base import Representation

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def two_back_ends(monkeypatch):
    """A registered model of one value whose `triton` back end always fails."""

    class Brittle(Representation):
        name = "Brittle"
        backends = ("triton", "torch")

        def __init__(self, config, lattice, channels, size):
            super().__init__(config, lattice, channels, size)
            self.value = torch.nn.Parameter(torch.zeros(size))

        def initialise(self, rng):
            torch.nn.init.zeros_(self.value)

        def forward(self, x):
            if self.backend == "triton":
                raise RuntimeError("no kernel\nfor this device")
            return self.value.mean() + 0 * x[:, :1]

    monkeypatch.setitem(models.registry._classes, "Brittle", Brittle)
    monkeypatch.setattr(backends, "_broken", {})
    return Brittle


def trial_of(model, backend):
    config = load_config()
    preset = config.preset("smoke", "Sierpinski", 2)
    source, _ = find_source(["Sierpinski"], 2, None, None, config, "smoke")
    (trial,) = make_plan(config, source, ["fit"], preset, [model], backend=backend)
    return trial


@pytest.mark.parametrize("name", models.registry.names())
def test_every_model_ends_with_its_twin(name):
    listed = models.get_model(name).backends
    assert listed[-1] == "torch"
    assert set(listed) <= {"torch", *backends.NEEDS}
    assert backends.available(models.get_model(name), CPU)[-1] == "torch"


def test_asking_for_what_is_not_there_is_a_users_mistake(two_back_ends, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(UsageError, match=r"Brittle has no back end 'tcnn'; it has triton, torch"):
        backends.check(two_back_ends, "tcnn", CPU)
    with pytest.raises(UsageError, match=r"back end 'triton' of Brittle cannot run on cpu: .*; here run torch"):
        backends.check(two_back_ends, "triton", CPU)
    backends.check(two_back_ends, "torch", CPU)


def test_a_back_end_that_was_asked_for_never_gives_way(two_back_ends):
    with pytest.raises(RuntimeError, match="no kernel"):
        run_trial(trial_of("Brittle", "triton"), CPU)


def test_the_twin_runs_on_a_cpu_and_the_row_says_so(two_back_ends):
    (result,) = run_trial(trial_of("Brittle", None), CPU)
    assert (result.row["status"], result.row["backend"], result.row["reason"]) == ("ok", "torch", None)


@pytest.fixture
def on_a_gpu(two_back_ends, monkeypatch):
    """The model as if it were on a GPU, where every package is installed."""
    monkeypatch.setattr(two_back_ends, "device", CUDA)
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda package: package)
    return two_back_ends(None, Lattice.regular((2, 2)), 1, 1)


def test_on_a_gpu_the_first_back_end_runs_that_takes_the_precision(on_a_gpu, monkeypatch):
    assert backends.choose(on_a_gpu, "fp32") == "triton"
    refuses = lambda self, backend, precision: "too exact" if (backend, precision) == ("triton", "fp32") else None  # noqa: E731
    monkeypatch.setattr(type(on_a_gpu), "refuses", refuses)
    assert [backends.choose(on_a_gpu, precision) for precision in ("fp32", "bf16")] == ["torch", "triton"]


def test_a_back_end_that_failed_is_left_out_from_then_on_and_that_is_said(on_a_gpu):
    on_a_gpu.backend = "triton"
    with pytest.warns(UserWarning, match="'triton' of Brittle failed and is left out from now on: RuntimeError: no"):
        backends.give_up(on_a_gpu, RuntimeError("no kernel\nfor this device"))
    on_a_gpu.backend = backends.choose(on_a_gpu, "fp32")
    assert on_a_gpu.backend == "torch"
    assert backends.why_not_better(on_a_gpu) == "back end triton failed: RuntimeError: no kernel for this device"


@pytest.mark.parametrize("interpreted", [False, True])
def test_what_a_back_end_lacks(monkeypatch, interpreted):
    """Triton's interpreter runs kernels, which are one back end, on a CPU as well; compiled networks are another, and
    `own` is one that somebody's own file names."""
    names = ("torch", "own", *backends.NEEDS)
    monkeypatch.setenv("TRITON_INTERPRET", str(int(interpreted)))
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda package: package)
    on_a_cpu = {name: backends.missing(name, CPU) for name in names}
    lack = dict.fromkeys(names, "it needs a CUDA device")
    assert on_a_cpu == lack | {"torch": None} | ({"triton": None} if interpreted else {})
    assert {backends.missing(name, CUDA) for name in names} == {None}
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda package: None)
    assert [backends.missing(name, CUDA) for name in ("torch", "own")] == [None, None]
    assert backends.missing("gsplat", CUDA) == "the package gsplat is not installed (pip install -e '.[gsplat]')"


@pytest.mark.gpu
def test_a_failing_back_end_gives_way_once_aloud_and_in_the_row(two_back_ends):
    trial = trial_of("Brittle", None)
    with pytest.warns(UserWarning, match="'triton' of Brittle failed and is left out from now on: RuntimeError"):
        (result,) = run_trial(trial, CUDA)
    (again,) = run_trial(dataclasses.replace(trial, seed=7), CUDA)  # a second warning would be an error
    for row in (result.row, again.row):
        assert (row["status"], row["backend"]) == ("ok", "torch")
        assert row["reason"] == "back end triton failed: RuntimeError: no kernel for this device"


def test_a_shape_that_a_back_end_refuses_is_unsupported_when_it_was_asked_for(two_back_ends, monkeypatch):
    refuses = lambda self, backend, precision: "too wide" if backend == "triton" else None  # noqa: E731
    monkeypatch.setattr(two_back_ends, "refuses", refuses)
    (result,) = run_trial(trial_of("Brittle", "triton"), CPU)
    assert (result.row["status"], result.row["reason"]) == ("unsupported", "too wide")
