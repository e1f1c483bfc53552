"""Forecasts stand beside what a folder's rows say."""

import re

import pytest

import forecast
from harness.commands import run as run_command


def test_the_forecast_is_the_paper_on_so_many_devices(capsys):
    assert forecast.main(["--workers", "1", "1000000"]) == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()[2:]]
    *launches, together = rows
    assert together[0] == "together"
    assert sum(int(row[1].replace(",", "")) for row in launches) == int(together[1].replace(",", "")) == 15_774
    for name, _, *parts, alone, _ in launches:
        hours, share = alone.split()
        assert float(hours) == pytest.approx(sum(map(float, parts)), abs=0.03), name
        assert share.endswith("%)")
    hours = [float(row[6].split()[0]) for row in launches]
    assert float(together[6].split()[0]) <= sum(hours) + 0.05, "what is compiled once is compiled once"
    assert forecast.main(["--workers", "0"]) == 2
    assert capsys.readouterr().err.startswith("error: argument --workers: must be at least 1, got 0")


def test_the_forecast_of_a_folder_stands_beside_what_its_rows_say(capsys, tmp_path):
    words = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--models", "Grid", "Wavelet"]
    assert run_command.main([*words, "--seeds", "1", "2", "3", "--no-figures", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert forecast.main(["--against", str(tmp_path)]) == 0
    head, shares, _, _, _, *rows, _ = capsys.readouterr().out.splitlines()
    assert head.startswith("5 trials that one worker made, "), "nobody knows when the last one ended"
    assert re.match(r"training is \d+% of their time; beside it, each takes \d+ ms \(median\)$", shares)
    found = {row[0]: row[1:] for row in ([cell.strip() for cell in line.split("|")[1:-1]] for line in rows)}
    assert [found[name][0] for name in ("Grid", "Wavelet", "all")] == ["3", "2", "5"]
    assert forecast.main(["--against", str(tmp_path / "absent")]) == 2


def test_a_share_is_told_where_there_is_something_to_compare_with():
    assert forecast.compared(100.0, 110.0) == "100.0 (+10 %)"
    assert forecast.compared(0.01, 1.0) == "0.0"


# Workers on one machine
