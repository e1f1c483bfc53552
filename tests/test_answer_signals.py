"""The numbers of docs/answer.md and the README's first screen on other signals than photographs, against the shipped
reference results.
"""

import re
from collections import Counter, defaultdict
from itertools import chain
from statistics import mean

import numpy as np
import pytest

from harness.analysis.gain import gain
from harness.analysis.palette import YARDSTICKS
from harness.analysis.significance import intervals
from harness.analysis.wording import difference
from harness.plan.config import load_config
from harness.plan.want import FOLDER
from harness.store.parquet import read_rows
from target_signals.tasks.metrics import METRICS
from tests.documents import ANSWER, README, README_COLUMNS, SIZES, columns, table, unwrapped

BANDS = (0.1, 0.3, 0.5, 0.7, 0.9)
FAMILIES = {
    "Bandlimited 2D": ("BandlimitedSignal", 2),
    "Bandlimited 3D": ("BandlimitedSignal", 3),
    "Spheres 2D": ("SparseSphereSignal", 2),
    "Spheres 3D": ("SparseSphereSignal", 3),
    "Sierpinski": ("Sierpinski", 2),
}
OTHERS = {  # a column's signal and item, the latter of several
    "Star": ("StarTarget", None),
    "Sierpinski 0.5": ("Sierpinski", None),
    "Bandlimited 0.5": ("BandlimitedSignal", None),
    "dragon, solid": ("Dragon", "occupancy"),
    "dragon, surface": ("Dragon", "surface"),
    "CT": ("ChestCT", "slice"),
}
NETWORKS = {"FourFeat", "Siren", "Wire", "BACON"}


@pytest.fixture(scope="module")
def rows():
    """The paper's rows with a score: fits, and CT."""
    found = read_rows(FOLDER / "paper.parquet").values()
    return [row for row in found if row["task"] in ("fit", "ct") and row["psnr"] is not None]


@pytest.fixture(scope="module")
def trained():
    """The paper's trained models."""
    return [model for model in load_config().protocol.models if model not in YARDSTICKS]


@pytest.fixture(scope="module")
def cells(rows, trained):
    """`cells[family, size, band][model]`: PSNR of the paper's trained models."""
    found = defaultdict(dict)
    names = {place: family for family, place in FAMILIES.items()}
    for row in rows:
        family = names.get((row["signal"], row["dim"]))
        if family and row["size"] in SIZES.values() and row["model"] in trained:
            found[family, row["size"], row["bandlimit"]][row["model"]] = row["psnr"]
    return found


def best(scores):
    """The two best models."""
    return sorted(scores, key=scores.__getitem__, reverse=True)[:2]


def lead(scores):
    first, second = best(scores)
    return scores[first] - scores[second]


def network_leads(scores):
    """How far the best network is ahead of the best model that is none."""
    others = [psnr for model, psnr in scores.items() if model not in NETWORKS]
    return max(scores[model] for model in NETWORKS & scores.keys()) - max(others)


def test_gains_over_the_bands(rows):
    found = defaultdict(list)
    for row in rows:
        value = gain(row, "psnr")
        if row["bandlimit"] in BANDS and value is not None:
            found[row["signal"], row["dim"], row["model"], row["size"]].append(value)
    lines = table("## Synthetic signals")
    assert len(lines) == 10
    for model, *said in lines:
        for (signal, dim), cell in zip(FAMILIES.values(), said, strict=True):
            own = [found.get((signal, dim, model, size)) for size in SIZES.values()]
            expected = "–" if None in own else " / ".join(f"{mean(values):.1f}" for values in own)
            assert cell.replace("−", "-") == expected, (model, signal)


def test_who_leads_at_each_band(cells):
    lines = table("Which of the paper's nine leads")
    assert len(lines) == 10
    for family, size, *said in lines:
        for band, cell in zip(BANDS, said, strict=True):
            of = cells[family, SIZES[size], band]
            first = best(of)[0]
            assert cell.split(" (")[1] == f"+{lead(of):.1f})", (family, size, band)
            name, psnr = cell.split(" ")[:2]
            assert psnr == f"{of[first]:.1f}"
            assert of[name] == pytest.approx(of[first], abs=0.05)


def test_what_is_said_of_synthetic_signals(rows, cells):
    assert len(cells) == len(FAMILIES) * 2 * 5
    flat = {("Bandlimited 3D", size, band) for size in SIZES.values() for band in (0.1, 0.3)}
    varied = {place: network_leads(of) for place, of in cells.items() if place not in flat}
    ahead = {place: f"{leads:.1f}" for place, leads in varied.items() if leads > 0.3}
    assert ahead == {
        ("Spheres 2D", 10_000, 0.7): "0.4",
        ("Spheres 2D", 10_000, 0.9): "1.9",
        ("Bandlimited 3D", 100_000, 0.9): "0.6",
    }
    assert "at 10⁴, by 0.4 and 1.9 dB, and Wire on Bandlimited 0.9 in 3D at 10⁵, by 0.6 dB" in unwrapped(ANSWER)
    said = re.search(r"[Ii]n (\d+) of (\d+) cells[^.:]* no network leads", unwrapped(ANSWER))
    assert said is not None
    assert said.groups() == (str(len(varied) - len(ahead)), str(len(varied)))
    for family in ("Sierpinski", "Spheres 3D"):
        assert sum(best(of)[0] == "GAPlane" for place, of in cells.items() if place[0] == family) == 9
    hashed = [cells["Spheres 2D", 100_000, band] for band in (0.1, 0.3, 0.5, 0.7)]
    assert all(best(of)[0] == "Instant_NGP" and lead(of) > 9 for of in hashed)
    band = {row["bandlimit"]: row for row in rows if row["signal"] == "BandlimitedSignal" and row["dim"] == 2}
    constant = {key: row["psnr_constant"] for key, row in band.items()}
    grid = [
        cells["Bandlimited 2D", size, key]["Grid"] - constant[key]
        for size, most in ((10_000, 0.5), (100_000, 0.7))
        for key in BANDS
        if key <= most
    ]
    said = re.search(r"the plain grid is (\d+) to (\d+) dB above", unwrapped(ANSWER))
    assert said is not None
    assert said.groups() == (f"{min(grid):.0f}", f"{max(grid):.0f}")
    finest = [row for row in rows if row["signal"] == "BandlimitedSignal" and row["bandlimit"] == 0.9]
    assert max(row["psnr"] - row["psnr_constant"] for row in finest if row["size"] in SIZES.values()) < 2
    siren = [cells["Bandlimited 2D", 100_000, key]["Siren"] - constant[key] for key in BANDS]
    assert max(siren) < -1


def test_budgets_as_large_as_the_signal(rows, trained):
    places = {name: (*place, 0.5) for name, place in FAMILIES.items()} | {"Star": ("StarTarget", 2, None)}
    found, constant = defaultdict(dict), {}
    for row in rows:
        place = row["signal"], row["dim"], row["bandlimit"]
        if row["size"] == 1_000_000:
            found[place][row["model"]], constant[place] = row["psnr"], row["psnr_constant"]
    names, lines = columns("At 10⁶ parameters"), table("At 10⁶ parameters")
    assert {line[0] for line in lines} == {*trained, "Wavelet"}
    for model, *said in lines:
        for name, cell in zip(names, said, strict=True):
            psnr = found[places[name]].get(model)
            star = "" if psnr is None or psnr > constant[places[name]] else "*"
            assert cell == ("–" if psnr is None else f"{psnr:.1f}{star}"), (model, name)
    nine = {name: {model: psnr for model, psnr in found[places[name]].items() if model in trained} for name in names}
    first = {name: best(of)[0] for name, of in nine.items()}
    edges = [name for name in names if "Bandlimited" not in name]
    assert first == dict.fromkeys(names, "Grid") | dict.fromkeys(edges, "Instant_NGP")
    leads = [lead(nine[name]) for name in edges]
    assert f"by {min(leads):.0f} to {max(leads):.0f} dB over the best other of the nine" in unwrapped(ANSWER)
    assert min(lead(of) for name, of in nine.items() if name not in edges) > 74.5
    assert max(map(network_leads, nine.values())) < -20


@pytest.fixture(scope="module")
def tuned():
    """`tuned[signal, dim, item, band][model]`: the scores of fits at 10⁴, one a seed, of the paper's trained models."""
    found = defaultdict(lambda: defaultdict(list))
    for row in read_rows(FOLDER / "tuned.parquet", task="fit", size=10_000).values():
        if row["signal"] != "DIV2K" and row["psnr"] is not None:
            found[row["signal"], row["dim"], row["item"], row["bandlimit"]][row["model"]].append(row)
    return found


TUNED = "## Synthetic signals and the dragon, tuned alike"
PLACES = {
    **{name: (*place, None) for name, place in FAMILIES.items()},
    "Star": ("StarTarget", 2, None),
    "dragon, solid": ("Dragon", 3, "occupancy"),
    "dragon, surface": ("Dragon", 3, "surface"),
}


def test_gains_of_tuning_on_synthetic_signals(rows, tuned):
    found = defaultdict(list)
    for row in chain(rows, *(chain(*models.values()) for models in tuned.values())):
        value = gain(row, "psnr")
        wanted = row["seed"] == 1234 and row["size"] == 10_000 and row["bandlimit"] in (None, *BANDS)
        if wanted and value is not None:
            found[row["preset"], row["signal"], row["dim"], row["item"], row["model"]].append(value)
    names, lines = columns(TUNED), table(TUNED)
    assert (set(names), len(lines)) == (set(PLACES), 10)
    for model, *said in lines:
        presets = ("tuned",) if model == "Wavelet" else ("paper", "tuned")
        for name, cell in zip(names, said, strict=True):
            own = [found.get((preset, *PLACES[name], model)) for preset in presets]
            expected = "–" if None in own else " → ".join(f"{mean(values):.1f}" for values in own)
            assert cell.replace("−", "-") == expected, (model, name)


@pytest.fixture(scope="module")
def tuned_means(tuned, trained):
    """`tuned_means[signal, dim, item, band][model]`: PSNR of the nine, means over seeds."""
    return {
        place: {model: mean(row["psnr"] for row in of) for model, of in models.items() if model in trained}
        for place, models in tuned.items()
    }


def test_who_leads_at_each_band_when_tuned(tuned_means):
    lines = table("Which of the nine leads at each band once tuned")
    assert {line[0] for line in lines} == set(FAMILIES)
    for family, *said in lines:
        for band, cell in zip(BANDS, said, strict=True):
            of = tuned_means[(*PLACES[family], band)]
            first, second = best(of)
            assert cell == f"{first} {of[first]:.1f} (+{lead(of):.1f} {second})", (family, band)


def test_what_is_said_of_tuned_signals_in_2d(tuned_means):
    plane = {place: of for place, of in tuned_means.items() if place[1] == 2}
    edges = [of for place, of in plane.items() if place[0] != "BandlimitedSignal"]
    assert (len(plane), len(edges)) == (16, 11)
    assert sum(best(of) == ["GAPlane", "Siren"] for of in edges) == 9
    assert sum(best(of)[0] == "Siren" for of in edges) == 2
    behind = [of["Siren"] - of["Grid"] for of in edges]
    assert f"by {min(behind):.1f} to {max(behind):.1f} dB" in unwrapped(ANSWER)
    assert {sorted(of.values(), reverse=True).index(of["Grid"]) + 1 for of in edges} == {6, 7, 8}
    assert sum(network_leads(of) > 0.3 for of in plane.values()) == 3
    assert "*Images, tuned alike*: this holds in 13 of 16 cells" in unwrapped(ANSWER)


def test_what_is_said_of_tuned_volumes(tuned_means, cells, rows, trained):
    constant = [("BandlimitedSignal", 3, None, band) for band in (0.1, 0.3)]
    solid = {place: of for place, of in tuned_means.items() if place[1] == 3 and place not in constant}
    edges = {place: of for place, of in solid.items() if place[0] != "BandlimitedSignal"}
    assert (len(solid), len(edges)) == (10, 7)
    assert {best(of)[0] for of in edges.values()} == {"Siren", "FourFeat"}
    assert sum(network_leads(of) > 0.3 for of in solid.values()) == 5
    assert sum(network_leads(of) > 0.3 for of in edges.values()) == 5
    assert "*Volumes, tuned alike*: it holds in 5 of 10" in unwrapped(ANSWER)
    before = [cells["Spheres 3D", 10_000, band] for band in BANDS]
    for item in ("occupancy", "surface"):
        mine = [row for row in rows if (row["item"], row["size"]) == (item, 10_000)]
        before.append({row["model"]: row["psnr"] for row in mine if row["model"] in trained})
    assert all(best(of)[0] == "GAPlane" for of in before)
    behind = [of["Siren"] - of["Grid"] for of in edges.values()]
    assert f"{min(behind):.1f} to {max(behind):.1f} dB behind Siren" in unwrapped(ANSWER)
    assert {sorted(of.values(), reverse=True).index(of["Grid"]) + 1 for of in edges.values()} == {6, 7}


def sort_of(place):
    """The README's line of a signal (its name, dim, item and band); none for the two volumes that are one constant."""
    signal, dim, _, band = place
    if signal == "BandlimitedSignal":
        return None if dim == 3 and band in (0.1, 0.3) else "band-limited signals"
    return "images with edges" if dim == 2 else "volumes with edges"


def test_the_readme_counts_who_leads_synthetic_signals(rows, trained, tuned_means):
    found = defaultdict(dict)
    for row in rows:
        place = (row["signal"], row["dim"], row["item"], row["bandlimit"])
        ours = row["model"] in trained and row["task"] == "fit" and row["seed"] == 1234
        if place in tuned_means and ours and row["size"] in SIZES.values():
            found[row["size"], place][row["model"]] = row["psnr"]
    led = defaultdict(list)
    for (size, place), of in found.items():
        led[sort_of(place), "paper", size].append(best(of)[0])
    for place, of in tuned_means.items():
        led[sort_of(place), "tuned", 10_000].append(best(of)[0])
    lines = [line for line in table("## The answer so far", README) if line[0][0].isdigit()]
    assert len(lines) == 3
    for name, *cells in lines:
        count, sort = name.split(" ", 1)
        for cell, (preset, size) in zip(cells, README_COLUMNS, strict=True):
            leaders = led[sort, preset, size]
            assert len(leaders) in (0, int(count))
            assert cell == (", ".join(map(str, Counter(leaders).most_common(1)[0])) if leaders else "–"), (name, size)
    assert {*led["volumes with edges", "tuned", 10_000]} <= NETWORKS


def test_planes_lead_on_the_star_when_tuned(tuned):
    of = tuned["StarTarget", 2, None, None]
    scores = {model: {row["seed"]: row["psnr"] for row in rows} for model, rows in of.items()}
    (lead,) = intervals(np.array([[scores["GAPlane"][seed] - scores["Siren"][seed]] for seed in scores["GAPlane"]]))
    for text in (ANSWER, README):
        assert difference(lead, METRICS["psnr"]) in unwrapped(text)


def test_networks_have_the_most_of_spheres_in_3d_when_tuned(tuned_means):
    bands = {place[3]: of for place, of in tuned_means.items() if place[:2] == ("SparseSphereSignal", 3)}
    assert {band: best(of)[0] for band, of in bands.items()} == dict.fromkeys(BANDS, "FourFeat") | {0.1: "Siren"}
    leads = [network_leads(of) for of in bands.values()]
    assert f"by {min(leads):.1f} to {max(leads):.1f} dB over the best model that is none" in unwrapped(ANSWER)


def test_tuned_siren_has_the_most_of_the_dragons_solid(rows, tuned):
    (siren,) = (row["psnr"] for row in tuned["Dragon", 3, "occupancy", None]["Siren"])
    others = [row for row in rows if (row["item"], row["size"]) == ("occupancy", 10_000)]
    others += [row for model, of in tuned["Dragon", 3, "occupancy", None].items() if model != "Siren" for row in of]
    assert siren > max(row["psnr"] for row in others)
    assert f"{siren:.1f} dB" in unwrapped(ANSWER)


def test_newer_models_on_other_signals(rows, trained):
    found = defaultdict(dict)
    for row in rows:
        for place in OTHERS.values():
            mine = (row["signal"], None if place[1] is None else row["item"]) == place
            if mine and row["bandlimit"] in (None, 0.5) and row["dim"] == (3 if place[0] == "Dragon" else 2):
                found[place, row["size"]][row["model"]] = row["psnr"]
    *lines, paper = table("One draw of other signals")
    there = {model for of in found.values() for model in of}
    assert {line[0] for line in lines} == there & set(load_config().protocol.newer)
    for model, *said in lines:
        for place, cell in zip(OTHERS.values(), said, strict=True):
            own = [found[place, size].get(model) for size in SIZES.values()]
            assert cell == " / ".join("–" if psnr is None else f"{psnr:.1f}" for psnr in own), (model, place)
    for place, cell in zip(OTHERS.values(), paper[1:], strict=True):
        both = [found[place, size] for size in SIZES.values()]
        own = [{model: psnr for model, psnr in of.items() if model in trained} for of in both]
        assert {best(of)[0] for of in own} == {cell.split(" ")[-1]}
        assert cell.startswith(" / ".join(f"{max(of.values()):.1f}" for of in own))
        if place[0] == "Dragon":  # "newer models are ahead of it in all four cells"
            assert all(best(of)[0] not in trained for of in both)


def test_ct_and_the_dragon(rows, trained):
    found = defaultdict(dict)
    for row in rows:
        if row["signal"] in ("ChestCT", "Dragon") and row["model"] in trained:
            found[row["item"], row["size"]][row["model"]] = row["psnr"]
    order = [(item, size) for item in ("slice", "occupancy", "surface") for size in SIZES.values()]
    assert {best(found[place])[0] for place in order[:2]} == {"Grid_TV"}
    assert {best(found[place])[0] for place in order[2:]} == {"GAPlane"}
    said = re.search(
        r"(\S+) and (\S+) dB ahead, and the networks.*?by (\S+) and (\S+) dB on the solid and by (\S+) and (\S+) dB",
        unwrapped(ANSWER),
    )
    assert said is not None
    assert said.groups() == tuple(f"{lead(found[place]):.1f}" for place in order)


def test_ct_tuned(rows):
    tuned = read_rows(FOLDER / "tuned.parquet", signal="ChestCT", size=10_000).values()
    after = {row["model"]: row["psnr"] for row in tuned if row["psnr"] is not None}
    before = {row["model"]: row["psnr"] for row in rows if row["signal"] == "ChestCT" and row["size"] == 10_000}
    lines = {name: cells for name, *cells in table("**CT**, one slice")}
    models = columns("**CT**, one slice")
    assert set(models) == set(after)
    for name, of in (("paper", before), ("tuned", after)):
        assert lines[name] == [f"{of[model]:.1f}" for model in models]
    behind = [max(of[model] for model in after) - of["Siren"] for of in (before, after)]
    for text in (ANSWER, README):
        for value in behind:
            assert f"{value:.1f} dB" in unwrapped(text)
    assert max(after.values()) - min(after.values()) < 3.5
