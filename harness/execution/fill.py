"""Running what the reference results lack: the most wanted first, and of each trial the rows alone are kept."""

import argparse
import functools
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from common.parser import Parser
from harness.execution import run_trials, trial_rows
from harness.execution.choose_executor import count_workers, run_where_asked
from harness.execution.options import words_of
from harness.execution.shared_options import add_config
from harness.plan import reference
from harness.plan.config import load_config
from harness.plan.trial import Trial
from harness.store.names import Name
from harness.store.parquet import read_rows, write_rows
from harness.store.schema import Row

VERB = "reference"
SELDOM = 20  # times as long as writing a file takes, at least, until it is written again


def parse(words: Sequence[str]) -> argparse.Namespace:
    """What a worker is told: the settings file, and the results folder that it shares with the others."""
    parser = Parser(prog=f"python -m harness {VERB}")
    add_config(parser)
    parser.add_argument("--out", required=True)
    parser.set_defaults(save_model=False)
    return parser.parse_args(words)


def possible(options: argparse.Namespace) -> list[Trial]:
    """The trials that a worker may be told to run; of two with one key, the last is what `reference.missing` gives."""
    order = reference.groups(load_config(options.config))
    return [*(trial for group in order for trial in group.trials), *reference.in_bits(order).values()]


class Files:
    """The reference's rows while some are added: one file a preset, written whole each time, with the rows that others
    have added to it meanwhile.

    gone: rows that the files are to lose. new: those that were added here.
    """

    def __init__(self, folder: Path, rows: Mapping[Name, Row], gone: Mapping[Name, Row]):
        self.folder, self.rows, self.gone = folder, dict(rows), gone
        self.new: dict[Name, Row] = {}
        self.unwritten = {row["preset"] for row in gone.values()}  # presets whose files hold others
        self.due = 0.0  # on time.monotonic's clock

    def take(self, trial: Trial, out: str) -> None:
        """Add a trial's rows from a results folder, if it has them and they are not there yet."""
        if reference.is_there(trial, self.rows):
            return
        for name, row in trial_rows.stored(trial, out).items():
            if row is not None:
                self.rows[name] = self.new[name] = row
                self.unwritten.add(trial.preset)
        if time.monotonic() >= self.due:
            self.write()

    def write(self) -> None:
        """Write the files of presets that have new rows."""
        begin = time.monotonic()
        for preset in sorted(self.unwritten):
            path = self.folder / f"{preset}.parquet"
            self.rows |= {name: row for name, row in read_rows(path).items() if name not in self.gone} | self.new
            own = {name: row for name, row in self.rows.items() if row["preset"] == preset}
            write_rows(path, own)
        self.unwritten.clear()
        end = time.monotonic()
        self.due = end + SELDOM * (end - begin)


def fill(trials: Sequence[Trial], files: Files, device: torch.device, options: argparse.Namespace) -> None:
    """Run trials, the first of them first, and add their rows to the files, also when it is interrupted.

    options: of the verb. deadline: in it, on time.monotonic's clock; no trial begins after it.
    """
    with tempfile.TemporaryDirectory(prefix="reference-", ignore_cleanup_errors=True) as out:
        own = argparse.Namespace(**vars(options) | {"out": out, "executor": "local", "slurm": []})
        words = [VERB, *words_of({"config": options.config, "out": out})]
        take = functools.partial(files.take, out=out)
        how = run_trials.RunOptions(out, device, deadline=options.deadline, on_end=take, arrays=False)
        workers = count_workers(own, device, trials)
        try:
            run_where_asked(trials, how, own, workers, words, in_turn=True)
        finally:
            for trial in trials:
                take(trial)
            files.write()
