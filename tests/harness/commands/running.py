"""What the tests of run.py share: a small run, and what it printed and stored."""

from tests.harness.tables import CLASSICAL, MODELS

NAMES = [*MODELS, *CLASSICAL]
SMOKE = ("--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu")


def rows(folder):
    """The content and the time of every row file."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("*/rows/*.json")}


def cells(stdout):
    """The lines of the printed table, by model: {"Grid": ["14.96", "0.1", "1"]}."""
    lines = stdout.partition("mean PSNR")[2].partition("\n\n")[0].splitlines()[2:]
    end = next((i for i, line in enumerate(lines) if line.startswith("(")), len(lines))  # of the constant mean
    return {line.split()[0]: line.split()[1:] for line in lines[:end]}
