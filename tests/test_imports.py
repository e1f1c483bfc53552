"""Imports point one way: target_signals, models ← harness ← entry scripts (DESIGN). And importing is cheap.

`models` and `target_signals` have three modules in common: registry, sparse_map and target_signals.lattice.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("models", "target_signals", "harness")
# single modules beside the packages, which import none of the project's own
COMMON = ("atomic", "registry", "sparse_map")
SCRIPTS = ("eval_DIV2K", "evaluate_voxel", "gen_heatmap_eval_metric_synthetic")  # in target_signals; entry scripts
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if not (package == "target_signals" and path.stem in SCRIPTS)
)
SOURCES += [ROOT / f"{module}.py" for module in COMMON]


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
        if top not in COMMON and (ROOT / f"{top}.py").exists():
            return True  # an entry script
        if top == "target_signals" and below and below[0] in SCRIPTS:
            return True
        if owner == "models":
            return top == "harness" or (top == "target_signals" and below[:1] != ["lattice"])
        if owner == "target_signals":
            return top in ("models", "harness")
        return Path(owner).stem in COMMON and top in (*PACKAGES, *COMMON)

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
        ("models/a.py", "from target_signals.lattice import Lattice", True),
        ("models/a.py", "from target_signals import lattice", True),
        ("models/a.py", "from target_signals import Lattice", False),
        ("models/a.py", "import target_signals", False),
        ("models/a.py", "from target_signals.base import Signal", False),
        ("models/a.py", "def f():\n    from harness import fit", False),
        ("models/a.py", "from . import base", True),
        ("models/kernels/a.py", "from ...harness import fit", False),
        ("target_signals/a.py", "import models.base", False),
        ("target_signals/a.py", "from target_signals.eval_DIV2K import main", False),
        ("harness/a.py", "import models, target_signals", True),
        ("harness/a.py", "import run", False),
        ("harness/a.py", "from target_signals import gen_heatmap_eval_metric_synthetic", False),
        ("models/a.py", "from sparse_map import SparseMap", True),
        ("target_signals/a.py", "from sparse_map import SparseMap", True),
        ("target_signals/a.py", "from registry import Registry", True),
        ("models/a.py", "import beside", False),
        ("target_signals/a.py", "from beside import anything", False),
        ("models/a.py", "import numpy", True),
        ("registry.py", "import harness", False),
        ("registry.py", "import sparse_map", False),
        ("registry.py", "import difflib", True),
        ("sparse_map.py", "from target_signals.lattice import Lattice", False),
        ("sparse_map.py", "import models", False),
        ("sparse_map.py", "import registry", False),
        ("sparse_map.py", "import run", False),
        ("sparse_map.py", "import torch", True),
    ],
)
def test_the_rule_itself(tmp_path, monkeypatch, owner, line, allowed):
    path = tmp_path / owner
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    for module in ("run", "beside", *COMMON):
        (tmp_path / f"{module}.py").touch()
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert (not any(map(forbidden(path), imported(path)))) == allowed


def test_what_only_reads_results_does_without_torch():
    reads = "harness.results, harness.config, harness.strict, harness.table, harness.figures, harness.cost"
    result = python(f"import {reads}, sys; print([m for m in ('torch', 'matplotlib') if m in sys.modules])")
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_a_table_is_loaded_without_torch(tmp_path):
    code = f"from harness.results import load; import sys; load({str(tmp_path)!r}); print('torch' in sys.modules)"
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
    code = "import harness.cli, sys; print([m for m in ('torch', 'pandas', 'matplotlib') if m in sys.modules])"
    result = python(code)
    assert (result.stdout, result.stderr) == ("[]\n", "")
