"""The documentation's example page: `python -m harness.report.example_page` makes it of the reference results.

It holds their rows without the times, which are those of machines that much else ran on. The reference has no arrays,
so there are no pictures; the Parquet files lie beside it, so there is no copy; and the library of charts is left out,
which is other people's and as large as all the rest.
"""

from pathlib import Path

from common.files import ROOT, write_atomically
from harness.analysis.reference_rows import TIMES
from harness.plan import reference, want
from harness.plan.config import DEFAULT_CONFIG, load_config
from harness.report.write_page import page_of
from harness.store.scan import Gathered, Stored

PATH = ROOT / "docs" / "example_page.html"


def text() -> str:
    """The page of the reference's rows as they are."""
    rows = reference.read(want.FOLDER).items()
    stored = [Stored(folder, key, row | dict.fromkeys(TIMES)) for (folder, key), row in rows]
    found = Gathered(Path(want.FOLDER.name), stored)
    return page_of(found, load_config(DEFAULT_CONFIG), megabytes=0, table=None, library=None)


if __name__ == "__main__":
    write_atomically(PATH, lambda file: file.write(text().encode()))
    print(f"wrote {PATH} ({PATH.stat().st_size / 1e6:.1f} MB)")
