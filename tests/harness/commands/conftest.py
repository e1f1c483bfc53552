"""The command line in this process."""

import pytest

import models
from harness.commands import run as run_command
from harness.commands import run_launch
from tests.harness.commands.running import SMOKE


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
            monkeypatch.setattr(run_launch, "draw", lambda *given: None)
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
