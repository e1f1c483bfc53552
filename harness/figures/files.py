"""The files of figures: the folder of each experiment, and how a figure is written, whole or not at all."""

import hashlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.files import write_atomically
from harness.analysis.cell import Kind
from harness.store.names import LONGEST, distinct, folder_of, length_name, safe
from target_signals.item_names import name_of, with_digits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PDF_DENSITY = 300  # pixels an inch of pictures in a PDF; all else is drawn in lines


def figures_folder(out_folder: str | Path, kind: Kind) -> Path:
    """Where the figures of an experiment lie."""
    return Path(out_folder) / experiment_folder(kind) / "figures" / variant(kind)


def save(figure: "Figure", folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and as PDF, whose bytes depend on nothing but the figure."""
    folder.mkdir(parents=True, exist_ok=True)
    png, pdf = folder / f"{name}.png", folder / f"{name}.pdf"
    undated = {"CreationDate": None}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box stands for it, in the name of a file
        write(figure, png)
        write(figure, pdf, dpi=PDF_DENSITY, metadata=undated)
    return [png, pdf]


def write(figure: "Figure", path: Path, **how: Any) -> None:
    """Write a figure as its path's ending says. First in memory: on a full disk matplotlib's PDF raises errors of its
    own, and no OSError. how: as `savefig` takes it."""
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:], **how)
    write_atomically(path, content.getbuffer())


def experiment_folder(kind: Kind) -> str:
    """The name of the folder of a signal's and a task's rows."""
    return folder_of({"dim": kind.dim, "signal": kind.signal, "task": kind.task})


def variant(kind: Kind) -> str:
    """The name of a folder of figures, which tells experiments of one signal and task apart."""
    # other people's rows may lack the steps
    name = distinct(f"{kind.preset}_{length_name(kind.length)}_{kind.steps or 0}")
    if kind.dataset is None:
        return name
    dataset = safe(kind.dataset[-LONGEST:])
    if name_of(kind.dataset) == kind.dataset != dataset:  # a folder's, without digits of its own, was cut
        dataset = with_digits(dataset, hashlib.sha256(kind.dataset.encode()).hexdigest())
    return f"{name}_{dataset}"
