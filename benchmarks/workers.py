"""Whether several workers on one machine are together no slower than one process that runs the same trials.

    python benchmarks/workers.py --workers 2 --models Grid_exact --sizes 1e6

Both run one command line of run.py into a folder that is thrown away. Timed is from the start of the first trial to the
end of the last one, so that starting Python is left out.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from harness.execution.option_types import whole_number
from harness.execution.shared_options import add_device
from harness.store.table import load
from harness.train import machine
from own_process import command


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--workers", type=whole_number, default=2)
    add("--signal", default="SampleImages")
    add("--models", nargs="+", default=["Grid_exact"])
    add("--sizes", nargs="+", default=["1e5"])
    add("--seeds", nargs="+", default=["1", "2", "3", "4"])
    add("--preset", default="quick")
    add_device(parser)
    options = parser.parse_args()
    words = ["--signal", options.signal, "--models", *options.models, "--sizes", *options.sizes]
    words += ["--seeds", *options.seeds, "--preset", options.preset]
    device = machine.choose_device(options.device)
    many = ["--device", "all" if str(device) == "cuda" else str(device), "--workers", str(options.workers)]
    ways = {"one process": ["--device", str(device)], f"{options.workers} workers": many}
    print(machine.device_name(device))
    walls = []
    for name, where in ways.items():
        wall, trials, training = run([*words, *where])
        print(f"{name:12} {trials} trials in {wall:.2f} s; their own seconds of training add up to {training:.2f}")
        walls.append(wall)
    print(f"workers take {walls[1] / walls[0]:.2f} times as long as one process")


def run(words: Sequence[str]) -> tuple[float, int, float]:
    """Run a command line of run.py: seconds from its first trial's start to its last one's end, how many rows there
    are, and the sum of their training times. Raises CalledProcessError where it fails."""
    with tempfile.TemporaryDirectory() as out:
        command(["run.py", *words, "--out", out])
        rows = load(out)
        start = min(datetime.fromisoformat(started).timestamp() for started in rows["started"])
        end = max(path.stat().st_mtime for path in Path(out).glob("*/rows/*.json"))
        return end - start, len(rows), float(rows["seconds"].sum())


if __name__ == "__main__":
    main()
