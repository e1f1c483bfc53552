"""A newcomer's single file: a model or a signal that joins by lying there, or by its path."""

import ast
import shutil

from harness.commands.new import written
from harness.store.table import load
from tests.harness.commands.running import NAMES, SMOKE, cells

EXAMPLE_MODEL = written("model", "Example")
EXAMPLE_SIGNAL = '''\
"""Example: a checkerboard, finer at higher bands."""

import numpy as np

from target_signals.base import Signal, SignalFamily, register


@register
class Checkerboard(SignalFamily):
    name = "Checkerboard"
    dims = (2, 3)

    @classmethod
    def build(cls, dim, length, bandlimit, seed):
        cells = np.indices((length,) * dim) // max(1, round(4 - 3 * bandlimit))
        return Signal((cells.sum(0) % 2).astype(np.float32), dim, cls.kind)
'''


def test_the_example_is_short():
    """Without its explanations: comments and docstrings."""
    tree = ast.parse(EXAMPLE_MODEL)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    assert len(ast.unparse(tree).splitlines()) < 40


def test_one_file_adds_a_model_and_one_a_signal(command, undrawn, root, tmp_path):
    """The suite's own modules are those of the copy, as the working directory comes first."""
    copy = tmp_path / "clone"
    copy.mkdir()
    for name in ("common", "models", "target_signals", "harness"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "hyperparameters.json", copy)
    (copy / "models" / "example.py").write_text(EXAMPLE_MODEL, encoding="utf-8")
    (copy / "target_signals" / "checkerboard.py").write_text(EXAMPLE_SIGNAL, encoding="utf-8")
    arguments = (
        "--signal",
        "Checkerboard",
        "--dim",
        "2",
        *SMOKE[2:],
        "--steps",
        "2",
        "--length",
        "12",
        "--out",
        "results",
    )
    result = command(*undrawn, *arguments, cwd=copy)
    assert result.returncode == 0, result.stderr
    assert list(cells(result.stdout)) == [*NAMES, "Example"], "a newcomer stands in the table"
    table = load(copy / "results").set_index("model")
    assert len(table) == 13
    assert table["status"]["Example"] == "ok"
    assert table["parameters"]["Example"] == 2500
    assert table["settings"]["Example"] == {"lr": 0.01, "sigma": 10.0}


def test_a_models_file_may_lie_outside(run, out, tmp_path):
    own = tmp_path / "own_model.py"
    own.write_text(EXAMPLE_MODEL.replace('"Example"', '"Outside"'), encoding="utf-8")
    code, stdout, _ = run("--set", "Outside.lr=0.5", models=(own, "Grid"), draw=True)
    assert code == 0
    assert set(cells(stdout)) == {"Grid", "Outside"}
    table = load(out).set_index("model")
    assert table["status"].to_dict() == {"Outside": "ok", "Grid": "ok"}
    assert table["settings"]["Outside"]["lr"] == 0.5
