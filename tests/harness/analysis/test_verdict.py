"""The verdict on a user's own signal, by hand."""

import numpy as np
import pytest

from harness.analysis.largest_error import where_it_fails
from harness.analysis.verdict import tell
from harness.store.names import folder_of, key_of
from harness.store.store import Store
from harness.store.table import to_table


def error(shape, region, cycles=0):
    """A residual that is confined to a region, a plane wave of so many cycles along axis 0."""
    wave = np.cos(2 * np.pi * cycles * np.arange(shape[0]) / shape[0] + 0.3)
    field = np.zeros(shape, dtype=np.float32)
    field[region] = np.broadcast_to(wave.reshape(-1, *[1] * (len(shape) - 1)), shape)[region]
    return field


@pytest.mark.parametrize(
    ("residual", "said"),
    [
        (error((30, 30, 1), np.s_[:10, 20:]), "top right (100% of it in one of 9 parts)"),
        (error((30, 30, 3), np.s_[10:20, :10]), "middle left (100% of it in one of 9 parts)"),
        (error((60, 60, 1), np.s_[:], 2), "lowest quarter of the frequencies (100%)"),
        (error((60, 60, 1), np.s_[:], 28), "highest quarter of the frequencies (100%)"),
        (
            error((9, 9, 9, 1), np.s_[:3, 3:6, 6:]),
            "first third of axis 0, middle third of axis 1, last third of axis 2",
        ),
        (np.zeros((9, 9, 1), np.float32), "(0% of it in one of 9 parts)"),
    ],
)
def test_the_largest_error_is_found(residual, said):
    assert said in where_it_fails(residual)


def test_the_best_of_each_budget_is_told_with_its_margin(make_row, tmp_path):
    rows = []
    for model, size, psnr, seconds in [("Grid", 1000, 20.0, 0.1), ("Siren", 1000, 23.5, 10.0), ("Grid", 4000, 25.0, 1)]:
        row = make_row(model=model, size=size, psnr=psnr, psnr_constant=10.0, seconds=seconds, parameters=size)
        row |= {"task": "fit", "shape": [20, 20, 1]}
        store = Store(tmp_path, folder_of(row))
        store.prepare()
        store.write(key_of(row), row, error((20, 20, 1), np.s_[:6, :6]))
        rows.append(row)
    text = tell(to_table(rows), tmp_path)
    assert "1,000 parameters (80 bits a sample): Siren (one draw): 23.5 dB, 3.5 dB ahead of Grid" in text
    assert "most quality per second: Grid, 100 dB a second over the mean, 0.10 s" in text
    assert "4,000 parameters (320 bits a sample): Grid: 25.0 dB; no other to compare with" in text
    assert text.endswith("one draw: no spread that could tell a win from a tie")
    assert "busy" not in text
    busy = [row | {"load_at_start": 2.0 if row["model"] == "Grid" else 1.0} for row in rows]
    assert "over the mean, 0.10 s, timed on a busy machine" in tell(to_table(busy), tmp_path)
    assert text.count("top left") == 2
    assert tell(to_table([row | {"status": "diverged"} for row in rows]), tmp_path) == ""
