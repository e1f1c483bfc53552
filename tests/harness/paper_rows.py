"""A seeded generator of a whole paper's rows, and stores made of rows."""

import itertools
import json
import math
import re
import zlib

import numpy as np

from harness.store.names import folder_of, key_of
from harness.store.schema import NAMES
from harness.store.store import Store

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
BANDS = tuple(round(0.1 * i, 1) for i in range(1, 10))
SEEDS = (1234, 2024, 5678, 7890, 7618)
IMAGES = ("0064", "0007", "0010", "0029", "0063", "0072", "0079", "0088", "0093", "0131")
MODELS = {  # PSNR at the least budget, gain a decade, loss a band, seconds a step at 1e4 and 1e6
    "FourFeat": (18.0, 5.5, 9.0, 0.008, 0.05),
    "Siren": (20.0, 2.0, 16.0, 0.003, 0.08),
    "Wire": (19.0, 3.5, 12.0, 0.006, 0.2),
    "BACON": (17.0, 5.0, 11.0, 0.004, 0.06),
    "GAPlane": (24.0, 4.0, 12.0, 0.002, 0.01),
    "Instant_NGP": (19.0, 7.0, 10.0, 0.002, 0.004),
    "GSplat": (16.0, 3.0, 13.0, 0.003, 0.03),
    "Grid": (22.0, 7.5, 10.0, 0.001, 0.002),
    "Grid_TV": (22.2, 7.3, 9.5, 0.001, 0.003),
}
EXPERIMENTS = (  # signal, dim, tasks, items, bands, seeds: docs/protocol.md, "Experiments and presets"
    ("Sierpinski", 2, ("fit",), (None,), BANDS, SEEDS[:1]),
    ("StarTarget", 2, ("fit",), (None,), (None,), SEEDS),
    ("ChestCT", 2, ("ct",), (None,), (None,), SEEDS[:1]),
    ("Dragon", 3, ("fit", "super_resolution"), ("occupancy", "surface"), (None,), SEEDS[:1]),
    ("DIV2K", 2, ("fit", "super_resolution", "denoise_0.05", "denoise_0.1"), IMAGES, (None,), SEEDS[:1]),
    ("BandlimitedSignal", 2, ("fit",), (None,), BANDS, SEEDS),
    ("SparseSphereSignal", 2, ("fit",), (None,), BANDS, SEEDS),
    ("BandlimitedSignal", 3, ("fit",), (None,), BANDS, SEEDS),
    ("SparseSphereSignal", 3, ("fit",), (None,), BANDS, SEEDS),
)


def paper_rows(count=10_300, seed=0):
    """The first `count` rows of the paper's experiments, in the order of a run: the last experiment is cut off."""
    rng = np.random.default_rng(seed)
    rows = []
    for signal, dim, tasks, items, bands, seeds in EXPERIMENTS:
        for task, item, band, draw in itertools.product(tasks, items, bands, seeds):
            hardness = rng.normal(0, 0.06) + (0.2 if band is None else band)
            for size, model in itertools.product(SIZES, MODELS):
                place = {"signal": signal, "dim": dim, "task": task, "item": item, "bandlimit": band}
                place |= {"seed": draw, "signal_seed": draw, "size": size, "model": model}
                rows.append(paper_row(rng, place, hardness, len(rows)))
    return rows[:count]


def paper_row(rng, place, hardness, number):
    model, size, dim = place["model"], place["size"], place["dim"]
    base, gain, loss, quick, slow = MODELS[model]
    decades = math.log10(size / 1e4)
    length = None if place["item"] or place["signal"] == "ChestCT" else (1000 if dim == 2 else 100)
    row = dict.fromkeys(NAMES) | place
    row |= {"length": length, "shape": [1000, 1000, 1] if dim == 2 else [100, 100, 100, 1], "label": "learned"}
    row |= {"preset": "paper", "steps": 1000, "minibatch": 400_000 if size == 3_000_000 else None, "precision": "tf32"}
    row |= {"settings": {"lr": 1e-3, "layers": 3}, "config_hash": f"{zlib.crc32(model.encode()) + size:012x}"}
    row |= {
        "psnr_constant": 6.0 + 2 * hardness,
        "device": "cuda: NVIDIA H100 80GB HBM3",
        "commit": "db5e68a" + "0" * 33,
    }
    row |= {"versions": {"python": "3.11.7", "torch": "2.8.0", "numpy": "2.2.1", "scipy": "1.15.0"}}
    row |= {"started": f"2026-01-{1 + number // 400:02}T{number // 20 % 20:02}:{number % 60:02}:00.123+00:00"}
    if model == "GSplat" and dim == 3:
        return row | {"status": "unsupported", "reason": "GSplat renders images; choose a signal with dim 2"}
    if model == "Siren" and rng.random() < 0.04:
        return row | {"status": "diverged", "reason": "the loss was not finite after pass 200", "backend": "torch"}
    if model == "Wire" and size == 3_000_000 and dim == 3:
        return row | {"status": "out_of_memory", "reason": "CUDA out of memory. Tried to allocate 30.5 GiB"}
    psnr = base + gain * decades - loss * hardness + rng.normal(0, 0.4)
    steps = [1, *range(100, 1001, 100)]
    rise = [psnr - 12 * math.exp(-step / 180) + rng.normal(0, 0.05) for step in steps[:-1]] + [psnr]
    ms = 1000 * math.exp(math.log(quick) + decades / 2 * math.log(slow / quick))
    row |= {"status": "ok", "parameters": int(size * rng.uniform(0.95, 1)), "backend": "torch", "updates": 1000}
    row |= {"psnr": psnr, "psnr_best": max(rise), "best_step": steps[int(np.argmax(rise))], "seconds": ms}
    row |= {"ms_per_update": ms, "peak_memory_bytes": int(2e9 + 300 * size)}
    share = 1 / (1 + math.exp(-(psnr - 20) / 6))
    if dim == 2:
        row |= {"ssim": share, "ssim_best": share, "lpips": 0.8 * (1 - share), "lpips_best": 0.8 * (1 - share)}
    else:
        row |= {"iou": share, "iou_best": share}
    if place["task"] == "super_resolution":
        row |= {"psnr_paper": psnr - 2.5} | ({"ssim_paper": share} if dim == 2 else {"iou_paper": share - 0.05})
    if place["signal"] == "StarTarget":
        row["psnr_rings"] = [psnr + 3 - 1.5 * ring + rng.normal(0, 0.2) for ring in range(9)]
    curve = zip(steps, rise, strict=True)
    row["curve"] = [{"step": s, "loss": 10 ** (-p / 10), "psnr": p, "seconds": ms * s / 1000} for s, p in curve]
    return row


def write_rows(out, rows):
    """A store of these rows, as a run leaves it."""
    folders = set()
    for number, row in enumerate(rows):
        task = "" if row["task"] == "fit" else f"_{row['task']}"
        folder = out / plain(f"{row['dim']}d_{row['signal']}{task}") / "rows"
        if folder not in folders:
            folder.mkdir(parents=True, exist_ok=True)
            folders.add(folder)
        (folder / f"{plain(row['model'])}_{row['size']}_{number:016x}.json").write_text(json.dumps(row, indent=1))
    return out


def keep(out, row, residual=None):
    """Put a row and its residual into a store, as a run does."""
    store = Store(out, folder_of(row))
    store.prepare()
    store.write(key_of(row), row, residual)


def plain(name):
    """A name that can be a file's."""
    return re.sub(r"[^\w.-]", "-", name)[:60]
