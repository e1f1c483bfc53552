"""The documentation's example page: `python -m harness.report.example_page` makes it of the reference results.

It holds their rows without the times, which are those of machines that much else ran on, and without the curves, which
charts alone show. The reference has no arrays; pictures of a few trials lie in a file of their own, and `python -m
harness.report.example_page FOLDER` takes them anew from a results folder where the same trials left the same arrays,
bit for bit. The Parquet files lie beside the page, so there is no copy in it; and the library of charts is left out,
which is other people's and as large as all the rest.
"""

import json
import sys
from pathlib import Path

from common.errors import UsageError
from common.exits import EXIT_OK, guarded
from common.files import ROOT, write_atomically
from harness.analysis.experiments import experiments
from harness.analysis.reference_rows import TIMES
from harness.plan import want
from harness.plan.config import DEFAULT_CONFIG, load_config
from harness.report.payload import build, shown
from harness.report.pictures import Pictures, pictures
from harness.report.write_page import page_of
from harness.store.parquet import read_folder
from harness.store.scan import Gathered, Stored
from harness.store.schema import CHECKSUM
from harness.store.store import Store

PATH = ROOT / "docs" / "example_page.html"
PICTURES = ROOT / "docs" / "example_pictures.json"
MEGABYTES = 0.45  # of pictures


def text() -> str:
    """The page of the reference's rows as they are, with the pictures that are kept of them."""
    found = _gathered(Path(want.FOLDER.name))
    return page_of(found, load_config(DEFAULT_CONFIG), lambda *given: _kept(found), table=None, library=None)


def take_pictures(out: Path) -> int:
    """Keep pictures of trials that are shown side by side, from the arrays of a results folder; how many there are.

    An array counts where its row in the reference has the same digest.
    """
    found, settings = _gathered(out), load_config(DEFAULT_CONFIG)
    every = experiments(found.rows, settings.protocol.order, settings)
    taken = pictures(found, every, MEGABYTES, shown(build(found, every, settings)))
    digests = _digests(found)
    rows = {
        name: {CHECKSUM: digests[name], "picture": picture}
        for name, picture in taken.by_row.items()
        if "flaw" not in picture
    }
    content = json.dumps({"rows": rows, "targets": taken.targets}, indent=0)
    write_atomically(PICTURES, content.encode())
    return len(rows)


def _gathered(out: Path) -> Gathered:
    bare = dict.fromkeys((*TIMES, "curve"))
    rows = read_folder(want.FOLDER).items()
    return Gathered(out, [Stored(Store(out, folder), key, row | bare) for (folder, key), row in rows])


def _digests(found: Gathered) -> dict[str, str]:
    return {stored.name: stored.row[CHECKSUM] for stored in found.stored}


def _kept(found: Gathered) -> Pictures:
    """The kept pictures of rows that are still those that they were taken of."""
    kept = json.loads(PICTURES.read_text(encoding="utf-8"))
    digests = _digests(found)
    own = {name: one["picture"] for name, one in kept["rows"].items() if one[CHECKSUM] == digests.get(name)}
    return Pictures(own, kept["targets"], possible=len(own))


def main() -> int:
    """Write the page, or keep pictures for it; the exit code. Raises UsageError for other words."""
    match sys.argv[1:]:
        case []:
            pass
        case [folder]:
            print(f"{take_pictures(Path(folder))} pictures in {PICTURES}")
        case _:
            raise UsageError("give nothing, or one results folder with the arrays to take pictures of")
    write_atomically(PATH, text().encode())
    print(f"wrote {PATH} ({PATH.stat().st_size / 1e6:.1f} MB)")
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(guarded(main))
