"""The panel of precisions: its lines add up, and its rule is the one that docs/precision.md states."""

import json
import math
import re
from types import SimpleNamespace

import pytest
import torch

import parity
import parity_table
import parity_trials
from common.files import ROOT
from harness.train.data import signal_of, task_of
from harness.train.loss import LatticeGradient
from harness.train.run_trial import build, make_schedule, solve


def panel(out, *more):
    arguments = ["--device", "cpu", "--length", "12", "--steps", "2", "--sizes", "2500", "--out", str(out)]
    return parity.main([*arguments, *more])


def test_lines_add_up_seed_by_seed_and_nothing_is_repeated(tmp_path, capsys):
    out = tmp_path / "parity.jsonl"
    signals = ["--signals", "StarTarget", "Sierpinski", "--models", "Siren", "--precisions", "fp32", "bf16"]
    assert panel(out, *signals, "--seeds", "1") == 0
    assert panel(out, *signals, "--seeds", "1", "2") == 0
    lines = [json.loads(text) for text in out.read_text().splitlines()]
    assert [line["seed"] for line in lines] == [1] * 6 + [2] * 6
    assert [line["precision"] for line in lines] == ["fp32", "bf16"] * 6
    assert {line["backend"] for line in lines} == {"torch"}
    assert {line["case"] for line in lines} == {"StarTarget 2D", "Sierpinski 2D 0.3", "Sierpinski 2D 0.5"}
    capsys.readouterr()
    assert panel(out, "--models", "Siren", "Grid", "GAPlane", "--table") == 1
    said = capsys.readouterr().out
    assert "Siren in bf16x3: does not pass\nnot run: all 11 at 2,500\n" in said, "its own precision"
    assert "Siren in bf16: does not pass\n" in said
    assert "too few seeds: Sierpinski 2D 0.3 2,500 (2 of " in said
    assert "GAPlane" not in said, "whose own precision is float32"


def test_float32_is_trained_by_pytorch_alone_compiled_where_that_can_be(monkeypatch):
    lacking = []
    monkeypatch.setattr(
        parity_trials.backends, "missing", lambda backend, device: "none" if backend in lacking else None
    )
    assert parity_trials.exact_backend("Siren", "cpu") == "inductor"
    assert parity_trials.exact_backend("GSplat", "cpu") == "torch", "which nobody compiles"
    lacking.append("inductor")
    assert parity_trials.exact_backend("Siren", "cpu") == "torch"


@pytest.fixture
def scored(monkeypatch):
    """No trial is trained: Sierpinski's band 0.3 spreads over seeds and precisions, nothing else does. The memory that
    each trial was allowed."""
    allowed = []

    def score(trial, device):
        allowed.append(trial.activation_gib)
        psnr = 20 + (trial.bandlimit == 0.3) * (trial.seed % 7 + (trial.precision != "fp32") * (trial.seed % 5))
        row = {"status": "ok", "reason": None, "psnr": psnr, "psnr_best": psnr, "seconds": 1.0}
        return [SimpleNamespace(row=row | {"backend": "torch", "device": "cpu", "commit": "abc"})]

    monkeypatch.setattr(parity, "run_trial", score)
    return allowed


def test_further_seeds_are_for_cells_that_spread(tmp_path, scored, config):
    out, asked = tmp_path / "parity.jsonl", ["--signals", "Sierpinski", "--models", "Siren"]
    assert panel(out, *asked) == 0
    seeds = [*config.preset("paper", "StarTarget", 2).seeds, 7, 8]
    assert panel(out, *asked, "--seeds", *map(str, seeds)) == 0
    found = [(line["seed"], line["bandlimit"]) for line in map(json.loads, out.read_text().splitlines())][::2]
    assert found == [(seed, band) for seed in seeds[:3] for band in (0.3, 0.5)] + [(seed, 0.3) for seed in seeds[3:]]


def test_a_precision_is_compared_with_itself_where_cells_spread(tmp_path, scored, capsys):
    out, asked = tmp_path / "parity.jsonl", ["--signals", "Sierpinski", "--models", "Siren"]
    assert panel(out, *asked, "--precisions", "again") == 0
    assert not out.exists(), "nothing has been compared yet"
    assert panel(out, *asked) == 0
    before = len(scored)
    assert panel(out, *asked, "--precisions", "again") == 0
    lines = [json.loads(text) for text in out.read_text().splitlines()][before:]
    assert [(line["precision"], line["bandlimit"]) for line in lines] == [("bf16x3 again", 0.3)] * 5
    assert max(scored[before:]) < min(scored[:before])
    capsys.readouterr()
    panel(out, "--models", "Siren", "--signals", "Sierpinski", "--table")
    said = capsys.readouterr()
    assert not said.err, "all lines are of today's settings"
    assert "| +0.00 +0.00 +0.00 +0.00 +0.00 | spreads |" in said.out


def test_the_lattice_of_another_order_is_cut(config):
    options = parity.parse(["--models", "Siren", "--length", "32", "--sizes", "2500", "--device", "cpu"])
    (trial,) = parity_trials.of_case(config, parity_trials.Case("StarTarget", 2), "Siren", 1, "again", options)
    task = task_of(trial, signal_of(trial))

    def slabs(trial):
        model = build(trial, task, solve(trial, task)[0])
        return LatticeGradient(model, task, make_schedule(trial)).slabs

    assert len(slabs(trial)) == 1
    assert len(slabs(parity_trials.in_slabs(trial, torch.device("cpu")))) in (
        parity_trials.SLABS,
        parity_trials.SLABS + 1,
    )


def test_lines_of_other_settings_say_nothing(tmp_path, capsys):
    out = tmp_path / "parity.jsonl"
    star = ["--signals", "StarTarget", "--models", "Siren", "--precisions", "fp32", "bf16", "--seeds", "1"]
    assert panel(out, *star) == 0
    capsys.readouterr()
    assert panel(out, *star, "--table", "--steps", "3") == 1
    said = capsys.readouterr()
    assert said.err == "2 lines of other settings than today's say nothing\n"
    assert said.out.startswith("no trials\n")


def test_no_trial_begins_after_its_minutes(tmp_path, monkeypatch):
    clock = iter([0.0, 61.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert panel(tmp_path / "lines", "--models", "Grid", "--precisions", "fp32", "--minutes", "1") == 0
    assert not (tmp_path / "lines").exists()


def test_a_file_of_something_else_is_one_line(tmp_path, capsys):
    (tmp_path / "lines").write_text("{}\n")
    assert panel(tmp_path / "lines", "--table") == 2
    assert "give a file that this script wrote" in capsys.readouterr().err


def judged(case, exact, other, size=10_000, **changes):
    """The lines of a cell: a score in float32 and one in bf16 for each seed."""
    lines = []
    for seed, scores in enumerate(zip(exact, other, strict=True)):
        for precision, score in zip(("fp32", "bf16"), scores, strict=True):
            line = {"model": "Siren", "case": case, "size": size, "seed": seed, "precision": precision, "psnr": score}
            line |= {"status": "ok" if score is not None else "diverged", "reason": None}
            lines.append(line | {"device": "H200", "commit": "abc"})
            lines[-1] |= changes if precision == "bf16" else {}
    return lines


STEADY = judged("a", [20.0, 20.0, 20.05], [19.98, 20.01, 20.0])
WILD = judged("b", [20.0, 25.0, 30.0, 35.0, 22.0], [19.9, 25.2, 29.9, 34.9, 22.2])
LOSES = judged("b", [20.0, 25.0, 30.0, 35.0, 22.0], [18.0, 23.2, 28.5, 33.0, 20.5])
OPEN = judged("b", [20.0, 25.0, 30.0, 35.0, 22.0], [18.0, 23.5, 29.0, 34.5, 22.2])


def again(lines, apart):
    """The lines of the other precision once more, their scores moved by so much, up and down in turn."""
    other = [line for line in lines if line["precision"] == "bf16"]
    return [line | {"precision": "bf16 again", "psnr": line["psnr"] + apart * (-1) ** line["seed"]} for line in other]


@pytest.mark.parametrize(
    ("lines", "passes", "words"),
    [
        (STEADY + WILD, True, ["Siren in bf16: passes", "as good", "spread (1 cells, 5 seeds): -0.18 to +0.22 dB"]),
        (STEADY + WILD[:6], False, ["spreads", "too few seeds: b 10,000 (3 of 5)"]),
        (STEADY + LOSES, False, ["does not pass", "spreads", "next better: bf16x3\n"]),
        (STEADY + OPEN, False, ["does not pass", "next better: bf16x3, unless more seeds exclude the loss"]),
        (STEADY + judged("b", [20.0] * 5, [19.85] * 5), False, ["lower: b 10,000", "next better: bf16x3\n"]),
        (
            STEADY + judged("b", [20.0] * 3, [19.85] * 3),
            False,
            ["lower: b 10,000\n", "next better: bf16x3, unless more seeds", "too few seeds: b 10,000 (3 of 5)"],
        ),
        (STEADY + OPEN + again(OPEN, 0.0), False, ["spreads", "| +0.00 +0.00"]),
        (STEADY + OPEN + again(OPEN, 1.0)[:2], False, ["spreads"]),
        (
            STEADY + OPEN + again(OPEN, 1.0),
            True,
            ["chaotic (1 cells, 5 seeds): -2.02 to +0.10 dB", "repetition (1 cells, 5 seeds): ", "| +1.00 -1.00"],
        ),
        (STEADY + LOSES + again(LOSES, 1.0), False, ["chaotic", "next better: bf16x3\n"]),
        (STEADY + judged("b", [20.0, 25.0, 30.0], [19.85, 24.84, 29.86]), False, ["lower: b 10,000"]),
        (STEADY + judged("b", [20.0], [19.0]), False, ["too few seeds: b 10,000 (1 of 3)", "open"]),
        (STEADY + judged("b", [20.0, 20.0, 20.0], [20.0, None, 20.0]), False, ["lower: b 10,000", "fails"]),
        (STEADY + judged("b", [20.0] * 3, [20.0] * 3, reason="back end triton failed"), False, ["fails"]),
        (STEADY + judged("b", [None] * 3, [None] * 3, reason="the loss was not finite"), True, ["| diverged |"]),
        (STEADY, False, ["not run: b 10,000"]),
    ],
)
def test_a_precision_passes_or_not(lines, passes, words):
    text, found = parity_table.render(lines, [("a", 10_000), ("b", 10_000)], {"Siren": "bf16"})
    assert found == passes
    for word in words:
        assert word in text
    assert parity_table.render(lines, [("a", 10_000), ("b", 10_000)], {"Siren": "fp32"})[1], "not its own any more"


def test_cells_beyond_the_panel_are_shown_and_not_judged():
    lines = STEADY + judged("a", [20.0], [10.0], size=1_000_000)
    text, passes = parity_table.render(lines, [("a", 10_000)], {"Siren": "bf16"})
    assert passes
    assert re.search(r"\| a 1,000,000 +\| +20\.00 \| +10\.00 \| +-10\.00 \| watched \|", text)


def test_an_overview_has_a_line_for_each_cell_of_the_panel():
    """The least and the greatest difference over seeds, and the verdict where it is not as good."""
    cells = [("a", 10_000), ("b", 10_000), ("c", 10_000)]
    compared = {("Siren", "bf16"): parity_table.AgainstFloat32.of(STEADY + OPEN, "Siren", "bf16", cells)}
    assert parity_table.overview(compared, cells).splitlines()[2:] == [
        "| a 10,000 |          -0.05 to +0.01 |",
        "| b 10,000 | -2.00 to +0.20, spreads |",
        "| c 10,000 |                       – |",
    ]


def test_the_documented_overview_is_that_of_the_shipped_lines(capsys):
    parity.main(["--table"])
    _, overview, *_ = capsys.readouterr().out.split("\n\n")
    assert f"<!-- parity -->\n{overview}\n" in (ROOT / "docs" / "precision.md").read_text(encoding="utf-8")


def test_an_interval_is_students():
    low, high = parity_table.interval([0.0, 1.0, 2.0])
    assert (low, high) == pytest.approx((1 - 4.302653 / math.sqrt(3), 1 + 4.302653 / math.sqrt(3)), rel=1e-6)
