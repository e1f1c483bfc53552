"""What a trial takes of the processor alone, and beside processes that keep the cores busy.

    python benchmarks/busy.py --models Siren GAPlane --busy 4
    OMP_WAIT_POLICY=ACTIVE python benchmarks/busy.py

Trials run alone and beside others in turns, each in a process of its own, by one command line of run.py. The seconds of
a model are the least of its turns, from its row: of the host's cores from construction to the end of training, and by
the clock of training. What run.py sets of OpenMP is what counts, unless the environment says something else.
"""

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence

from common.exits import EXIT_OK, guarded
from common.parser import Parser
from harness.execution.option_types import whole_number
from harness.store.schema import OK
from harness.train import machine
from own_process import only_row

SPIN = "while True: pass"  # one core, all of it
TRIAL = ["--signal", "Sierpinski", "--preset", "quick", "--bandlimits", "0.5", "--device", "cpu"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="busy.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", default=["Siren", "Wire", "BACON", "FourFeat", "GAPlane", "GSplat"])
    add("--size", default="1e4", help="budget of parameters")
    add("--steps", default="250", help="passes")
    add("--busy", type=whole_number, default=4, help="processes beside the trial")
    add("--turns", type=whole_number, default=3)
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again with --models for the rest")


def run(options: argparse.Namespace) -> int:
    print(f"{machine.device_name(machine.choose_device('cpu'))}, load {machine.load()} for each core before")
    print(f"| model | processor alone, s | beside {options.busy} | ratio | clock alone, s | beside {options.busy} |")
    print("|---|--:|--:|--:|--:|--:|")
    for model in options.models:
        words = [*TRIAL, "--models", model, "--sizes", options.size, "--steps", options.steps]
        alone, beside = [], []
        for _ in range(options.turns):
            alone.append(seconds(words))
            with busy(options.busy):
                beside.append(seconds(words))
        (own, clock), (shared, shared_clock) = (map(min, zip(*turns, strict=True)) for turns in (alone, beside))
        print(
            f"| {model} | {own:.2f} | {shared:.2f} | {shared / own:.2f} | {clock:.2f} | {shared_clock:.2f} |",
            flush=True,
        )
    return EXIT_OK


def seconds(words: Sequence[str]) -> tuple[float, float]:
    """Those of the only trial of a command line: of the processor, and of training by the clock."""
    row = only_row(words)
    assert row["status"] == OK, row["reason"]
    return row["processor_seconds"], row["seconds"]


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that do nothing else than to keep a core busy."""
    processes = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    raise SystemExit(main())
