"""Nothing that could run a file's contents: no pickles, and loaders that might take one are told not to."""

import ast

import pytest

from common.files import ROOT

SOURCES = [
    path for place in ("models", "target_signals", "harness", "benchmarks") for path in (ROOT / place).rglob("*.py")
]
SOURCES += ROOT.glob("*.py")
FORBIDDEN = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
SAFE = {"load": {"allow_pickle": False, "weights_only": True}, "read_array": {"allow_pickle": False}}
OWNERS = {"np", "numpy", "torch", "format"}  # of functions that may unpickle


def offences(text):
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (f"imports {name}" for name in names if name.split(".")[0] in FORBIDDEN)
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SAFE):
            continue
        owner = ast.unparse(node.func.value).split(".")[-1]
        given = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
        if owner in OWNERS and not SAFE[node.func.attr].items() & given.items():
            yield f"line {node.lineno}: {owner}.{node.func.attr} may unpickle"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles(path):
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("import pickle", 1),
        ("from pickle import loads", 1),
        ("np.load(x)", 1),
        ("np.load(x, allow_pickle=True)", 1),
        ("np.load(x, allow_pickle=False)", 0),
        ("torch.load(x)", 1),
        ("torch.load(x, weights_only=True)", 0),
        ("np.lib.format.read_array(x)", 1),
        ("saved.load(x)", 0),
        ("json.load(x)", 0),
    ],
)
def test_the_rule_itself(line, count):
    assert len(list(offences(line))) == count
