"""`python -m harness` as a command of its own."""

import sys


def test_modules_of_the_suites_names_where_a_person_is_do_no_harm(command, tmp_path):
    for name in ("common", "models", "target_signals"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the suite')")
    result = command(sys.executable, "-m", "harness", "status", "--out", "nothing", cwd=tmp_path)
    assert result.stderr == "error: no folder 'nothing'; give the results folder with --out, or run a launcher first\n"
    assert result.returncode == 2
