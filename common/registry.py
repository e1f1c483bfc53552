"""How one file becomes a model, a signal or a task: it registers itself, and is found.

`models`, `target_signals` and `target_signals.tasks` each hold one `Registry`. A module of the package whose text says
`@<registry>.register` (or `@register`) at the start of a line is imported the first time somebody
asks for a name; nothing else in the package is, so asking stays cheap and scripts are never run.
"""

import ast
import hashlib
import importlib
import importlib.util
import os
import pkgutil
import re
import shlex
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from common.errors import UsageError, cause_of, suggest, suggest_beside
from common.own_code import digest_of

T = TypeVar("T", bound=type)
# modules of files from outside the packages, as this process has imported them → SHA-256 of their code
LOADED: dict[str, str] = {}
NAME = r"[^\W\d_][\w+-]*"  # it stands in command lines, tables and the names of files


def version(*classes: type) -> str | None:
    """Twelve hex digits over the code of the files of one's own that classes come from, with the modules beside them
    that they import; None where there are no such files."""
    found = sorted({LOADED[cls.__module__] for cls in classes if cls.__module__ in LOADED})
    return hashlib.sha256(" ".join(found).encode()).hexdigest()[:12] if found else None


class OwnTrace(NamedTuple):
    """The traceback of an error from its first place in a file of one's own on, and its last such place."""

    frames: list[traceback.FrameSummary]
    last: traceback.FrameSummary


def own_trace(error: BaseException) -> OwnTrace | None:
    """None where an error did not come through a file of one's own."""
    frames = traceback.extract_tb(error.__traceback__)
    files = {sys.modules[name].__file__ for name in LOADED if name in sys.modules}
    own = [number for number, frame in enumerate(frames) if frame.filename in files]
    return OwnTrace(frames[own[0] :], frames[own[-1]]) if own else None


class Registry(Generic[T]):
    """Classes by their `name`, found in the modules of one package.

    kind: what an entry is called in messages, e.g. `"model"`.
    package: dotted name of the package whose modules are searched.
    check: raises ValueError for a class that cannot be an entry.
    """

    def __init__(self, kind: str, package: str, check: Callable[[T], None] = lambda cls: None):
        self.kind = kind
        self.package = package
        self._check = check
        self._classes: dict[str, T] = {}
        self._searched = False

    def register(self, cls: T) -> T:
        """Class decorator. Raises ValueError for a name that is missing, malformed or taken by another class, and for a
        class of which it shows, before anything is made of it, that it cannot be an entry."""
        name = getattr(cls, "name", None)
        if not (isinstance(name, str) and re.fullmatch(NAME, name)):
            what = f"{cls.__name__} needs a name" if name is None else f"{name!r} is no name of a {self.kind}"
            raise ValueError(f'{what}; give name = "…" of letters, digits, _, + and -, a letter first')
        other = self._classes.get(name)
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            both = f"by {other.__module__} and by {cls.__module__}"
            raise ValueError(f"{self.kind} '{name}' is registered twice: {both}; give one of them another name")
        self._check(cls)
        self._classes[name] = cls
        return cls

    def names(self) -> list[str]:
        """Every registered name, in alphabetical order."""
        self._search()
        return sorted(self._classes)

    def get(self, name: str) -> T:
        """The class registered as `name`. Raises UsageError that offers a close name."""
        self._search()
        if name not in self._classes:
            known = ", ".join(self.names())
            hint = " (names are separated by spaces)" if "," in name else suggest(name, self._classes)
            if os.path.isfile(f"{name}.py"):
                hint = f" (did you mean './{name}.py'?)"
            raise UsageError(
                f"unknown {self.kind} '{name}'{hint}; known: {known}; one of your own needs the path of its .py file"
            )
        return self._classes[name]

    def word_for(self, name: str) -> str:
        """What a command line calls the class: its name, or the path of the file of one's own that it comes from."""
        module = self.get(name).__module__
        path = sys.modules[module].__file__ if module in LOADED else None
        return shlex.quote(path or name)

    def load_file(self, path: str | Path) -> list[str]:
        """Import one Python file from anywhere and return the names it registered."""
        if not os.path.isfile(path):  # not pathlib's, which raises for a text that no file can be called
            hint = suggest_beside(Path(path), lambda entry: entry.suffix == ".py")
            raise UsageError(f"no file '{path}' to load a {self.kind} from{hint}")
        path = Path(path).resolve()
        self._search()
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]  # two files may share a stem
        # of one name for all kinds: a signal and its task may stand in one file, which is then loaded for both
        spec = importlib.util.spec_from_file_location(f"own_file_{path.stem}_{digest}", path)
        if spec is None:
            raise UsageError(f"'{path}' is not a Python file to load a {self.kind} from; its name must end in .py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        folder = os.getcwd()
        try:  # compiled here: Python's cache of compiled files takes one that changed within a second for the old one
            code = ast.parse(path.read_bytes(), str(path))
            LOADED[spec.name] = ""  # from here on its lines are somebody's own
            exec(compile(code, str(path), "exec"), vars(module))
            LOADED[spec.name] = digest_of(code, path.parent)
        except (Exception, SystemExit) as error:  # whatever the user's file raises becomes one line that names it
            trace = own_trace(error)
            LOADED.pop(spec.name, None)
            del sys.modules[spec.name]
            cause = cause_of(error) if trace is None else f"line {trace.last.lineno}: {cause_of(error)}"
            top = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
            if top and ((path.parent / top).is_dir() or (path.parent / f"{top}.py").is_file()):
                cause += f"; to import from its folder set PYTHONPATH={shlex.quote(str(path.parent))}"
            raise UsageError(f"'{path}' could not be loaded: {cause}") from error
        finally:
            os.chdir(folder)  # which some files change for what they import, and where results go
        names = sorted(name for name, cls in self._classes.items() if cls.__module__ == spec.name)
        if not names:
            raise UsageError(f"'{path}' registers no {self.kind}; decorate its class with @register")
        return names

    def _search(self) -> None:
        if self._searched:
            return
        package = importlib.import_module(self.package)
        for folder in package.__path__:
            for module in pkgutil.iter_modules([folder]):
                source = Path(folder) / f"{module.name}.py"
                if source.is_file() and re.search(r"^@(\w+\.)?register\b", source.read_text(encoding="utf-8"), re.M):
                    importlib.import_module(f"{self.package}.{module.name}")
        self._searched = True
