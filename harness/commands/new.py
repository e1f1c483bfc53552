"""`python -m harness new model Waves`: a commented file with a model, a signal or a task that runs as it is."""

import argparse
import ast
import importlib
import importlib.util
import keyword
import os
import re
from pathlib import Path

from common.errors import UsageError
from common.exits import EXIT_OK
from common.files import in_clone, write_for_user

TEMPLATES = Path(__file__).parent / "templates"
KINDS = {"model": "models.base", "signal": "target_signals.base", "task": "target_signals.tasks.base"}  # contracts
NAME, CLASS = "example_name", "ExampleClass"  # what a template calls what it registers, and the class of it
ALLOWED = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS, help="what to write")
    parser.add_argument("name", help="what it is called, as in tables; the file is NAME.py in the current folder")


def run(options: argparse.Namespace) -> int:
    text = written(options.kind, options.name)
    path = Path(f"{options.name}.py")
    if os.path.lexists(path):
        raise UsageError(f"'{path}' is there already, and nothing is overwritten; choose another name")
    check_free(options.kind, options.name)
    first, *more = commands_in(text)
    write_for_user(path, text.encode(), f"begin it in another folder than '{Path.cwd()}'")
    print(f"wrote {path}, which runs as it is; its comments say what to change")
    print(f"try it: {first}")
    for command in more:
        print(f"see its place among the models that come with results: {command}")
    return EXIT_OK


def written(kind: str, name: str) -> str:
    """The template of a kind with a name in it. Raises UsageError for a name that it cannot have."""
    given = f"a {kind} cannot be called '{name}'"
    if not ALLOWED.fullmatch(name):
        raise UsageError(f"{given}; give a letter and at most 39 more letters, digits and underscores")
    if kind == "task" and re.search(r"_[0-9]+$", name):
        raise UsageError(f"{given}: a number after '_' is a level, as in denoise_0.05; choose another name")
    text = (TEMPLATES / f"{kind}.py").read_text(encoding="utf-8")
    cls = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if keyword.iskeyword(name) or keyword.iskeyword(cls) or cls in names_in(text):
        raise UsageError(f"{given}: the file has another use for that word; choose another name")
    return text.replace(NAME, name).replace(CLASS, cls)


def names_in(text: str) -> set[str]:
    """Every name that Python code uses, imports or defines."""
    nodes = list(ast.walk(ast.parse(text)))
    found = {node.id for node in nodes if isinstance(node, ast.Name)}
    return found | {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.alias)}


def check_free(kind: str, name: str) -> None:
    """UsageError for a name that the suite or a module of Python has."""
    from harness.plan.config import GROUPS
    from harness.plan.source import check_name

    if kind == "signal":
        check_name(name)
    known = importlib.import_module(KINDS[kind]).registry.names()
    if name in known or (kind == "model" and name in GROUPS):
        raise UsageError(f"the suite has a {kind} called '{name}'; choose another name")
    if importlib.util.find_spec(name) is not None:
        raise UsageError(f"'{name}.py' would hide Python's module '{name}'; choose another name")


def commands_in(text: str) -> list[str]:
    """The commands that a template's docstring shows, as they are called from the current folder."""
    script = os.path.relpath(in_clone("run.py"))
    return [f"python {script} {line}" for line in re.findall(r"^    python run\.py (.+)$", text, re.M)]
