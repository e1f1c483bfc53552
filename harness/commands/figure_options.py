"""How a command line wants figures to look, and which part of the rows they draw."""

import argparse

from common.errors import UsageError
from harness.figures.draw_figures import Choice
from harness.figures.layout import LEAST_WIDTH, MOST_WIDTH, Layout
from harness.figures.style import FONTS


def add_looks(parser: argparse.ArgumentParser) -> None:
    """What `choice_of` takes beside the models and budgets of `add_selection` (harness/commands/selected_rows.py)."""
    add = parser.add_argument
    add(
        "--width",
        type=float,
        metavar="INCHES",
        help="laid out for a column of this width, like 3.3, with text of 8 points and no headline",
    )
    add("--title", help="a line above the panels, in place of the headline")
    add("--theme", choices=list(FONTS), default="sans", help="which letters (default: %(default)s)")


def choice_of(options: argparse.Namespace) -> Choice:
    """What the options choose of the figures, and how they are drawn."""
    if options.width is not None and not LEAST_WIDTH <= options.width <= MOST_WIDTH:
        raise UsageError(f"--width must be from {LEAST_WIDTH:g} to {MOST_WIDTH:g} inches, got {options.width:g}")
    return Choice(options.models, options.sizes, Layout(options.width, options.title), options.theme)
