"""What the whole paper costs on this machine: the plain loop, a careful one and the suite's own, side by side.

    python benchmarks/paper_cost.py --models Siren Grid --sizes 1e4 1e5 --dims 2 --precision tf32 --out cost.json
    python benchmarks/paper_cost.py --table cost.json
    python benchmarks/paper_cost.py --write cost.json    # the suite's own into harness/plan/step_times.json

A pass sees every point of 1000² or 100³ once, in one update or in the batches of the largest budgets. Times are
medians over turns that the loops take; GPU-hours weigh them with the passes and points of the paper's trials.
Calls with one --out add up there: cells that it lacks come first, so that a call with --minutes goes on where the last
one stopped, and a cell that is measured again takes the place of the old one.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import cost_table
import timed_loops
from cells import add_cells, cells_to_measure, name_of, suites_own
from common.errors import UsageError
from common.exits import EXIT_FAILED, EXIT_OK, guarded
from common.files import write_atomically
from common.parser import Parser
from common.precision import PRECISIONS
from harness.execution.launch import choose_models, choose_precision
from harness.execution.shared_options import add_device, add_minutes, deadline
from harness.plan import cost
from harness.plan.config import load_config
from harness.train import machine
from models import backends, get_model
from peaks import measure_peaks


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="paper_cost.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add_cells(parser, models=["all"])
    add_minutes(parser)
    add("--seconds", type=float, default=1.5, help="of measuring each loop in each cell (default: 1.5)")
    add("--precision", choices=PRECISIONS, help="of the suite's own loop (default: each model's)")
    add("--backend", help="of the suite's own loop (default: the best that is there)")
    add("--compile", action="store_true", help="measure the careful loop under torch.compile, too")
    add_device(parser)
    add("--out", type=Path, help="a JSON file to add the cells to")
    add("--table", type=Path, metavar="FILE", help="measure nothing; print what such a file holds")
    add("--write", type=Path, metavar="FILE", help="measure nothing; let estimates of runs take its times of the suite")
    return guarded(lambda: run(parser.parse_args(arguments)), "with --out the same call goes on")


def run(options: argparse.Namespace) -> int:
    if options.write is not None:
        print(f"wrote {write_estimates(_read(options.write))}")
        return EXIT_OK
    config = load_config()
    names = choose_models(config, options.models)
    trials = cost_table.paper_trials(config, names)
    if options.table is not None:
        print(cost_table.render(_read(options.table), trials))
        return EXIT_OK
    device = machine.choose_device(options.device)
    options.precision = choose_precision(options.precision, device)
    for name in names if options.backend is not None else ():
        backends.check(get_model(name), options.backend, device)
    if options.compile and (lack := timed_loops.why_not_compiled(device)) is not None:
        print(f"the careful loop is not compiled: {lack}", file=sys.stderr)
        options.compile = False
    data, end = _begin(options.out, device), deadline(options)
    cells = cells_to_measure(config, names, options.dims, options.sizes, options.length)
    for trial in sorted(cells, key=lambda trial: name_of(trial) in data["cells"]):
        if time.monotonic() > end:
            print("the minutes are over", file=sys.stderr)
            break
        found = timed_loops.measure(suites_own(trial, options), device, options.seconds, options.compile)
        if found is None:
            continue
        data["cells"][name_of(trial)] = found
        loops = [loop for loop in timed_loops.LOOPS if loop in found]
        times = ", ".join(f"{loop} {found[loop].get('failed') or round(found[loop]['ms'], 3)}" for loop in loops)
        print(f"{trial.model} {trial.dim}D {trial.budget:,}: {times}", file=sys.stderr, flush=True)
        if options.out is not None:
            _write(options.out, data)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    print(cost_table.render(data, trials))
    return EXIT_FAILED if any("failed" in found["suite"] for found in data["cells"].values()) else EXIT_OK


def write_estimates(data: dict[str, Any]) -> Path:
    """Put the suite's own times of a file's cells into harness/plan/step_times.json, beside those of other cells; its
    path. Raises UsageError where that file's times are of other numbers of points."""
    times = json.loads(cost.TIMES.read_text())
    kind, _, name = data["device"].partition(": ")
    found = times.setdefault(kind, {"machine": name, "points": {}, "ms_per_pass": {}, "commits": {}})
    for measured in data["cells"].values():
        axes, size = f"{measured['dim']}D", str(measured["size"])
        if found["points"].setdefault(axes, measured["points"]) != measured["points"]:
            raise UsageError(f"{cost.TIMES.name} holds times at {found['points'][axes]:,} points, not as many as here")
        if "ms" in measured["suite"]:
            values = {"ms_per_pass": float(f"{measured['suite']['ms']:.3g}"), "commits": str(measured["commit"])[:7]}
            for table, value in values.items():
                own = found.setdefault(table, {}).get(name := f"{measured['model']} {axes}", {}) | {size: value}
                found[table][name] = {known: own[known] for known in sorted(own, key=int)}
    _write(cost.TIMES, times)
    return cost.TIMES


def _begin(out: Path | None, device: torch.device) -> dict[str, Any]:
    """The file's content, or an empty one with this machine's peaks."""
    here, versions = machine.device_name(device), machine.versions()
    if out is not None and out.exists():
        data = _read(out)
        if (data["device"], data["versions"]) != (here, versions):
            raise UsageError(
                f"'{out}' holds times of {data['device']} with torch {data['versions']['torch']}, and this is {here} "
                f"with torch {versions['torch']}; give another --out"
            )
        return data
    return {"device": here, "versions": versions, "peaks": measure_peaks(device), "cells": {}}


def _write(path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, indent=1) + "\n"
    write_atomically(path, text.encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read '{path}': {error}; give a file that --out wrote") from error
    if not isinstance(data, dict) or not {"device", "versions", "peaks", "cells"} <= set(data):
        raise UsageError(f"'{path}' is no cost table; give a file that --out wrote")
    return data


if __name__ == "__main__":
    raise SystemExit(main())
