"""Files as `python -m harness new` writes them, registered for as long as a test needs them."""

import contextlib

import pytest

import models
from harness.__main__ import main
from target_signals.base import registry as signals
from target_signals.tasks.base import registry as tasks

REGISTRIES = {"model": models.registry, "signal": signals, "task": tasks}
NEW = {"model": "NewModel", "signal": "NewSignal", "task": "new_task"}  # names that contract tests take beside the rest


@contextlib.contextmanager
def forgotten():
    """What is registered inside is forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for registry in REGISTRIES.values():
            patch.setattr(registry, "_classes", {name: registry.get(name) for name in registry.names()})
        yield


def write(kind, folder):
    """The path of a new file in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["new", kind, NEW[kind]]) == 0
    return folder / f"{NEW[kind]}.py"


def edit(path, old, new):
    """Put new in place of old, which the file has."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@contextlib.contextmanager
def registered(kind, folder):
    """The file's class is in its registry inside."""
    with forgotten():
        assert REGISTRIES[kind].load_file(write(kind, folder)) == [NEW[kind]]
        yield
