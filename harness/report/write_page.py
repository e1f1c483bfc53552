"""Writes a results folder's page: index.html, which opens from disk without a server or network."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import UsageError
from common.files import write_for_user
from common.process import without_collection
from harness.analysis.cell import Kind
from harness.figures.files import figures_folder
from harness.plan import want
from harness.plan.config import DEFAULT_CONFIG, Config, load_config
from harness.store.fingerprint import fingerprint, stamp, stamps
from harness.store.liveness import read_claims
from harness.store.scan import Gathered, Stored, gather
from harness.store.store import Store

if TYPE_CHECKING:
    from harness.analysis.experiments import Experiment
    from harness.report.pictures import Pictures, Shown

    ChoosePictures = Callable[[list[Experiment], Shown], Pictures]

NAME = "index.html"
MADE_OF = "\n<!-- made of {} -->\n"  # ends a page: the digest of what it shows
SHOWN = ("rows", "arrays", "signals", "figures/*")  # what a page is made of in an experiment's folder
MEGABYTES = 4.0  # of thumbnails; the other parts of a page of ten thousand rows take about 10


def is_current(out: str | Path, config: str | Path = DEFAULT_CONFIG) -> bool:
    """Whether the page that is there is what `write` would write by default, but for the time of writing."""
    end = MADE_OF.format(made_of(out, config, MEGABYTES)).encode()
    try:
        with (Path(out) / NAME).open("rb") as file:
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:
        return False


def made_of(out: str | Path, config: str | Path, megabytes: float) -> str:
    """Digest of everything that a page shows, of which no row is opened."""
    out = Path(out)
    folders = sorted(folder for name in SHOWN for folder in out.glob(f"*/{name}"))
    running = sorted(str(said["trial"]) for said in read_claims(out))
    files = [(str(folder.relative_to(out)), stamps(folder)) for folder in folders]
    reference = [(path.name, stamp(path)) for path in sorted(want.FOLDER.glob("*.parquet"))]
    return fingerprint(str(out), repr(load_config(config)), megabytes, running, files, reference)


@without_collection()
def write(out: str | Path, config: str | Path = DEFAULT_CONFIG, megabytes: float = MEGABYTES) -> Path:
    """Write <out>/index.html, and say what it leaves out. megabytes: of thumbnails, at most."""
    from harness.analysis.reference_rows import beside
    from harness.report.charts import library
    from harness.report.pictures import pictures
    from harness.store import parquet
    from harness.store.names import folder_of, key_of

    end = MADE_OF.format(made_of(out, config, megabytes))  # before the rows are read: what comes later is not in it
    settings, found = load_config(config), gather(out)
    found.say_problems()
    others = beside(found.rows, settings)
    found.stored += [Stored(Store(found.out, folder_of(row)), key_of(row), row) for row in others]
    rows = found.rows
    try:
        table = parquet.to_parquet(rows) if rows else None
    except UsageError:  # no pyarrow; the page says how to get it
        table = None
    text = page_of(found, settings, lambda every, shown: pictures(found, every, megabytes, shown), table, library())
    path = Path(out) / NAME
    write_for_user(path, (text + end).encode(), "make it writable")
    return path


def page_of(
    found: Gathered, settings: Config, choose: "ChoosePictures", table: bytes | None, library: str | None
) -> str:
    """The page of these rows.

    choose: its pictures, by experiments and what is shown side by side. table: the rows as Parquet; library: that of
    the charts; the page does without either.
    """
    from harness.analysis.experiments import experiments
    from harness.report import charts, page, payload
    from harness.report.presets import presets
    from harness.report.rates import rates

    every = experiments(found.rows, settings.protocol.order, settings)
    data = payload.build(found, every, settings)
    kinds = [experiment.kind for experiment in every]
    data["presets"] = presets(every, settings)
    data["rates"] = rates(found.rows, kinds, settings.protocol.order, found.out)
    data["figures"] = figure_files(kinds, found.out)
    shown = choose(every, payload.shown(data))
    data["pictures"] = shown.summary()
    data["charts"] = None if library is None else charts.specifications(data["looks"])
    return page.assemble(data, {"rows": shown.by_row, "targets": shown.targets}, table, library)


def figure_files(kinds: Sequence[Kind], out: Path) -> list[dict[str, Any]]:
    """The files of figures, for links: of each experiment {folder: relative to the page, png: the names of those there,
    pdf: the same}."""
    found = []
    for kind in kinds:
        folder = figures_folder(out, kind)
        names = {end: sorted(path.stem for path in folder.glob(f"*.{end}")) for end in ("png", "pdf")}
        found.append({"folder": folder.relative_to(out).as_posix(), **names})
    return found
