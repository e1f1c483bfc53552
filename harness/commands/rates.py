"""`python -m harness rates`: PSNR against bits a sample by model and codec, as tables and a figure."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.errors import UsageError, one_line, refusal
from common.exits import EXIT_OK
from common.files import write_atomically
from harness.analysis.bits import codec_points, codecs
from harness.analysis.bits.rate_distortion import RateDistortion, rate_distortion
from harness.analysis.bits.rate_tables import every_point, summary
from harness.analysis.cell import Kind, kind_of
from harness.analysis.target import rebuild
from harness.commands.figure_options import add_looks, choice_of
from harness.commands.selected_rows import add_selection, choose_experiments, choose_models, gather_rows
from harness.execution.shared_options import add_config, add_out
from harness.figures.draw_figures import Choice
from harness.figures.files import figures_folder, save
from harness.plan.config import load_config
from harness.store.schema import CLASSICAL, Row
from target_signals.item_names import subject

FIGURE, POINTS = "rate_distortion", "rate_distortion.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_out(parser)
    add_selection(parser)
    add_looks(parser)
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    from harness.plan.model_settings import model_names

    every = [one.row for one in gather_rows(options.out, curves=False)]
    config = load_config(options.config)
    rows, choice = choose_models(choose_experiments(every, options), options, config.protocol), choice_of(options)
    for dim in sorted({int(row["dim"]) for row in rows if row["rates"]}):
        if absent := codecs.absent(dim):
            print(f"note: not installed here: {', '.join(absent)}", file=sys.stderr)
    order = model_names(config)
    coded: dict[Kind, dict[str, codec_points.Ladders]] = {}
    lacking: list[str] = []

    def curves_of(row: Row) -> codec_points.Ladders:
        """The codecs' files of a row's signal, where that is to be had and what is scored was seen as it is."""
        try:
            target = rebuild(row, options.out)
            if why := codecs.refused(target.truth):
                raise UsageError(f"{subject(row['signal'], row['item'])}: {why}")
            points = codecs.curves(target.truth) if np.array_equal(target.seen, target.truth) else {}
        except (UsageError, OSError) as error:
            lacking.append(one_line(error))
            points = {}
        coded.setdefault(kind_of(row), {})[codec_points.signal_of(row)] = points
        return points

    found = rate_distortion(rows, order, curves_of)
    if not found:
        raise UsageError(f"none of these rows in '{options.out}' has rates; run a launcher with --bits 4 6 8 12 16 32")
    for one in found:
        print(summary(one))
        for path in draw(one, order, choice, options.out, coded[one.kind]):
            print(f"wrote {path}")
        print()
    if lacking:
        more = f" (and {len(lacking) - 1} signals more)" if len(lacking) > 1 else ""
        print(f"note: no codecs: {lacking[0]}{more}", file=sys.stderr)
    print("python -m harness report shows them on the page")
    return EXIT_OK


def draw(
    found: RateDistortion,
    order: Sequence[str],
    choice: Choice,
    out: str | Path,
    coded: Mapping[str, codec_points.Ladders],
) -> list[Path]:
    """Write the figure of an experiment among its others, and beside it every point, and the codecs' for the page; the
    files for people."""
    from matplotlib import rc_context

    from harness.figures.rate_distortion import rate_distortion_page
    from models import get_model

    classical = [name for name in order if get_model(name).label == CLASSICAL]
    folder = choice.folder(out, found.kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        codec_points.write(figures_folder(out, found.kind), coded)
        write_atomically(folder / POINTS, every_point(found).encode())
        with rc_context(choice.rc):
            page = rate_distortion_page(found, order, classical, choice.layout)
            return [*save(page, folder, FIGURE), folder / POINTS]
    except OSError as error:
        raise refusal(f"cannot write '{error.filename or folder}'", error, "make it writable") from error
