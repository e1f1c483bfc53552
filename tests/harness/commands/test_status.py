"""`status`: what is done, running, failed and left, from the store alone, and fast."""

import json
import os
import re
import subprocess
import sys

import pytest

from harness import __main__ as verbs
from harness.analysis.experiments import Experiment, experiments
from harness.store import liveness, scan
from harness.store.scan import gather, without_curve
from target_signals.sample_images import SampleImages
from tests.harness.paper_rows import paper_rows


@pytest.fixture
def rows(make_row):
    """Two models × two budgets × two seeds of one band, of which one run is missing and one failed."""
    made = [
        make_row(model=model, size=size, seed=seed, preset="quick", steps=250, length=128)
        for model in ("Grid", "Siren")
        for size in (3000, 10_000)
        for seed in (1234, 2024)
    ]
    made[-1] |= {"status": "diverged", "reason": "the loss was not finite after pass 50", "psnr": None}
    return [*made[:4], *made[5:]]


@pytest.fixture
def status(capsys):
    def call(out):
        code = verbs.main(["status", "--out", str(out)])
        return code, *capsys.readouterr()

    return call


def test_an_experiment_is_counted_by_what_ended_how_and_what_is_left(store, rows, status, config):
    code, out, _ = status(store(rows))
    assert code == 0
    head, line = (line.split() for line in out.splitlines()[2:4])
    assert head[-5:] == ["failed", "missing", "left", "of", "preset"]
    # the plan: every model × two budgets × three bands × one seed, of which three have rows
    left = len(config.protocol.models) * 2 * 3 * 1 - 3
    assert " ".join(line) == f"Sierpinski 2D fit quick, length 128, 250 steps 6 0 1 1 {left}"
    assert "Siren diverged 1× (budgets 10k): the loss was not finite after pass 50" in out


@pytest.mark.parametrize(("signal", "items"), [("StarTarget", [None]), ("SampleImages", SampleImages.items)])
def test_left_are_all_items_of_a_set_and_no_bands_of_a_signal_that_has_none(make_row, config, signal, items):
    preset = config.preset("paper", signal, 2)
    assert len(preset.bandlimits) > 1
    first = {"size": preset.sizes[0], "seed": preset.seeds[0], "length": next(iter(preset.length.values()))}
    row = make_row(signal=signal, item=items[0], bandlimit=None, preset="paper", steps=preset.steps, **first)
    (experiment,) = experiments([row])
    planned = len(preset.items or items) * len(config.protocol.models) * len(preset.sizes) * len(preset.seeds)
    assert len(experiment.left(config)) == planned - 1


def test_a_run_with_its_own_steps_is_of_no_preset(store, rows, status):
    _, out, _ = status(store([row | {"steps": 7} for row in rows]))
    assert out.splitlines()[3].split()[-1] == "-"


def test_rows_at_their_own_length_that_lack_the_steps_are_said_to(store, rows, status):
    _, out, _ = status(store([row | {"length": None, "steps": None} for row in rows]))
    assert "quick, native size, steps unknown" in out.splitlines()[3]


def test_older_rows_are_not_counted(store, rows, status):
    again = rows[0] | {"started": "2026-02-01T00:00:00.000+00:00", "config_hash": "other"}
    _, out, _ = status(store([again, *rows]))
    assert out.splitlines()[3].split()[8:10] == ["6", "0"]
    assert "1 row not counted: later ones are of other settings or other code" in out


def test_a_file_that_was_edited_has_the_digits_of_its_content_beside_its_name(make_row):
    def titles(*items):
        return [one.title for one in experiments([make_row(signal="UserFile", item=item) for item in items])]

    assert titles("photo.png-0123abcd") == ["photo.png"]
    items = ("photo.png-0123abcd", "photo.png-89abcdef")
    assert titles(*items, "scan.png-0123abcd") == [*items, "scan.png"]


def test_the_missing_are_named(rows):
    (experiment,) = experiments(rows)
    assert [(cell.model, cell.size, cell.seed) for cell in experiment.missing()] == [("Siren", 3000, 1234)]


def test_runs_are_told_alive_from_dead(store, rows, status):
    out = store(rows)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    said = {"trial": "Grid 3,000 seed 1", "step": 50, "steps": 250, "host": "box", "started": "today"}
    folder = out / "2d_Sierpinski" / "claims"
    folder.mkdir()
    for pid in (os.getpid(), gone.pid):
        (folder / f"{pid}.json").write_text(json.dumps(said | {"pid": pid, "numbering": liveness.numbering()}))
    (folder / "broken.json").write_text("{")
    new = {"trial": "Siren 3,000 seed 1", "host": "box", "pid": os.getpid(), "numbering": liveness.numbering()}
    (folder / "new.json").write_text(json.dumps(new | {"started": "now"}))
    _, text, _ = status(out)
    assert "Siren 3,000 seed 1, not at its first pass yet, on box" in text
    running = f"Grid 3,000 seed 1, pass 50 of 250, on box (process {os.getpid()}), started today"
    assert f"\n  {running}\n" in text
    assert f"ended without finishing, runs again: {running.replace(str(os.getpid()), str(gone.pid))}" in text


def test_files_that_are_no_rows_are_named(store, rows, status, capsys):
    out = store(rows)
    folder = out / "2d_Sierpinski" / "rows"
    (folder / "half.json").write_text('{"signal": "Sier')
    (folder / "list.json").write_text("[1]")
    (folder / "types.json").write_text(json.dumps(rows[0] | {"size": "many"}))
    (folder / "curve.json").write_text(json.dumps(rows[0] | {"psnr_rings": ["<b>"]}))
    (folder / "aside.corrupt").write_text("")
    (folder / ".new.json").write_text("")  # being written
    _, text, _ = status(out)
    assert "5 files that cannot be read as rows" in text
    assert "2d_Sierpinski/rows/types.json: 'size' is no whole number" in text
    assert ".new.json" not in text
    for verb in ("table", "report"):
        assert verbs.main([verb, "--out", str(out)]) == 0
        notes = capsys.readouterr().err.splitlines()
        assert len(notes) == 5
        assert "note: left out 2d_Sierpinski/rows/types.json: 'size' is no whole number" in notes


def test_an_empty_folder_and_none(tmp_path, status):
    says = f"no rows in '{tmp_path}'; run a launcher first, for example bash run_2dsierpinski.sh\n"
    assert status(tmp_path) == (0, says, "")
    code, _, err = status(tmp_path / "absent")
    assert code == 2
    assert err.startswith("error: no folder")
    assert len(err.splitlines()) == 1


def test_a_curve_is_cut_out_of_a_stored_row_alone(make_row):
    row = make_row(settings={"curve": [1]}, reason='a "curve": [ in words')
    stored = json.dumps(row, indent=1).encode()
    assert json.loads(without_curve(stored)) == row | {"curve": None}
    for text in (json.dumps(row).encode(), json.dumps(row | {"curve": None}, indent=1).encode(), b"", b"{"):
        assert without_curve(text) == text


def test_every_row_is_read_and_parsed_once_and_without_its_curve(store, status, calls):
    out = store(paper_rows(800))
    read, parsed, planned = calls(scan, "read_bounded"), calls(scan, "parse_text"), calls(Experiment, "left")
    assert "800 rows of 3 experiments" in status(out)[1]
    assert sorted(path for path, _ in read) == sorted(out.glob("*/rows/*.json"))
    assert len(parsed) == 800
    assert {re.search(rb'"curve": (.*?),?\n', text)[1] for (text,) in parsed} == {b"null"}
    assert len(planned) == 3, "the preset of each experiment"


def test_it_does_without_torch_and_pandas(store, rows, command):
    code = f"""
import sys
from harness import __main__
__main__.main(["status", "--out", {str(store(rows))!r}])
print([m for m in ("torch", "pandas", "matplotlib", "scipy") if m in sys.modules], file=sys.stderr)
"""
    assert command(sys.executable, "-c", code).stderr == "[]\n"


def test_gathering_keeps_curves_when_asked(store, rows):
    out = store(rows)
    assert gather(out).stored[0].row["curve"] == rows[0]["curve"]
    assert gather(out, curves=False).stored[0].row["curve"] is None
