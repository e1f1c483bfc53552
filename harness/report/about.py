"""What a model is, as its file says it: read from the source, so that no library is loaded for it."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HOME = "models"  # the package; a look at where it lies does not import it
NAMED = re.compile(r"[\w ]+: ")  # what a title begins with
CITATION = re.compile(r"\(([^()]*\b(?:19|20)\d\d\b[^()]*)\)")  # in brackets, with a year


@dataclass(frozen=True)
class Source:
    """A class of a file. lines: of the file. intro: the file's docstring."""

    node: ast.ClassDef
    lines: list[str]
    intro: str

    @property
    def name(self) -> str:
        """What the class calls itself, as `name = "Siren"`; nothing where it does not."""
        for part in self.node.body:
            match part:
                case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                    return name
        return ""


def about(models: list[str]) -> dict[str, dict[str, Any]]:
    """What each model is: {title, text, paper, settings: what each means}; other people's are left out."""
    sources = {source.node.name: source for source in _sources()}
    return {source.name: _described(source, sources) for source in sources.values() if source.name in models}


def _sources() -> Iterator[Source]:
    """The classes of the package's files."""
    spec = find_spec(HOME)
    for folder in (spec and spec.submodule_search_locations) or ():
        for file in sorted(Path(folder).glob("*.py")):
            text = file.read_text(encoding="utf-8")
            tree = ast.parse(text)
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    yield Source(node, text.splitlines(), ast.get_docstring(tree) or "")


def _described(source: Source, sources: Mapping[str, Source]) -> dict[str, Any]:
    title, text = (" ".join(part.split()) for part in (source.intro.split("\n\n")[0], source.intro))
    own = " ".join((ast.get_docstring(source.node) or title).split())
    paper = CITATION.search(own) or CITATION.search(text)
    return {
        "title": NAMED.sub("", title, count=1) if NAMED.match(title) else title,
        "text": own,
        "paper": paper[1] if paper else None,
        "settings": _settings(source.node.name, sources),
    }


def _settings(name: str, sources: Mapping[str, Source]) -> dict[str, str]:
    """The comments on the fields of a class's Config, inherited ones first."""
    if name not in sources:
        return {}
    source = sources[name]
    config = next((part for part in source.node.body if isinstance(part, ast.ClassDef) and part.name == "Config"), None)
    bases = source.node.bases if config is None else config.bases
    found: dict[str, str] = {}
    for base in bases:
        match base:  # `class FBP(GridExact)` without a Config, or `class Config(Grid.Config)`
            case ast.Name(id=parent) | ast.Attribute(value=ast.Name(id=parent), attr="Config"):
                found |= _settings(parent, sources)
    for field in config.body if config is not None else ():
        if isinstance(field, ast.AnnAssign) and (comment := _comment(field, source.lines)):
            found[ast.unparse(field.target)] = comment
    return found


def _comment(field: ast.AnnAssign, lines: list[str]) -> str:
    """What stands behind a field, else in the lines above it."""
    if behind := lines[field.lineno - 1].partition("  # ")[2]:
        return behind
    above: list[str] = []
    at = field.lineno - 2
    while lines[at].lstrip().startswith("#"):
        above.insert(0, lines[at].strip("# "))
        at -= 1
    return " ".join(above)
