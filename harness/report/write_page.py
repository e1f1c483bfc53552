"""Writes a results folder's page: index.html, which opens from disk without a server or network."""

from pathlib import Path

from common.errors import UsageError
from common.files import write_atomically
from harness.plan.config import DEFAULT_CONFIG, load_config

NAME = "index.html"
MEGABYTES = 4.0  # of thumbnails; the other parts of a page of ten thousand rows take about 10


def write(out: str | Path, config: str | Path = DEFAULT_CONFIG, megabytes: float = MEGABYTES) -> Path:
    """Write <out>/index.html. megabytes: of thumbnails, at most."""
    from harness.analysis.experiments import experiments
    from harness.report import charts, page, payload
    from harness.report.pictures import pictures
    from harness.store import parquet
    from harness.store.scan import gather

    settings, found = load_config(config), gather(out)
    rows = [stored.row for stored in found.stored]
    data = payload.build(found, settings)
    shown = pictures(found, experiments(rows, settings.protocol.order), megabytes, payload.shown(data))
    data["pictures"] = shown.summary()
    library = charts.library()
    data["charts"] = None if library is None else charts.specifications(data["looks"])
    try:
        table = parquet.to_parquet(rows) if rows else None
    except UsageError:  # no pyarrow; the page says how to get it
        table = None
    text = page.assemble(data, {"rows": shown.by_row, "targets": shown.targets}, table, library)
    path = Path(out) / NAME
    try:
        write_atomically(path, lambda file: file.write(text.encode()))
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}; choose another folder with --out") from error
    return path
