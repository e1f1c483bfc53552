"""The verbs that read what runs left, and the one that tunes: python -m harness <verb>."""

import errno
import os
import sys
from collections.abc import Sequence

from common.errors import UsageError
from common.exits import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from harness.commands import doctor, figures, merge, render, report, status, table, tune, verify
from harness.execution.options import Parser

VERBS = {
    "status": status,
    "table": table,
    "figures": figures,
    "report": report,
    "verify": verify,
    "merge": merge,
    "render": render,
    "doctor": doctor,
    "tune": tune,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m harness", description="Read what runs left, and tune.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module in VERBS.items():
        text = (module.__doc__ or "").strip().splitlines()[0]
        module.add_arguments(verbs.add_parser(name, help=text, description=text))
    try:
        options = parser.parse_args(arguments)
        return VERBS[options.verb].run(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:  # the reader, such as `| head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"error: '{str(error.filename)[:60]}…' is longer than a path may be", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("\ninterrupted: run the same command again", file=sys.stderr)
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    raise SystemExit(main())
