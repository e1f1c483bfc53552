"""`harness.run`: an experiment from Python, beside the examples of docs/python.md, which tests/test_docs.py runs."""

import pytest

import harness
from common.errors import UsageError

SMALL = {"preset": "smoke", "models": ["Grid"], "sizes": [100], "steps": 1, "device": "cpu"}


def test_a_dry_run_prints_the_plan_and_runs_nothing(tmp_path, capsys):
    assert harness.run("Sierpinski", out=tmp_path, dry_run=True, **SMALL).empty
    assert "1 trial, 0 of them done before, 1 to run" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_list_is_refused_and_runs_nothing(tmp_path):
    with pytest.raises(UsageError, match=r"python run\.py --list$"):
        harness.run("Sierpinski", out=tmp_path, list=True, **SMALL)
    assert list(tmp_path.iterdir()) == []
