"""--out of every verb: an empty name is refused, as it would mean the current folder; no page of an empty one."""

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


def test_no_page_is_made_where_nothing_was_run(tmp_path, capsys):
    assert verbs.main(["report", "--out", str(tmp_path)]) == 2
    says = f"error: no rows in '{tmp_path}'; run a launcher first, for example bash run_2dsierpinski.sh\n"
    assert capsys.readouterr().err == says
    assert not [*tmp_path.iterdir()]
    assert verbs.main(["report", "--out", str(tmp_path / "absent")]) == 2
    assert capsys.readouterr().err.startswith("error: no folder")
