"""Imports point one way: common ← target_signals, models ← harness ← entry scripts. And importing is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("common", "models", "target_signals", "harness")
SCRIPTS = ("eval_DIV2K", "evaluate_voxel", "gen_heatmap_eval_metric_synthetic")  # in target_signals; entry scripts
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if not (package == "target_signals" and path.stem in SCRIPTS)
)


def imported(path):
    """Every module that a file imports, wherever in it, as absolute dotted names down to the names in them."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def forbidden(path):
    """The rule for a file: whether it may not import a dotted name."""
    owner = path.relative_to(ROOT).parts[0]

    def breaks_the_rule(name):
        top, *below = name.split(".")
        if (ROOT / f"{top}.py").exists():
            return True  # an entry script
        if top == "target_signals" and below and below[0] in SCRIPTS:
            return True
        if owner == "models":
            return top in ("harness", "target_signals")
        if owner == "target_signals":
            return top in ("models", "harness")
        return owner == "common" and top in PACKAGES and top != "common"

    return breaks_the_rule


def python(code):
    line = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    assert list(filter(forbidden(path), imported(path))) == []


@pytest.mark.parametrize(
    ("owner", "line", "allowed"),
    [
        ("models/a.py", "from common.lattice import Lattice", True),
        ("models/a.py", "from target_signals import Lattice", False),
        ("models/a.py", "import target_signals", False),
        ("models/a.py", "def f():\n    from harness import train", False),
        ("models/a.py", "from . import base", True),
        ("models/kernels/a.py", "from ...harness import train", False),
        ("target_signals/a.py", "import models.base", False),
        ("target_signals/a.py", "from target_signals.eval_DIV2K import main", False),
        ("target_signals/a.py", "from common.registry import Registry", True),
        ("harness/a.py", "import models, target_signals", True),
        ("harness/a.py", "import run", False),
        ("harness/a.py", "from target_signals import gen_heatmap_eval_metric_synthetic", False),
        ("models/a.py", "import numpy", True),
        ("common/a.py", "import harness", False),
        ("common/a.py", "from common import files", True),
        ("common/a.py", "from models.base import register", False),
        ("common/a.py", "import run", False),
        ("common/a.py", "import torch", True),
    ],
)
def test_the_rule_itself(tmp_path, monkeypatch, owner, line, allowed):
    path = tmp_path / owner
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    (tmp_path / "run.py").touch()
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert (not any(map(forbidden(path), imported(path)))) == allowed


def test_what_only_reads_results_does_without_torch():
    reads = "harness.store.store, harness.plan.config, harness.analysis.summary, harness.figures.draw_figures"
    result = python(f"import {reads}, sys; print([m for m in ('torch', 'matplotlib') if m in sys.modules])")
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_a_table_is_loaded_without_torch(tmp_path):
    code = f"from harness.store.store import load; import sys; load({str(tmp_path)!r}); print('torch' in sys.modules)"
    result = python(code)
    assert (result.stdout, result.stderr) == ("False\n", "")


@pytest.mark.parametrize("package", ["models", "target_signals"])
def test_importing_is_cheap_and_silent(package):
    """Every model and every signal included: no figures, no CUDA, no word, and no global stream moved."""
    code = f"""
import random, sys
import {package}
{package}.registry.names()
loaded = [m for m in ("matplotlib", "pandas", "skimage", "harness") if m in sys.modules]
torch = sys.modules.get("torch")
print(loaded, torch is not None and torch.cuda.is_initialized())
"""
    result = python(code)
    assert (result.stdout, result.stderr) == ("[] False\n", "")


def test_signals_do_without_torch():
    draw = "target_signals.get_signal('Sierpinski', length=8, bandlimit=0.5)"
    result = python(f"import target_signals, sys; {draw}; print('torch' in sys.modules)")
    assert (result.stdout, result.stderr) == ("False\n", "")


def test_the_command_line_answers_help_without_torch():
    code = "import harness.commands.run, sys; print([m for m in ('torch', 'pandas', 'matplotlib') if m in sys.modules])"
    result = python(code)
    assert (result.stdout, result.stderr) == ("[]\n", "")
