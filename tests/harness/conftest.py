"""What the tests of the harness share: small trials, whole rows, and the command line."""

import dataclasses
import fcntl
import itertools
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from common.files import ROOT
from harness.commands import run as run_command
from harness.commands import run_launch
from harness.execution import progress
from harness.figures import style
from harness.plan import want
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.report import write_page
from harness.store.schema import NAMES
from tests.harness.paper_rows import paper_rows, write_rows
from tests.harness.sweep import HANG, UNDRAWN, Sweep
from tests.harness.tables import BANDS, CLASSICAL, MODELS, SEEDS, SIZES
from tests.own_files import forgotten


@pytest.fixture(scope="session", autouse=True)
def shipped_fonts():
    """How fonts are embedded in PDFs. Here they are not cut to size, which would take most of the time of drawing."""
    shipped = style.RC["pdf.fonttype"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.RC, "pdf.fonttype", 3)
        yield shipped


@pytest.fixture(scope="session", autouse=True)
def reference_folder(tmp_path_factory):
    """No reference results, which grow and would stand beside the rows of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(want, "FOLDER", tmp_path_factory.mktemp("reference"))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_signs_of_life():
    """However busy the machine is, launches in this process say nothing of it, and nothing of trials while they run;
    tests of that set it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "FIRST_SIGN", math.inf)
        patch.setattr(run_launch, "BUSY", math.inf)
        yield


@pytest.fixture(scope="session", autouse=True)
def drawing():
    """What draws the figures and the page of a run. Runs in this process draw none, unless a test puts it back."""
    drawn = run_launch.draw
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_launch, "draw", lambda *given: None)
        yield drawn


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run_py(capsys, monkeypatch, drawing):
    """`run_py("--signal", path, draw=True)`: run.py in this process: exit code, stdout, stderr. What it loads is
    forgotten."""

    def call(*words, draw=False):
        with monkeypatch.context() as patch, forgotten():
            if draw:
                patch.setattr(run_launch, "draw", drawing)
            code = run_command.main([*map(str, words)])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def make_trial(config):
    """`make_trial("Siren", dim=3, steps=5, lr=1.0)`: a trial of the smoke preset with some fields changed."""

    def make(model="Grid", signal="BandlimitedSignal", dim=2, lr=None, task="fit", **changes):
        preset = config.preset("smoke", signal, dim)
        (trial, *_) = make_plan(config, choose_source(signal, dim), [task], preset, [model])
        if lr is not None:
            changes["settings"] = dataclasses.replace(trial.settings, lr=lr)
        own = {"signal_seed": changes["seed"]} if "seed" in changes else {}
        return dataclasses.replace(trial, **own | changes)

    return make


@pytest.fixture
def make_row():
    """A row with every column, as a finished trial leaves it, with some changed."""
    row = dict.fromkeys(NAMES)
    row |= {"signal": "Sierpinski", "dim": 2, "length": 24, "shape": [24, 24, 1], "bandlimit": 0.5, "task": "fit"}
    row |= {"model": "Grid", "label": "learned", "size": 2500, "seed": 1234, "preset": "smoke", "steps": 3}
    row |= {"settings": {"lr": 0.1}, "config_hash": "0123456789ab", "status": "ok", "parameters": 2500}
    row |= {"psnr": 14.96, "ssim": 0.5, "psnr_best": 15.0, "ssim_best": 0.5, "best_step": 2, "psnr_constant": 9.3}
    row |= {"curve": [{"step": 1, "loss": 0.1, "psnr": 10.0, "seconds": 0.1}], "updates": 3, "seconds": 0.3}
    row |= {"ms_per_update": 100.0, "device": "cpu", "backend": "torch", "precision": "fp32"}
    row |= {"versions": {"torch": "2"}, "started": "2026-01-01T00:00:00.000+00:00"}
    return lambda **changes: row | {"signal_seed": changes.get("seed", 1234)} | changes


@pytest.fixture(scope="session")
def make_table():
    """`make_table(models=[...], bands=[0.1], item="0064")`: rows as a run leaves them, some columns changed.

    Scores are plausible: better with the budget, worse with the band; rings: how many ring scores.
    """

    def make(models=MODELS, bands=BANDS, sizes=SIZES, seeds=SEEDS, rings=0, **columns):
        rng = np.random.default_rng(0)
        rows = []
        for index, (band, seed, size, model) in enumerate(itertools.product(bands, seeds, sizes, models)):
            level = 30 + 6 * math.log10(size / 1e5) - 14 * (band or 0.5) + 1.7 * models.index(model) % 9
            row = dict.fromkeys(NAMES) | {
                "signal": "Sphere",
                "dim": 2,
                "length": 1000,
                "bandlimit": band,
                "task": "fit",
                "model": model,
                "label": "classical" if model in CLASSICAL else "learned",
                "size": size,
                "seed": seed,
                "signal_seed": seed,
                "preset": "paper",
                "steps": 1000,
                "config_hash": "a",
                "status": "ok",
                "psnr": level + rng.normal(),
                "ssim": rng.uniform(),
                "psnr_constant": 9 - 3 * (band or 0.5),
                "started": f"2025-01-01T00:00:00.{index:06d}",
            }
            seconds = (1 + models.index(model)) * math.sqrt(size) / 100
            row |= {"updates": 1000, "seconds": seconds, "device": "GPU"}
            row["curve"] = curve(row["psnr"], seconds)
            if rings:
                row["psnr_rings"] = [level + 4 - i + rng.normal() for i in range(rings)]
            rows.append(row | columns)
        return pd.DataFrame(rows, columns=list(NAMES))

    return make


@pytest.fixture(scope="session")
def check_page():
    """Fails where something of a figure is cut off, or one text lies on another."""

    def check(figure):
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw_without_rendering()
        tight = figure.get_tightbbox(renderer).transformed(figure.dpi_scale_trans)
        assert figure.bbox.x0 <= tight.x0
        assert tight.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= tight.y0
        assert tight.y1 <= figure.bbox.y1
        drawn = [(text.get_text(), text.get_window_extent(renderer)) for text in _texts(figure)]
        for (one, first), (other, second) in itertools.combinations(drawn, 2):
            width = min(first.x1, second.x1) - max(first.x0, second.x0)
            height = min(first.y1, second.y1) - max(first.y0, second.y0)
            assert min(width, height) < 1.5, f"'{one}' lies on '{other}'"  # pixels

    return check


def _texts(figure):
    """Every text that is drawn: of the figure, of legends, and of axes with those tick labels that are in view."""
    found = [*figure.texts, *itertools.chain.from_iterable(legend.get_texts() for legend in figure.legends)]
    for axes in figure.axes:
        found += [*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim()))):
            ticks = axis.get_major_ticks()
            found += [t.label1 for t, at in zip(ticks, axis.get_majorticklocs(), strict=False) if low <= at <= high]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def curve(psnr, seconds):
    """Evaluations after 1, 500 and 1000 passes, the last with the final score."""
    return [
        {"step": step, "loss": 0.1, "psnr": psnr - 10 + step / 100, "seconds": seconds * step / 1000}
        for step in (1, 500, 1000)
    ]


@pytest.fixture(scope="session", autouse=True)  # before a test changes it for itself
def environment():
    """The environment of a shell in which this Python is the active one."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def command(environment):
    """Run a command line to its end: returncode, stdout and stderr."""

    def run(*arguments, cwd=ROOT):
        line = [str(a) for a in arguments]
        return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=HANG)

    return run


@pytest.fixture(scope="session")
def undrawn():
    return UNDRAWN


@pytest.fixture
def sweep(tmp_path, environment):
    made = Sweep(tmp_path, environment)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()
    made.release()  # or jobs that outlive their launch would wait for ever


@pytest.fixture
def store(tmp_path):
    """`store([row, …])`: the folder of a store that holds these rows."""
    return lambda rows: write_rows(tmp_path / "out", rows)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once("name", fill)`: a folder that `fill(folder)` fills for all workers of pytest, by the first that asks."""
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def get(name, fill):
        folder, done = common / name, common / f"{name}.done"
        with (common / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one who failed
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return get


@pytest.fixture(scope="session")
def paper_store(once):
    """10 300 rows of the paper's experiments, and the page of them."""

    def fill(folder):
        write_page.write(write_rows(folder, paper_rows()))

    return once("paper", fill)
