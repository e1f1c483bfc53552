"""Imports point one way, in no circle, and importing is cheap. docs/architecture.md draws the layers."""

import ast
import subprocess
import sys

import pytest

from common.files import ROOT

BELOW = {  # a package → what it may import of the project, beside itself
    "common": (),
    "models": ("common",),
    "target_signals": ("common",),
    "harness.store": ("common", "models", "target_signals"),
}
BELOW["harness.plan"] = (*BELOW["harness.store"], "harness.store")
BELOW["harness.train"] = (*BELOW["harness.plan"], "harness.plan")
BELOW["harness.execution"] = (*BELOW["harness.train"], "harness.train")
BELOW["harness.analysis"] = (*BELOW["harness.plan"], "harness.plan")
BELOW["harness.figures"] = (*BELOW["harness.analysis"], "harness.analysis")
BELOW["harness.report"] = (*BELOW["harness.figures"], "harness.figures")
BELOW["harness.commands"] = tuple(BELOW)
BELOW["harness"] = tuple(BELOW)  # its public functions and the list of verbs
SCRIPTS = ("eval_DIV2K", "evaluate_voxel", "gen_heatmap_eval_metric_synthetic")  # in target_signals; entry scripts
SOURCES = sorted(
    path
    for package in ("common", "models", "target_signals", "harness")
    for path in (ROOT / package).rglob("*.py")
    if not (package == "target_signals" and path.stem in SCRIPTS)
)


def imported(path, root=ROOT):
    """Every module that a file imports, wherever in it, as absolute dotted names down to the names in them."""
    package = list(path.relative_to(root).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def room(dotted):
    """The package of BELOW that a module or a name in it belongs to; None for what is not the project's."""
    parts = dotted.split(".")
    return next((".".join(parts[:n]) for n in (2, 1) if ".".join(parts[:n]) in BELOW), None)


def forbidden(path, root=ROOT):
    """What a file imports and may not."""
    own = room(".".join(path.relative_to(root).parts[:-1]))
    for name in imported(path, root):
        top, *below = name.split(".")
        script = (root / f"{top}.py").exists() or (top == "target_signals" and below[:1] and below[0] in SCRIPTS)
        if script or room(name) not in (None, own, *BELOW[own]):
            yield name


def circles(paths, root=ROOT):
    """Modules that import each other, directly or through others: sets of more than one."""
    names = {".".join(path.relative_to(root).with_suffix("").parts): path for path in paths}
    graph = {}
    for name, path in names.items():
        found = {n if n in names else n.rpartition(".")[0] for n in imported(path, root)}
        graph[name] = (found & names.keys()) - {name}

    def reach(start):
        seen, waiting = set(), [start]
        while waiting:
            for after in graph[waiting.pop()] - seen:
                seen.add(after)
                waiting.append(after)
        return seen

    reached = {name: reach(name) for name in graph}
    return sorted({tuple(sorted(b for b in reached[a] if a in reached[b])) for a in graph} - {()})


def python(code):
    line = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    assert list(forbidden(path)) == []


def test_no_module_imports_itself_through_others():
    assert circles(SOURCES) == []


@pytest.mark.parametrize(
    ("owner", "line", "allowed"),
    [
        ("models/a.py", "from common.lattice import Lattice", True),
        ("models/a.py", "import target_signals", False),
        ("models/a.py", "def f():\n    from harness import train", False),
        ("models/a.py", "from . import base", True),
        ("models/a.py", "import numpy", True),
        ("models/kernels/a.py", "from ...harness.train import fit", False),
        ("target_signals/a.py", "import models.base", False),
        ("target_signals/a.py", "from target_signals.eval_DIV2K import main", False),
        ("target_signals/a.py", "from common.registry import Registry", True),
        ("harness/store/a.py", "from harness.plan.trial import Trial", False),
        ("harness/store/a.py", "import models, target_signals", True),
        ("harness/plan/a.py", "from harness.store import names", True),
        ("harness/analysis/a.py", "from harness.train import score", False),
        ("harness/figures/a.py", "from harness.analysis.winner import best", True),
        ("harness/report/a.py", "from harness import load", False),
        ("harness/commands/a.py", "from harness.report import write_page", True),
        ("harness/commands/a.py", "import run", False),
        ("harness/a.py", "from harness.commands import run", True),
        ("harness/a.py", "from target_signals import gen_heatmap_eval_metric_synthetic", False),
        ("common/a.py", "import harness", False),
        ("common/a.py", "from common import files", True),
        ("common/a.py", "import torch", True),
    ],
)
def test_the_rule_itself(tmp_path, owner, line, allowed):
    path = tmp_path / owner
    path.parent.mkdir(parents=True)
    path.write_text(line)
    (tmp_path / "run.py").touch()
    assert (not list(forbidden(path, tmp_path))) == allowed


def test_a_circle_is_found_wherever_the_import_stands(tmp_path):
    (tmp_path / "models").mkdir()
    texts = {"a": "from models import b", "b": "def f():\n    import models.c", "c": "from models.a import x", "d": ""}
    for name, text in texts.items():
        (tmp_path / "models" / f"{name}.py").write_text(text)
    paths = sorted((tmp_path / "models").glob("*.py"))
    assert circles(paths, tmp_path) == [("models.a", "models.b", "models.c")]


def test_what_only_reads_results_does_without_torch():
    reads = "harness.store.store, harness.plan.config, harness.analysis.summary, harness.figures.draw_figures"
    result = python(f"import {reads}, sys; print([m for m in ('torch', 'matplotlib', 'pandas') if m in sys.modules])")
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_a_table_is_loaded_without_torch(tmp_path):
    code = f"from harness import load; import sys; load({str(tmp_path)!r}); print('torch' in sys.modules)"
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


@pytest.mark.parametrize("module", ["harness.commands.run", "harness.__main__"])
def test_the_command_line_answers_help_without_what_is_slow_to_import(module):
    slow = ("torch", "pandas", "matplotlib", "scipy", "numpy.random")
    result = python(f"import {module}, sys; print([m for m in {slow} if m in sys.modules])")
    assert (result.stdout, result.stderr) == ("[]\n", "")
