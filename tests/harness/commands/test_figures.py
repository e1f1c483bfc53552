"""`python -m harness figures`: what is drawn, what is chosen, what is missing, and mistakes."""

import sys
from pathlib import Path

import pytest

from harness.commands import figures
from tests.harness.tables import MODELS, rows_of


@pytest.fixture
def results(store, make_table):
    """A results folder with the rows of a small run."""
    return store(rows_of(make_table(bands=[0.1, 0.5], sizes=[10_000], seeds=[1])))


def script(*arguments):
    return figures.main("Draw.", arguments=[*map(str, arguments)])


def test_the_script_draws_and_says_what_it_wrote(results, capsys):
    assert script("--out", str(results), "--signal", "Sphere", "--dim", "2", "--task", "fit") == 0
    *lines, note = capsys.readouterr().out.splitlines()
    assert note.endswith("no residual was kept: no reconstructions and no spectra drawn")
    wrote = [line.removeprefix("wrote ") for line in lines]
    assert sorted(wrote) == sorted(str(path) for path in results.rglob("figures/*/[!.]*.*"))
    assert len(wrote) == 2 * 9


def test_what_was_chosen_stands_apart_from_the_figures_of_everything(results, capsys):
    chosen = ["--models", "Siren", "Grid", "--sizes", "1e4", "--width", "3.3", "--theme", "serif"]
    assert script("--out", str(results), *chosen) == 0
    wrote = [Path(line.removeprefix("wrote ")) for line in capsys.readouterr().out.splitlines()]
    assert {path.parent for path in wrote} == {results / "2d_Sphere" / "figures" / "paper_1000_1000" / "chosen"}
    assert sorted(wrote) == sorted(results.rglob("figures/*/*/*.*"))
    assert b"STIX" in next(path for path in wrote if path.suffix == ".pdf").read_bytes()


def test_the_script_says_what_is_missing(results, capsys):
    next(results.rglob("*.json")).unlink()
    assert script("--out", str(results)) == 0
    assert "lacks 1 of 2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--signal", "Spere"], "no rows of signal 'Spere' (did you mean 'Sphere'?); there are: Sphere"),
        (["--dim", "3"], "no rows of dim '3'; there are: 2"),
        (["--task", "ct"], "no rows of task 'ct'; there are: fit"),
        (["--models", "Sirne"], f"no rows of model 'Sirne' (did you mean 'Siren'?); there are: {', '.join(MODELS)}"),
        (["--sizes", "3e4"], "no rows of size '30000' (did you mean '10000'?); there are: 10000"),
        (["--width", "1"], "--width must be from 2.5 to 20 inches, got 1"),
        (["--metric", "iou"], "no row of these has iou; choose another --metric"),
        (
            ["--config", "absent.json"],
            "cannot read the settings file 'absent.json': No such file or directory; give one with --config",
        ),
    ],
)
def test_the_script_ends_with_one_line_when_there_is_nothing(results, capsys, options, says):
    assert script("--out", str(results), *options) == 2
    assert capsys.readouterr().err == f"error: {says}\n"


def test_the_script_runs_as_a_file(store, make_row, command):
    path = Path(figures.__file__).parents[2] / "target_signals" / "gen_heatmap_eval_metric_synthetic.py"
    result = command(sys.executable, path, "--out", store([make_row()]))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("wrote ") == 2 * 4
