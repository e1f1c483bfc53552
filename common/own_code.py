"""The code of a file of one's own, with that of the modules beside it that it imports."""

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from common.files import PACKAGES


def digest_of(tree: ast.Module, folder: Path) -> str:
    """SHA-256 of the code of a file in a folder, and of every module there or below that it imports, or that such a
    module imports. Comments and line breaks are no part of it.

    Seen is what import statements name, wherever they stand. Raises SyntaxError for a module that is no Python.
    """
    digest = hashlib.sha256(ast.unparse(tree).encode())
    found: dict[str, str] = {}
    waiting = list(_imports(tree, ""))
    while waiting:
        for name, path in _modules(waiting.pop(), folder):
            if name not in found:
                code = _first_read(path)
                found[name] = ast.unparse(code)
                waiting += _imports(code, name if path.stem == "__init__" else name.rpartition(".")[0])
    for name in sorted(found):
        digest.update(f"\n# {name}\n{found[name]}".encode())
    return digest.hexdigest()


@functools.cache
def _first_read(path: Path) -> ast.Module:
    """The code of a module as it was when this process first looked: Python imports it once as well, so that after a
    change an open notebook runs, and names, the earlier one."""
    return ast.parse(path.read_bytes(), str(path))


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """The dotted names that import statements of a module of this package have, down to the names in modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _modules(dotted: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of every module of the folder that an import of a dotted name runs. A package hides a module."""
    parts = dotted.split(".")
    if not _begins_in(parts[0], folder):
        return
    for count in range(1, len(parts) + 1):
        module = folder.joinpath(*parts[:count])
        if path := next(filter(Path.is_file, (module / "__init__.py", module.with_suffix(".py"))), None):
            yield ".".join(parts[:count]), path


def _begins_in(top: str, folder: Path) -> bool:
    """Whether Python finds a module or a package of this name in the folder itself, and not elsewhere."""
    if top in PACKAGES:
        return False
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module without a specification, as a script is
        return False
    if spec is None:
        return False
    places = spec.submodule_search_locations or ([spec.origin] if spec.has_location and spec.origin else [])
    return any(Path(place).parent.resolve() == folder for place in places)  # the module itself may be a link
