"""Seconds to the first update, with nothing compiled before and once more."""

from pathlib import Path

import pytest

import first_update
from common.errors import Failure
from common.exits import EXIT_FAILED, EXIT_OK
from harness.store.schema import OK, UNSUPPORTED

DEVICE = ["--device", "cpu"]
READY = {"status": OK, "reason": None, "backend": "triton", "precision": "bf16x3", "ready_seconds": 2.0}


@pytest.fixture
def starts(monkeypatch):
    """The command line of every start, which runs nothing, and by caches that it found filled."""
    found = []

    def start(words, environment):
        paths = [Path(environment[name]) for name in first_update.CACHES]
        filled = [any(path.iterdir()) for path in paths]
        assert len(set(filled)) == 1
        found.append((words, filled[0]))
        for path in paths:
            (path / "kernel").touch()
        return READY | {"ready_seconds": 3.0 if filled[0] else 12.0}

    monkeypatch.setattr(first_update, "only_row", start)
    return found


def lines_of(capsys):
    return capsys.readouterr().out.splitlines()


def test_a_cell_is_run_from_end_to_end(capsys):
    words = ["--models", "Siren", "--sizes", "2500", "--dims", "2", "--length", "8", *DEVICE]
    assert first_update.main(words) == EXIT_OK
    machine, _, _, row, _, last = lines_of(capsys)
    assert machine.startswith("on cpu: ")
    name, how, *seconds = (cell.strip() for cell in row.strip("|").split("|"))
    assert (name, how) == ("Siren 2D 2500", "torch fp32")
    assert len(seconds) == 2
    assert all(float(each) >= 0 for each in seconds)
    assert last == f"longest with nothing compiled before: {seconds[0]} s, Siren 2D 2500"


def test_the_first_start_finds_empty_caches_and_the_second_one_what_it_has_left(starts, capsys):
    assert first_update.main(["--models", "Siren", "Wire", "--sizes", "1e4", "--dims", "2", *DEVICE]) == EXIT_OK
    models = [words[words.index("--models") + 1] for words, _ in starts]
    assert models == ["Siren", "Siren", "Wire", "Wire"]
    assert [filled for _, filled in starts] == [False, True, False, True]
    assert lines_of(capsys)[3:5] == [f"| {name} 2D 10000 | triton bf16x3 | 12.0 | 3.0 |" for name in ("Siren", "Wire")]


def test_cells_that_tell_most_come_first(starts):
    first_update.main(["--models", "Siren", "Grid", "--sizes", "1e6", "1e5", "1e4", *DEVICE])
    names = ("--models", "--dim", "--sizes")
    cells = [tuple(words[words.index(name) + 1] for name in names) for words, _ in starts[::2]]
    order = [("2", "10000"), ("2", "100000"), ("3", "100000"), ("2", "1000000"), ("3", "1000000"), ("3", "10000")]
    assert cells == [(model, *cell) for cell in order for model in ("Siren", "Grid")]


def test_every_trained_model_of_the_paper_and_the_newer_ones_is_asked_for(config):
    options = first_update.parse(["--sizes", "1e4", "--dims", "2", *DEVICE])
    expected = {*config.protocol.models, *config.protocol.newer} - {"Grid_exact", "BlockDCT", "Wavelet", "FBP"}
    assert {trial.model for trial in first_update.cells(options)} == expected


def test_what_was_not_run_when_the_minutes_were_over_is_said(starts, monkeypatch, capsys):
    clock = iter([0.0, 0.0, 61.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    words = ["--models", "Siren", "Wire", "Grid", "--sizes", "1e4", "--dims", "2", "--minutes", "1", *DEVICE]
    assert first_update.main(words) == EXIT_OK
    assert len(starts) == 2
    assert lines_of(capsys)[-1] == "not run, as the minutes were over: Wire 2D 10000, Grid 2D 10000"


def test_a_model_that_there_is_not_is_started_once_and_the_row_says_why(monkeypatch, capsys):
    row = READY | {"status": UNSUPPORTED, "reason": "it is for images", "ready_seconds": None}
    monkeypatch.setattr(first_update, "only_row", lambda *_: row)
    assert first_update.main(["--models", "GSplat", "--sizes", "1e4", "--dims", "3", *DEVICE]) == EXIT_OK
    assert lines_of(capsys)[3:] == ["| GSplat 3D 10000 | unsupported: it is for images | – | – |"]


def test_a_start_that_fails_is_told_and_the_others_go_on(starts, monkeypatch, capsys):
    ready = first_update.only_row

    def start(words, environment):
        if "Siren" in words:
            raise Failure("no kernel")
        return ready(words, environment)

    monkeypatch.setattr(first_update, "only_row", start)
    assert first_update.main(["--models", "Siren", "Wire", "--sizes", "1e4", "--dims", "2", *DEVICE]) == EXIT_FAILED
    out, err = capsys.readouterr()
    assert out.splitlines()[3:5] == [
        "| Siren 2D 10000 | failed | – | – |",
        "| Wire 2D 10000 | triton bf16x3 | 12.0 | 3.0 |",
    ]
    assert err == "error: no kernel\n"


def test_a_command_line_that_fails_says_its_last_line():
    with pytest.raises(Failure, match=r"^run\.py --signal StarTarget --preset none: error: .*preset"):
        first_update.only_row(["--signal", "StarTarget", "--preset", "none"])
