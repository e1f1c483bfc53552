"""`python -m` with a module of the suite, from anywhere."""

import re
import sys

import pytest

from harness.__main__ import VERBS


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["harness", "status", "--out", "nothing"], "error: no folder 'nothing'; "),
        (["target_signals.fetch", "nothing"], "error: "),
    ],
)
def test_modules_of_the_suites_names_where_a_person_is_do_no_harm(command, tmp_path, words, says):
    for name in ("common", "models"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the suite')")
    result = command(sys.executable, "-m", *words, cwd=tmp_path)
    assert result.stderr.startswith(says)
    assert result.returncode == 2


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_says_what_it_does(name):
    """In the first line of its module's docstring, of which `--help` has what follows the command."""
    assert re.match(rf"`python -m harness {name}\b.*?`: \w", VERBS[name].__doc__)
