"""`python -m harness tune`: search every model's settings alike, on signals that no experiment uses."""

import argparse

from common.exits import guarded
from harness.execution import search_options

add_arguments = search_options.add_arguments


def run(options: argparse.Namespace) -> int:
    from harness.commands.run_search import tune  # and with it torch, which takes seconds: --help does not wait for it

    return guarded(lambda: tune(options))
