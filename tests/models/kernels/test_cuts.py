"""The benchmark of BACON's cuts into kernels."""

import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is not installed here")
cuts = pytest.importorskip("cuts")

DEPTHS = {2: 5, 3: 9}  # layers of the paper's networks, by dimension


@pytest.mark.parametrize(("dim", "name"), [(dim, name) for dim in (2, 3) for name in cuts.CANDIDATES[dim]])
def test_every_cut_has_every_layer_once_from_the_top(dim, name):
    groups = cuts.CANDIDATES[dim][name].groups
    assert [i for bottom, top in reversed(groups) for i in range(bottom, top)] == list(range(DEPTHS[dim]))


def test_a_row_that_fails_or_never_ends_takes_no_other_with_it(monkeypatch, capsys):
    programs = iter(
        ["print('1 | 2')", "raise ValueError('broken')", "import time; time.sleep(60)", *2 * ["print('3 | 4')"]]
    )

    def started(dim, name, lock, arguments):
        command = [sys.executable, "-c", next(programs)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    monkeypatch.setattr(cuts, "started", started)
    monkeypatch.setattr(cuts, "SECONDS", 3)
    cuts.main(["--dims", "2", "--device", "cpu"])
    rows = [line.strip("| ").split(" | ", 1)[1] for line in capsys.readouterr().out.splitlines()[-5:]]
    assert rows == ["1 | 2", "ValueError: broken", "not ready after 3 s", "3 | 4", "3 | 4"]
