"""What a model is, as its file says it: read from the source, so that no library is loaded for it."""

import ast
import re
from importlib import resources
from typing import Any

YEAR = re.compile(r"\(([^()]*\b(?:19|20)\d\d\b[^()]*)\)")


def about(models: list[str]) -> dict[str, dict[str, Any]]:
    """By model {title, text, paper, settings: what each means}; models of other people's files are left out."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(resources.files("models").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".py") or "@register" not in (source := file.read_text(encoding="utf-8")):
            continue
        tree = ast.parse(source)
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and (name := _name(node)) in models:
                title = " ".join((ast.get_docstring(tree) or "").split("\n\n")[0].split())
                paper = YEAR.search(" ".join((ast.get_docstring(tree) or "").split()))
                found[name] = {
                    "title": title,
                    "text": " ".join((ast.get_docstring(node) or title).split()),
                    "paper": paper[1] if paper else None,
                    "settings": _settings(node, source.splitlines()),
                }
    return found


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
