"""The files of figures that lie in a results folder, for links on the page, which lies there as well."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.analysis.cell import Kind
from harness.figures.files import figures_folder


def figure_files(kinds: Sequence[Kind], out: Path) -> list[dict[str, Any]]:
    """For each experiment {folder: relative to the page, png: the names of those there, pdf: the same}."""
    found = []
    for kind in kinds:
        folder = figures_folder(out, kind)
        names = {end: sorted(path.stem for path in folder.glob(f"*.{end}")) for end in ("png", "pdf")}
        found.append({"folder": folder.relative_to(out).as_posix(), **names})
    return found
