"""The tutorial and its notebook: every command and every cell runs, one after the other, on a tiny signal."""

import json
import re
import shlex
from pathlib import Path

import matplotlib as mpl
import pytest

from common.files import ROOT
from harness import load
from harness.__main__ import main as harness_main
from harness.commands import run as run_command
from harness.commands import run_launch
from harness.commands.new import written
from tests import own_files

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
CELLS = [
    "".join(cell["source"])
    for cell in json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code"
]
TINY = {  # what the notebook says → what is run here
    "[::4, ::4]": "[::16, ::16]",
    "steps=200": 'steps=2, device="cpu"',
    'preset="quick"': 'preset="smoke", device="cpu"',
    'preset="smoke")': 'preset="smoke", device="cpu")',
    '"length": 64,': '"length": 16, "device": "cpu",',
    '"preset": "quick"': '"preset": "smoke"',
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_launch, "draw", lambda *given: None)
    with own_files.forgotten():
        yield tmp_path


def blocks(language):
    """The page's blocks of code in a language; commands have none."""
    return [text for found, text in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M) if found == language]


def follow(line):
    """Run a command of the tutorial in this process; its exit code."""
    program, *words = shlex.split(line)
    assert program == "python"
    if words[0] == "-c":
        exec(words[1], {})
        return 0
    if words[:2] == ["-m", "harness"]:
        return harness_main([str(next(iter(Path().glob(word)), word)) if "*" in word else word for word in words[2:]])
    assert words[0] == "run.py"
    return run_command.main([*words[1:], "--device", "cpu", "--steps", "2", "--length", "16"])


def test_the_commands_run(here, capsys):
    lines = [line for block in blocks("") for line in block.splitlines() if line.startswith("python")]
    assert len(lines) == 20
    for line in lines:
        assert follow(line) == 0, (line, capsys.readouterr().err)
    assert (here / "larger.png").is_file()
    assert (here / "waves.png").is_file()
    table = load("results")
    assert set(table["status"]) == {"ok"}
    assert {"Waves", "Siren", "BlockDCT"} <= set(table["model"])
    assert set(table["task"]) == {"fit", "blurred"}


def test_the_model_that_is_shown_is_the_one_that_is_written():
    (shown,) = blocks("python")
    lines = iter(written("model", "Waves").splitlines())
    assert [line for line in shown.splitlines() if line and line not in lines] == [], "in this order"


def test_the_cells_of_the_notebook_run(here):
    names = {}
    text = "\0".join(CELLS)
    for given, tiny in TINY.items():
        assert given in text
        text = text.replace(given, tiny)
    with mpl.rc_context({"backend": "agg"}):
        for cell in text.split("\0"):
            exec(compile(cell, "docs/tutorial.ipynb", "exec"), names)
    assert names["fitted"].row["status"] == "ok"
    for table, count in (("table", 6), ("own", 2), ("rings", 2)):
        assert len(names[table]) == count
        assert set(names[table]["status"]) == {"ok"}
    assert (here / "results" / "index.html").is_file()
