"""`python -m harness rates` where it has nothing to draw."""

import pytest

from harness import __main__ as verbs

RATES = [{"bits": 8, "bytes": 900, "psnr": 14.0, "encode_seconds": 0.1, "decode_seconds": 0.1}]


@pytest.mark.parametrize(
    ("rates", "words", "says"),
    [
        (None, [], "no rows in '{out}' have rates; run a launcher with --bits"),
        (RATES, ["--signal", "Nope"], "no rows of 'Nope' in '{out}' have rates; run a launcher with --bits"),
    ],
)
def test_rows_without_rates_are_one_line(store, make_row, capsys, rates, words, says):
    out = store([make_row(rates=rates)])
    assert verbs.main(["rates", "--out", str(out), *words]) == 2
    assert capsys.readouterr().err.startswith(f"error: {says.format(out=out)}")
