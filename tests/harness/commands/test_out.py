"""--out of every verb: an empty name is refused, as it would mean the current folder; no page of an empty one."""

import pytest

from harness import __main__ as verbs
from tests.harness.refused import refused

OPTIONS = {verb: "--out" for verb in verbs.VERBS if verb != "new"} | {"compress": "--to"}


@pytest.mark.parametrize(("verb", "option"), OPTIONS.items())
def test_an_empty_name_is_refused(capsys, tmp_path, monkeypatch, verb, option):
    monkeypatch.chdir(tmp_path)
    assert verbs.main([verb, option, ""]) == 2
    says = f"error: argument {option}: it is empty; name a folder or a file, or . for the current folder; --help"
    assert capsys.readouterr().err.startswith(says)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("verb", ["table", "figures", "report", "rates"])
def test_where_nothing_was_run_nothing_is_made(tmp_path, capsys, verb):
    says = f"error: no rows in '{tmp_path}'; run a launcher first, for example bash run_2dsierpinski.sh\n"
    assert refused(verbs.main([verb, "--out", str(tmp_path)]), *capsys.readouterr()) == says
    assert not [*tmp_path.iterdir()]
    absent = tmp_path / "absent"
    err = refused(verbs.main([verb, "--out", str(absent)]), *capsys.readouterr())
    assert err.startswith(f"error: no folder '{absent}'")
