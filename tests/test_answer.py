"""The numbers of docs/answer.md, of docs/bits.md on photographs and of the README's first screen, against the reference
results that are shipped. Codecs' numbers take images, which are not: JPEG's points are taken from the text.
"""

import re
from collections import defaultdict
from itertools import product
from statistics import mean

import numpy as np
import pytest

from harness.analysis import published
from harness.analysis.bits.bjontegaard import Point
from harness.analysis.bits.codecs import CODECS, Measured
from harness.analysis.bits.rate_distortion import rate_distortion
from harness.analysis.experiments import experiments
from harness.analysis.gain import learned_nothing
from harness.analysis.means import means
from harness.analysis.palette import YARDSTICKS
from harness.analysis.remarks import FULL
from harness.analysis.significance import intervals
from harness.analysis.wording import difference
from harness.plan import want
from harness.plan.config import load_config
from harness.plan.want import FOLDER
from harness.store.parquet import read_rows
from target_signals.tasks.metrics import METRICS
from tests.documents import ANSWER, BITS, README, README_COLUMNS, SIZES, table, unwrapped

NETWORKS = {"FourFeat", "Siren", "Wire", "BACON", "Finer", "Gauss", "Sinc", "HOSC"}
PHOTOGRAPHS = BITS[BITS.index("## Ten photographs") : BITS.index("## What is measured")]


@pytest.fixture(scope="module")
def scores():
    """`scores[preset, task, model, size]`: means over items of PSNR after the last update and at its best."""
    found = defaultdict(list)
    for preset in ("paper", "tuned"):
        for row in read_rows(FOLDER / f"{preset}.parquet").values():
            if row["signal"] == "DIV2K" and row["psnr"] is not None:
                found[preset, row["task"], row["model"], row["size"]].append((row["psnr"], row["psnr_best"]))
    return {key: tuple(map(mean, zip(*own, strict=True))) for key, own in found.items()}


@pytest.fixture(scope="module")
def in_bits():
    """Rate and distortion of DIV2K's fits, beside JPEG as the text has it."""
    start, end = map(PHOTOGRAPHS.index, ("JPEG's own points", "What fewer bits cost"))
    said = re.findall(r"([\d.]+)\sbits\s([\d.]+) dB", PHOTOGRAPHS[start:end])
    jpeg = [Measured(Point(float(rate), float(psnr)), (0.0, 0.0)) for rate, psnr in said]
    assert len(jpeg) == 11
    rows = read_rows(FOLDER / "paper.parquet", signal="DIV2K", task="fit").values()
    protocol = load_config().protocol
    (found,) = rate_distortion(rows, [*protocol.models, *protocol.newer], lambda row: {"JPEG": jpeg})
    return found


def test_papers_settings_against_tuned_ones(scores):
    rows = table("## Photographs")
    assert len(rows) == 2 * 9
    for budget, model, paper, tuned, change, _ in rows:
        before, after = (scores[preset, "fit", model, SIZES[budget]][0] for preset in ("paper", "tuned"))
        assert (paper, tuned) == (f"{before:.1f}", f"{after:.1f}"), (budget, model)
        assert change.split(" ")[0].replace("−", "-") in {
            f"{round(after - before, 1) + 0.0:.1f}",
            f"{after - before + 1e-9:.1f}",
        }
    for size in SIZES:
        own = [row for row in rows if row[0] == size]
        for place in (0, 1):  # before the arrow and behind it
            ranked = sorted(own, key=lambda row: int(row[5].split(" → ")[place]))
            preset = ("paper", "tuned")[place]
            values = [scores[preset, "fit", row[1], SIZES[size]][0] for row in ranked]
            assert values == sorted(values, reverse=True), (size, preset)


@pytest.fixture(scope="module")
def fits():
    """`fits[size][item][model]`: PSNR of DIV2K's fits under the paper's settings."""
    found = defaultdict(lambda: defaultdict(dict))
    for row in read_rows(FOLDER / "paper.parquet", signal="DIV2K", task="fit").values():
        if row["psnr"] is not None:
            found[row["size"]][row["item"]][row["model"]] = row["psnr"]
    return found


def test_newer_representations(scores, fits):
    sizes = (10_000, 30_000, 100_000)
    rows = table("## Newer representations")
    there = {model for size in sizes for of in fits[size].values() for model in of}
    assert {row[0] for row in rows} == there & {*load_config().protocol.newer}
    for model, few, tuned, change, *more in rows:
        for cell, size in zip((few, *more), sizes, strict=True):
            own = [of[model] for of in fits[size].values() if model in of]
            count = f" ({len(own)})" if len(own) < 10 else ""
            assert cell == (f"{mean(own):.1f}{count}" if own else "–"), (model, size)
        before, after = (scores.get((preset, "fit", model, 10_000)) for preset in ("paper", "tuned"))
        assert tuned == (f"{after[0]:.1f}" if after else "–"), model
        gain = f"{round(after[0] - before[0], 1) + 0.0:.1f}" if before and after else "–"
        assert change.split(" ")[0] == gain, model
    leads = {size: [] for size in sizes}
    for size, own in leads.items():
        for of in fits[size].values():
            if "SparseBases" in of:
                own.append(of["SparseBases"] - max(psnr for model, psnr in of.items() if model != "SparseBases"))
    said = re.search(
        r"by (\S+) to (\S+) dB at 10⁴, (\S+) to (\S+) at 3·10⁴ and (\S+) to (\S+) at 10⁵", unwrapped(ANSWER)
    )
    assert said is not None
    assert said.groups() == tuple(f"{of(own):.1f}" for own in leads.values() for of in (min, max))


def test_denoising(scores):
    columns = [("denoise_0.05", 10_000), ("denoise_0.05", 100_000), ("denoise_0.1", 10_000), ("denoise_0.1", 100_000)]
    rows = table("## Other tasks")
    assert len(rows) == 9
    for model, *cells in rows:
        assert cells == [f"{scores['tuned', task, model, size][0]:.1f}" for task, size in columns], model


def test_what_photographs_use_of_a_budget():
    """The shares that are under 95 %, as tables have them."""
    shares = {}
    for preset in ("paper", "tuned"):
        for row in read_rows(FOLDER / f"{preset}.parquet", signal="DIV2K", task="fit").values():
            if row["status"] == "ok" and row["label"] != "classical" and row["size"] <= 1_000_000:
                shares.setdefault((preset, row["model"], row["size"]), []).append(row["parameters"] / row["size"])
    low = {key: f"{mean(own):.0%}".replace("%", " %") for key, own in shares.items() if mean(own) < FULL}
    hashed = [low["paper", "Instant_NGP", size].split()[0] for size in (10_000, 30_000, 100_000, 300_000)]
    grid = f"{min(hashed)} to {max(hashed)} % up to 3·10⁵ and {low['paper', 'Instant_NGP', 1_000_000]} at 10⁶, tuned "
    grid += f"{low['tuned', 'Instant_NGP', 10_000]} of 10⁴ and {low['tuned', 'Instant_NGP', 100_000]} of 10⁵"
    few, many = (low["tuned", "GSplat", size].split()[0] for size in SIZES.values())
    said = f"{grid}; FourFeat uses {low['paper', 'FourFeat', 10_000]} of 10⁴; tuned GSplat {few} and {many} %"
    assert said in unwrapped(ANSWER)


def marked(of):
    """A mean with an asterisk where some of its fits learned nothing."""
    return f"{mean(psnr for psnr, _ in of):.1f}" + "*" * any(failed for _, failed in of) if of else "–"


def test_the_papers_settings_at_more_parameters():
    """The nine and Wavelet from 3·10⁴ to 10⁶: photographs, the CT slice, the dragon."""
    found = defaultdict(list)
    for row in read_rows(FOLDER / "paper.parquet").values():
        if row["psnr"] is not None and row["item"] is not None:
            item = None if row["signal"] == "DIV2K" else row["item"]
            found[item, row["task"], row["model"], row["size"]].append((row["psnr"], learned_nothing(row)))
    photographs = [(None, task) for task in ("fit", "denoise_0.05", "denoise_0.1")]
    columns = [*photographs, ("slice", "ct"), ("occupancy", "fit"), ("surface", "fit")]
    sizes = (30_000, 300_000, 1_000_000)
    rows = table("## Other budgets")
    assert [row[0] for row in rows] == [*(row[1] for row in table("## Photographs")[:9]), "Wavelet"]
    for model, *cells in rows:
        for (item, task), cell in zip(columns, cells, strict=True):
            own = [found[item, task, model, size] for size in sizes]
            assert cell == (" / ".join(map(marked, own)) if any(own) else "–"), (model, item, task)
            assert (item, task) not in photographs or {len(of) for of in own} == {10}
            assert item is not None or all(sum(failed for _, failed in of) in (0, 4, 5, 6) for of in own)
    first, second = sorted((float(row[1].split(" / ")[1]) for row in rows[:9]), reverse=True)[:2]
    assert f"at 3·10⁵ parameters: the hash grid**, untuned ahead by {first - second:.1f} dB" in unwrapped(README)


def test_the_papers_tables_are_those_of_the_shipped_rows(capsys, monkeypatch):
    monkeypatch.setattr(want, "FOLDER", FOLDER)  # other tests have an empty one in its place
    published.main()
    assert f"<!-- paper tables -->\n{capsys.readouterr().out}" in ANSWER


def test_the_images_that_are_super_resolved_are_easier():
    rows = [row for row in read_rows(FOLDER / "paper.parquet").values() if row["signal"] == "DIV2K"]
    four = {row["item"] for row in rows if row["task"] == "super_resolution"}
    assert len(four) == 4
    fits = defaultdict(dict)
    for row in rows:
        if row["task"] == "fit" and row["model"] in ("Grid", "Wire", "GAPlane") and row["size"] <= 100_000:
            fits[row["model"], row["size"]][row["item"]] = row["psnr"]
    easier = [mean(own[item] for item in four) - mean(own.values()) for own in fits.values()]
    said = re.search(r"better than all ten's by (\S+) to (\S+) dB", unwrapped(ANSWER))
    assert said is not None
    assert said.groups() == (f"{min(easier):.1f}", f"{max(easier):.1f}")


@pytest.mark.parametrize(
    ("sentence", "preset", "task", "model"),
    [
        (r"wavelet transform, .*? have (\S+) and (\S+) dB", "paper", "fit", "Wavelet"),
        (r"tuned Siren is first with (\S+) and (\S+) dB", "tuned", "super_resolution", "Siren"),
        (r"GAPlane second with (\S+) and (\S+) at", "tuned", "super_resolution", "GAPlane"),
    ],
)
def test_sentences(scores, sentence, preset, task, model):
    found = re.search(sentence, unwrapped(ANSWER))
    assert found is not None
    assert found.groups() == tuple(f"{scores[preset, task, model, size][0]:.1f}" for size in SIZES.values())


RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)


def told(psnr, form):
    return "–" if psnr is None else f"{psnr:{form}}"


def test_photographs_in_bits(in_bits):
    rows = {name: cells for name, *cells in table("## Ten photographs", BITS)}
    assert list(rows) == [*in_bits.models, *CODECS[2]]
    assert in_bits.means in PHOTOGRAPHS
    for model in in_bits.models:
        *differences, cells = *rows[model][:2], rows[model][2:]
        assert cells == [told(in_bits.psnr_at(model, rate), ".2f") for rate in RATES], model
        for cell, value, off in zip(differences, in_bits.differences(model), (0.015, 0.015), strict=True):
            assert value is not None
            assert float(cell) == pytest.approx(value if "." in cell else 100 * value, abs=off if "." in cell else 1.5)


def test_what_fewer_bits_cost(in_bits):
    points = {(line.name, line.size, line.bits): line for line in in_bits.measurements}
    for model, *cells, operations in table("What fewer bits cost", BITS):
        of = [{bits: points[model, size, bits] for bits in (4, 6, 8, 12, 32)} for size in SIZES.values()]
        for cell, bits in zip(cells, (4, 6, 8, 12), strict=True):
            lost = [max(0.0, own[32].point.psnr - own[bits].point.psnr) for own in of]
            assert [float(part) for part in cell.split(" / ")] == pytest.approx(lost, abs=0.06), (model, bits)
        assert operations == " / ".join(told(own[32].operations, ",.0f") for own in of), model


def test_in_bytes(in_bits):
    rows = {name: cells for name, *cells in table("## In bytes")}
    coded = {name: cells[3:] for name, *cells in table("## Ten photographs", BITS)}
    trained = [model for model in in_bits.models if model not in YARDSTICKS]
    for name, cells in rows.items():
        if name in CODECS[2]:
            assert cells == [cell if cell == "–" else f"{float(cell):.1f}" for cell in coded[name]]
        elif name == "the best trained model":
            for rate, cell in zip(RATES[1:], cells, strict=True):
                scores = {model: psnr for model in trained if (psnr := in_bits.psnr_at(model, rate)) is not None}
                best = max(scores, key=scores.get)
                assert cell == f"{scores[best]:.1f} {best}"
        else:
            assert cells == [told(in_bits.psnr_at(name, rate), ".1f") for rate in RATES[1:]], name


def test_shares_of_jpegs_bits():
    """Those in sentences are the table's; the README names the nearest trained model, and the nearest of two sorts."""
    shares = {name: cells[1] for name, *cells in table("## Ten photographs", BITS)}
    for text in (PHOTOGRAPHS, ANSWER[ANSWER.index("## In bytes") :], README):
        found = re.findall(r"(JPEG 2000|\w+),?\s\(?([+−]\d+) %\)", text)
        assert len(found) >= 5
        assert all(shares[name] == share.replace("−", "-") for name, share in found), found
    trained = sorted({*trained_of("models"), *trained_of("newer")}, key=lambda model: int(shares[model]))
    networks = [model for model in trained if model in NETWORKS]
    assert (trained[0], networks[0]) == ("SparseBases", "Finer")
    assert next(model for model in trained if model in trained_of("models")) == "Instant_NGP"
    assert trained.index("Grid") < trained.index("Finer")


def test_few_values_of_many_bits_against_many_of_few(in_bits):
    points = {(line.name, line.size, line.bits): line.point for line in in_bits.measurements}
    text = unwrapped(PHOTOGRAPHS)
    siren = re.search(r"of Siren have (.+) dB at (.+) bits a sample, 3·10⁴ of 4 bits (.+) dB at (.+); of Finer", text)
    finer = re.search(r"of Finer (\S+) dB at (\S+) and (\S+) dB at (\S+)\.", text)
    for name, found in (("Siren", siren), ("Finer", finer)):
        few, many = points[name, 10_000, 12], points[name, 30_000, 4]
        assert found.groups() == (f"{few.psnr:.1f}", f"{few.rate:.2f}", f"{many.psnr:.1f}", f"{many.rate:.2f}")


LINES = {  # of the README's table, those of photographs: the task, and which models
    "ten photographs": ("fit", "models"),
    "photographs, newer models": ("fit", "newer"),
    "photographs with noise, σ 0.1": ("denoise_0.1", "models"),
}


def trained_of(group):
    """The trained models among the protocol's `models` or `newer` ones."""
    return [model for model in getattr(load_config().protocol, group) if model not in YARDSTICKS]


@pytest.fixture(scope="module")
def rankings():
    """`rankings[preset, task, group][size]`: the trained models of DIV2K's images; none where nothing was run."""
    found = {}
    for (task, group), preset in product(LINES.values(), ("paper", "tuned")):
        models = trained_of(group)
        rows = read_rows(FOLDER / f"{preset}.parquet", signal="DIV2K", dim=2, task=task).values()
        (experiment,) = experiments([row for row in rows if row["model"] in models], models)
        outcomes = means(experiment, ["model", "size"], "psnr").outcomes
        found[preset, task, group] = {size: outcome.trained for (size,), outcome in outcomes.items()}
    return found


def test_the_readmes_table_names_the_best_on_photographs_and_all_that_may_be_as_good(rankings):
    lines = {name: cells for name, *cells in table("## The answer so far", README)}
    for name, (task, group) in LINES.items():
        for cell, (preset, size) in zip(lines[name], README_COLUMNS, strict=True):
            ranking = rankings[preset, task, group].get(size)
            if ranking is None:
                assert cell == "–", (name, preset, size)
                continue
            best, _, tied = cell.partition(" ≈ ")
            assert best == f"{ranking.best} {ranking.means[0]:.1f}", (name, preset, size)
            others = [model for model in trained_of(group) if model not in (ranking.best, *ranking.tied)]
            assert tied in (", ".join(ranking.tied), f"all but {', '.join(others)}"), (name, preset, size)


def test_the_readmes_table_names_the_best_on_the_ct_slice():
    found = defaultdict(dict)
    for preset in ("paper", "tuned"):
        for row in read_rows(FOLDER / f"{preset}.parquet", signal="ChestCT").values():
            if row["model"] in trained_of("models") and row["psnr"] is not None:
                found[preset, row["size"]][row["model"]] = row["psnr"]
    lines = {name: cells for name, *cells in table("## The answer so far", README)}
    for cell, place in zip(lines["a CT slice"], README_COLUMNS, strict=True):
        of = found[place]
        best = max(of, key=of.get, default=None)
        assert cell == (f"{best} {of[best]:.1f}" if best else "–"), place


@pytest.mark.parametrize(
    ("preset", "task", "size", "first", "second"),
    [
        ("paper", "fit", 10_000, "GAPlane", "Siren"),
        ("paper", "fit", 100_000, "GAPlane", "Siren"),
        ("tuned", "fit", 10_000, "Siren", "GAPlane"),
        ("tuned", "fit", 100_000, "Siren", "GAPlane"),
        ("tuned", "fit", 10_000, "GaussianAdaptive", "Siren"),
        ("tuned", "fit", 10_000, "SparseBases", "GaussianAdaptive"),
        ("paper", "fit", 300_000, "Instant_NGP", "FourFeat"),
        ("paper", "denoise_0.1", 1_000_000, "Grid_TV", "GSplat"),
    ],
)
def test_leads_on_photographs_with_their_intervals(preset, task, size, first, second):
    """How far the first is ahead of the second, as both pages have it: `6.0 dB [4.7, 7.3]`."""
    scores = {first: {}, second: {}}
    for row in read_rows(FOLDER / f"{preset}.parquet", signal="DIV2K", task=task, size=size).values():
        if row["model"] in scores:
            scores[row["model"]][row["item"]] = row["psnr"]
    assert len(scores[first]) == 10
    (lead,) = intervals(np.array([[psnr - scores[second][item]] for item, psnr in scores[first].items()]))
    for page in (ANSWER, README):
        assert difference(lead, METRICS["psnr"]) in unwrapped(page)
