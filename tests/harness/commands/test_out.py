"""--out of every verb: an empty name is refused, as it would mean the current folder."""

import pytest

from harness import __main__ as verbs

OPTIONS = {verb: "--out" for verb in verbs.VERBS if verb != "new"} | {"compress": "--to"}


@pytest.mark.parametrize(("verb", "option"), OPTIONS.items())
def test_an_empty_name_is_refused(capsys, tmp_path, monkeypatch, verb, option):
    monkeypatch.chdir(tmp_path)
    assert verbs.main([verb, option, ""]) == 2
    says = f"error: argument {option}: it is empty; name a folder or a file, or . for the current folder; --help"
    assert capsys.readouterr().err.startswith(says)
    assert not [*tmp_path.iterdir()]
