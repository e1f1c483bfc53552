"""The numbers of docs/answer.md and of the README's first screen, against the reference results that are shipped."""

import re
from collections import defaultdict
from pathlib import Path
from statistics import mean

import pytest

from harness.plan.want import FOLDER
from harness.store.parquet import read_rows

ROOT = Path(__file__).resolve().parent.parent
ANSWER = (ROOT / "docs" / "answer.md").read_text(encoding="utf-8")
SIZES = {"10k": 10_000, "100k": 100_000}


@pytest.fixture(scope="module")
def scores():
    """`scores[preset, task, model, size]`: means over items of PSNR after the last update and at its best."""
    found = defaultdict(list)
    for preset in ("paper", "tuned"):
        for row in read_rows(FOLDER / f"{preset}.parquet").values():
            if row["signal"] == "DIV2K" and row["psnr"] is not None:
                found[preset, row["task"], row["model"], row["size"]].append((row["psnr"], row["psnr_best"]))
    return {key: tuple(map(mean, zip(*own, strict=True))) for key, own in found.items()}


def table(after):
    """The cells of the first table behind a heading or sentence, without its head."""
    lines = ANSWER[ANSWER.index(after) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:] if line.startswith("|")]
    width = len(rows[0])
    return rows[2 : next((i for i, row in enumerate(rows) if len(row) != width), len(rows))]


def test_papers_settings_against_tuned_ones(scores):
    rows = table("## Photographs")[: 2 * 9]
    assert len(rows) == 18
    for budget, model, paper, tuned, change, _ in rows:
        before, after = (scores[preset, "fit", model, SIZES[budget]][0] for preset in ("paper", "tuned"))
        assert (paper, tuned) == (f"{before:.1f}", f"{after:.1f}"), (budget, model)
        assert change.split(" ")[0].replace("−", "-") in {f"{after - before:.1f}", f"{after - before + 1e-9:.1f}"}
    for size in SIZES:
        own = [row for row in rows if row[0] == size]
        for place in (0, 1):  # before the arrow and behind it
            ranked = sorted(own, key=lambda row: int(row[5].split(" → ")[place]))
            preset = ("paper", "tuned")[place]
            values = [scores[preset, "fit", row[1], SIZES[size]][0] for row in ranked]
            assert values == sorted(values, reverse=True), (size, preset)


def test_denoising(scores):
    columns = [("denoise_0.05", 10_000), ("denoise_0.05", 100_000), ("denoise_0.1", 10_000), ("denoise_0.1", 100_000)]
    rows = table("## Other tasks")
    assert len(rows) == 9
    for model, *cells in rows:
        assert cells == [f"{scores['tuned', task, model, size][0]:.1f}" for task, size in columns], model


def test_the_papers_table(scores):
    rows = table("## The paper's tables")
    assert len(rows) == 8
    for model, *cells in rows:
        for (published, ours, difference), size in zip((cells[:3], cells[3:]), SIZES.values(), strict=True):
            last, best = scores["paper", "fit", model, size]
            assert ours == f"{best:.2f} [{last:.2f}]", (model, size)
            assert float(difference.replace("−", "-")) == pytest.approx(best - float(published), abs=0.0051)


@pytest.mark.parametrize(
    ("sentence", "preset", "task", "model"),
    [
        (r"\*\*Finer\*\*, with .*? has (\S+) dB at 10⁴ and (\S+) dB", "paper", "fit", "Finer"),
        (r"wavelet transform, .*? have\s+(\S+) and (\S+) dB", "paper", "fit", "Wavelet"),
        (r"tuned Siren is first with (\S+) and\s+(\S+) dB", "tuned", "super_resolution", "Siren"),
        (r"GAPlane second with (\S+) and (\S+) at", "tuned", "super_resolution", "GAPlane"),
    ],
)
def test_sentences(scores, sentence, preset, task, model):
    found = re.search(sentence, ANSWER, re.DOTALL)
    assert found is not None
    assert found.groups() == tuple(f"{scores[preset, task, model, size][0]:.1f}" for size in SIZES.values())
