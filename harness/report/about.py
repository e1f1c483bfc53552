"""What a model is, as its file says it: read from the source, so that no library is loaded for it."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HOME = "models"  # the package; a look at where it lies does not import it
YEAR = re.compile(r"\(([^()]*\b(?:19|20)\d\d\b[^()]*)\)")


def about(models: list[str]) -> dict[str, dict[str, Any]]:
    """For each model {title, text, paper, settings: what each means}; models of other people's files are left out."""
    found: dict[str, dict[str, Any]] = {}
    spec = find_spec(HOME)
    for folder in (spec and spec.submodule_search_locations) or ():
        for file in sorted(Path(folder).glob("*.py")):
            if "@register" in (source := file.read_text(encoding="utf-8")):
                found |= _in_source(source, models)
    return found


def _in_source(source: str, models: list[str]) -> dict[str, dict[str, Any]]:
    tree = ast.parse(source)
    intro = ast.get_docstring(tree) or ""
    title, paper = " ".join(intro.split("\n\n")[0].split()), YEAR.search(" ".join(intro.split()))
    return {
        name: {
            "title": title,
            "text": " ".join((ast.get_docstring(node) or title).split()),
            "paper": paper[1] if paper else None,
            "settings": _settings(node, source.splitlines()),
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef) and (name := _name(node)) in models
    }


def _name(node: ast.ClassDef) -> str:
    """What the class calls itself, as `name = "Siren"`; nothing where it does not."""
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                return name
    return ""


def _settings(node: ast.ClassDef, lines: list[str]) -> dict[str, str]:
    """Comments beside the fields of the class's Config."""
    configs = [part for part in node.body if isinstance(part, ast.ClassDef) and part.name == "Config"]
    fields = [part for config in configs for part in config.body if isinstance(part, ast.AnnAssign)]
    comments = {ast.unparse(field.target): lines[field.lineno - 1].partition("  # ")[2] for field in fields}
    return {name: comment for name, comment in comments.items() if comment}
