"""What a trial is fitted to: its signal and its task. The last few of both are kept, as trials share them."""

import functools
from pathlib import Path

import target_signals
from common.errors import UsageError
from harness.plan.trial import About, Trial
from harness.store.own_signal import kept_signal, signal_path
from harness.store.schema import Row
from target_signals import item_names, user_file
from target_signals.base import Signal
from target_signals.tasks.base import make_task
from target_signals.tasks.task import Task


def task_of(trial: Trial, signal: Signal) -> Task:
    """What a trial is trained on, and how it is scored; the last few are kept, as a signal's tasks take turns."""
    return cached_task(trial.task, signal, trial.signal_seed, trial.item or "", trial.signal_code)


@functools.lru_cache(maxsize=4)
def cached_task(name: str, signal: Signal, seed: int, item: str, code: str | None) -> Task:
    """code: the version of one's own files, so that nothing made by an earlier version is taken for it."""
    return make_task(name, signal, seed, item)


def signal_again(trial: Trial, row: Row, out: Path) -> Signal:
    """The signal of a row that is made again: a person's own is the one that the results folder `out` keeps, unless
    its file was given."""
    kept = signal_path(out, row)
    if trial.signal == user_file.UserFile.name and trial.path is None and kept.is_file():
        return kept_signal(kept, trial.dim)
    return signal_of(trial)


def signal_of(trial: Trial) -> Signal:
    """What a trial is about; the last few are kept, as trials of one signal follow each other."""
    return cached_signal(trial.about, trial.path, trial.signal_code)


@functools.lru_cache(maxsize=2)
def cached_signal(about: About, path: str | None, code: str | None) -> Signal:
    """code: as for `cached_task`."""
    if path is not None:
        # its row would have the name, and the verdict, of what it held before
        if user_file.item_of(path) != about.item:
            raise UsageError(f"'{path}' has changed since the run was planned; start it again")
        return user_file.load_signal(path, about.length, about.dim)
    if about.name == user_file.UserFile.name:
        called = item_names.name_of(str(about.item))
        raise UsageError(f"it is of a file of somebody's own, {called}; give its path with --file")
    return target_signals.get_signal(*about)
