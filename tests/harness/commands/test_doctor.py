"""`doctor`: one screen that is true, and an exit code that says whether every model's default path works."""

import dataclasses
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import models
from harness import __main__ as verbs
from harness.commands import doctor
from harness.train import run_trial
from models.base import Representation
from target_signals import dragon, fetch
from target_signals.recorded import catalogue
from target_signals.user_file import READERS


def test_one_screen_says_what_there_is(command, tmp_path):
    ran = command(sys.executable, "-m", "harness", "doctor", "--device", "cpu", "--out", tmp_path / "absent")
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert len(lines) <= 55  # of which each thing that is missing here takes one
    assert max(map(len, lines)) <= 160
    for text in (f"torch {torch.__version__}", "device: cpu: ", "GB free for results", "data: DIV2K ", "LPIPS: "):
        assert text in ran.stdout
    for name in models.registry.names():
        assert re.search(rf"^  {name} +torch: works", ran.stdout, re.M), name
    assert lines[-1] == "the default back end of every model works here"


@pytest.fixture
def one_model(config, monkeypatch):
    """The doctor looks at Grid alone."""
    monkeypatch.setattr("harness.plan.model_settings.model_names", lambda config: ["Grid"])


def test_a_default_that_fails_is_told(one_model, monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError("PTX was compiled\nfor another GPU")

    monkeypatch.setattr(run_trial, "fit", fail)
    assert verbs.main(["doctor", "--device", "cpu"]) == 1
    out = capsys.readouterr().out
    assert "Grid torch: fails in 2D: RuntimeError: PTX was compiled for another GPU" in out
    assert out.splitlines()[-1] == "the default back end of Grid does not work here"


def test_a_fit_that_ends_badly_is_no_success(make_trial, monkeypatch):
    monkeypatch.setattr(Representation, "penalty", lambda self: torch.nan)
    assert doctor.fits(make_trial("Grid"), torch.device("cpu")).startswith("diverged in 2D: the loss was not finite")


def test_kernels_are_tried_in_a_precision_that_they_have(environment):
    """In a process of its own, as Triton's interpreter must be chosen before its kernels are defined."""
    pytest.importorskip("triton", reason="Triton is not installed here")
    code = """
import torch
from harness.commands import doctor
from harness.plan.config import load_config
doctor.SIGNALS = doctor.SIGNALS[:1]
print(next(doctor.attempts("Siren", load_config(), torch.device("cpu"))))
"""
    line = [sys.executable, "-c", code]
    interpreting = environment | {"TRITON_INTERPRET": "1"}
    ran = subprocess.run(
        line, cwd=Path(__file__).parents[3], env=interpreting, capture_output=True, text=True, timeout=600
    )
    assert ran.stdout == "Tried(backend='triton', outcome='works', here=True)\n", ran.stderr


def test_what_a_model_does_not_take_is_no_failure(config):
    (tried,) = [one for one in doctor.attempts("GSplat", config, torch.device("cpu")) if one.backend == "torch"]
    assert tried == doctor.Tried("torch", "works", here=True)


def test_missing_extras_come_with_their_command(one_model, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path))
    monkeypatch.setitem(doctor.EXTRAS, "absent_package", ("nothing", "pip install absent"))
    assert verbs.main(["doctor", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^  absent_package, for nothing +pip install absent$", out, re.M)
    assert re.search(r"^  DIV2K +python -m target_signals.fetch DIV2K +\(247 MB\)$", out, re.M)
    assert "ChestCT 0 of 1 files there" in out


def test_doctor_and_the_list_of_files_say_the_same(monkeypatch, tmp_path):
    """The dragon is read from the paper's volumes, or made of its mesh where none of them is there."""
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path))
    paths = [*dragon.FILES.values(), *dragon.FINER_FILES.values()]
    files = dict.fromkeys(paths, b"volume") | {catalogue.DRAGON_MESH: b"mesh"}
    recorded = tuple(catalogue.RecordedFile(path, hashlib.sha256(text).hexdigest()) for path, text in files.items())
    source = dataclasses.replace(catalogue.SOURCES["Dragon"], files=recorded)
    monkeypatch.setitem(catalogue.SOURCES, "Dragon", source)

    def told(*there):
        shutil.rmtree(tmp_path / "dragon", ignore_errors=True)
        (tmp_path / "dragon").mkdir()
        for path in there:
            (tmp_path / path).write_bytes(files[path])
        missing = {}
        line = next(doctor.data(missing))
        (count,) = re.findall(r"Dragon (\d of \d files there);", line)
        listing = fetch.listing()
        assert f"Dragon: {count}; {source.licence}" in listing
        how = missing.get("Dragon", "nothing").partition(" (")[0].rstrip()
        return count, how, listing

    assert told()[:2] == ("0 of 1 files there", "python -m target_signals.fetch Dragon")
    assert told(catalogue.DRAGON_MESH)[:2] == ("1 of 1 files there", "nothing")
    count, how, listing = told(*paths)
    assert (count, how) == ("4 of 4 files there", "nothing")
    assert re.search(r"dragon_vrip.ply .* not needed\n", listing)
    count, how, listing = told(*dragon.FILES.values())
    assert (count, how[:15]) == ("2 of 4 files there", "set INRBENCH_DA")
    assert re.search(r"dragon_sr.npy .* missing; only from INRBENCH_DATA\n", listing)


def test_every_format_has_the_package_that_reads_it(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: name)  # whatever is installed here
    lines = list(doctor.formats())
    words = " ".join(lines).replace(",", "").split()
    assert set(READERS) <= set(words)
    assert "  tifffile     .tif .tiff" in lines
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert "  nibabel      .nii .nii.gz: not here" in list(doctor.formats())


def test_a_tiny_trial_is_of_the_smoke_preset(config):
    flat, solid = doctor.tiny("Siren", config)
    assert (flat.dim, solid.dim) == (2, 3)
    assert dataclasses.replace(flat, steps=3) == flat
