"""`python -m harness doctor`: what this machine has, which back ends of which models work here, and what is missing."""

import argparse
import importlib.util
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import cause_of
from common.exits import EXIT_FAILED, EXIT_OK
from harness.execution.shared_options import add_config, add_device, add_out
from harness.plan.config import Config, load_config
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.store.schema import OK, UNSUPPORTED
from target_signals.recorded.catalogue import MB, SOURCES
from target_signals.recorded.inventory import take_inventory
from target_signals.recorded.local_files import cache_folder
from target_signals.tasks import perceptual
from target_signals.tasks.base import family_of
from target_signals.user_file import PACKAGES

if TYPE_CHECKING:
    import torch

SIGNALS = (("Sierpinski", 2), ("SparseSphereSignal", 3))  # what every back end is tried on, at the smoke preset
EXTRAS = {  # importable name → what it is for, and the command that adds it
    "nibabel": (PACKAGES["nibabel"], "pip install -e '.[volumes]'"),
    "SimpleITK": (PACKAGES["SimpleITK"], "pip install -e '.[volumes]'"),
    "imagecodecs": (f"{PACKAGES['imagecodecs']}; the codec SZ3 beside models of volumes", "pip install -e '.[codecs]'"),
    "constriction": ("fitted models in bits", "pip install -e '.[bits]'"),
    "zfpy": ("the codec zfp beside models of volumes", "pip install -e '.[bits]'"),
    "pyarrow": ("tables in Parquet, and the reference results", "pip install -e ."),
    "vl_convert": ("charts in the report", "pip install -e '.[report]'"),
}
GPU_TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cu128"
WORKS = "works"


@dataclass(frozen=True)
class Tried:
    """A back end of a model, and how it did: `works`, or why not. here: whether it has what it needs."""

    backend: str
    outcome: str
    here: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_device(parser)
    add_out(parser)
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    """The exit code, 0: the default back end of every model works here; 1: one does not."""
    from harness.plan.model_settings import model_names
    from harness.train import machine

    config = load_config(options.config)
    device = machine.choose_device(options.device)
    missing: dict[str, str] = {}  # what → the command that adds it
    print("\n".join(machine_lines(device, missing)))
    print("\n".join(disks(options.out)))
    broken = []
    print(f"back ends on {device}, the default first:")
    widest = max(map(len, model_names(config)), default=0)
    for name in model_names(config):
        tried = list(attempts(name, config, device))
        default = next((one for one in tried if one.here), tried[-1])
        if default.outcome != WORKS:
            broken.append(name)
        ordered = [default, *(one for one in tried if one is not default)]
        print(f"  {name:{widest}} {'; '.join(f'{one.backend}: {one.outcome}' for one in ordered)}")
    print("\n".join(formats()))
    print("\n".join(data(missing)))
    if missing:
        print("missing, and what adds it:")
        width = max(map(len, missing))
        print("\n".join(f"  {what:{width}}  {how}" for what, how in missing.items()))
    if broken:
        print(f"the default back end of {', '.join(broken)} does not work here")
        return EXIT_FAILED
    print("the default back end of every model works here")
    return EXIT_OK


def machine_lines(device: "torch.device", missing: dict[str, str]) -> Iterator[str]:
    """Python, the libraries, the devices."""
    import torch

    from harness.train import machine
    from models.backends import NEEDS

    versions = ", ".join(f"{name} {version}" for name, version in machine.versions().items())
    yield f"{versions}; suite: {machine.commit() or 'not a git checkout'}"
    yield f"device: {machine.device_name(device)}"
    cuda = torch.version.cuda
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(i)
            yield f"GPU {i}: {torch.cuda.get_device_name(i)}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free"
        yield f"CUDA: {cuda}"
        for backend, need in NEEDS.items():
            if importlib.util.find_spec(need.package) is None:
                missing[f"back end {backend}"] = need.how
    elif shutil.which("nvidia-smi") and cuda is None:
        yield "CUDA: none, as this PyTorch is built without it"
        missing["CUDA, although there is an NVIDIA driver"] = GPU_TORCH
    else:
        yield f"CUDA: {f'{cuda}, but no GPU is seen' if cuda else 'none, and no GPU'}"
    for package, (purpose, how) in EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            missing[f"{package}, for {purpose}"] = how


def disks(out: str) -> Iterator[str]:
    """Room where results go, and where downloads do."""
    for what, folder in (("results", Path(out)), ("downloads", cache_folder())):
        there = folder.absolute()
        while not there.exists():
            there = there.parent
        yield f"disk: {shutil.disk_usage(there).free / 1e9:,.0f} GB free for {what} in {folder}"


def attempts(name: str, config: Config, device: "torch.device") -> Iterator[Tried]:
    """Every back end of a model, tried where it has what it needs."""
    from models import backends, get_model

    cls = get_model(name)
    for backend in cls.backends:
        lack = backends.missing(backend, device)
        if lack is not None:
            yield Tried(backend, lack.partition(" (")[0], here=False)  # without the command, which stands below
            continue
        outcomes = [fits(replace(trial, backend=backend), device) for trial in tiny(name, config)]
        real = [outcome for outcome in outcomes if outcome is not None]
        outcome = next((one for one in real if one != WORKS), WORKS if real else "takes no signal that was tried")
        yield Tried(backend, outcome, here=bool(real))


def tiny(name: str, config: Config) -> Iterator[Trial]:
    """A trial of a moment in 2D and one in 3D where its task has it, in the precision that the model has on CUDA."""
    from harness.plan.make_plan import make_plan, tasks_for
    from models import get_model

    task = tasks_for(name)[0] if get_model(name).inverts else "fit"
    for signal, dim in SIGNALS:
        if dim not in family_of(task).dims:
            continue
        preset = config.preset("smoke", signal, dim)
        yield from make_plan(config, choose_source(signal, dim), [task], preset, [name], precision=None)


def fits(trial: Trial, device: "torch.device") -> str | None:
    """How a trial ends: `works`, why it fails, or None where the model does not take such a signal."""
    from harness.train.run_trial import run_trial

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters comes back as the outcome
            row = run_trial(trial, device)[0].row
    except Exception as error:  # whatever a compiler or a driver raises
        return f"fails in {trial.dim}D: {cause_of(error)}"
    if row["status"] == UNSUPPORTED:
        return None
    return WORKS if row["status"] == OK else f"{row['status']} in {trial.dim}D: {row['reason']}"


def formats() -> Iterator[str]:
    """Which package reads which files of somebody's own, and whether it is here."""
    yield "files of your own:"
    for package, what in PACKAGES.items():
        lacks = "" if importlib.util.find_spec(package) else ": not here"
        yield f"  {package:12} {what}{lacks}"


def data(missing: dict[str, str]) -> Iterator[str]:
    """Recorded signals and the weights of LPIPS; what is absent goes to `missing`."""
    counts = []
    for name, source in SOURCES.items():
        inventory = take_inventory(source)
        counts.append(f"{name} {inventory.count()}")
        if inventory.absent:
            missing[name] = (
                f"python -m target_signals.fetch {name}   ({source.archive.size / MB:,.0f} MB)"
                if source.archive and source.has_address(inventory.absent[0])
                else "set INRBENCH_DATA to a folder that has it; it is never downloaded"
            )
    yield f"data: {'; '.join(counts)}; without them stand-ins run"
    lack = perceptual.missing()
    yield f"LPIPS: {'weights are there' if lack is None else 'null in rows'}"
    if lack is not None:
        missing["LPIPS"] = lack.partition(": ")[2].replace("the file is at", "curl -LO")
