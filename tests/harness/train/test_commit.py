"""The commit that rows name."""

import subprocess

from harness.train import machine


def test_names_code_that_is_not_committed_and_takes_no_reference_row_for_code(tmp_path, monkeypatch):
    def git(*words):
        said = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(said, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    monkeypatch.setattr(machine, "ROOT", tmp_path)
    commit = machine.commit.__wrapped__  # not kept from call to call
    assert commit() is None
    git("init", "-q")
    git("commit", "-qm", "of another project, in whose folder an archive of the suite was unpacked", "--allow-empty")
    assert commit() is None
    (tmp_path / "reference").mkdir()
    rows, code = tmp_path / "reference/paper.parquet", tmp_path / "run.py"
    for file in (rows, code):
        file.write_text("one")
    git("add", "-A")
    git("commit", "-qm", "one")
    head = git("rev-parse", "HEAD")
    (tmp_path / "own.txt").write_text("untracked")
    rows.write_text("two")
    assert commit() == head
    code.write_text("two")
    assert commit() == head + "+"
