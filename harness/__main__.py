"""The verbs that read what runs left, and those that tune and begin: python -m harness <verb>."""

from collections.abc import Sequence

from common import process
from common.exits import guarded
from common.parser import Parser
from harness.commands import (
    compress,
    doctor,
    figures,
    merge,
    new,
    rates,
    reference,
    render,
    report,
    status,
    table,
    tune,
    verify,
)

VERBS = {
    "status": status,
    "table": table,
    "figures": figures,
    "report": report,
    "verify": verify,
    "merge": merge,
    "render": render,
    "compress": compress,
    "rates": rates,
    "doctor": doctor,
    "tune": tune,
    "reference": reference,
    "new": new,
}


def main(arguments: Sequence[str] | None = None) -> int:
    process.prepare()
    parser = Parser(
        prog="python -m harness",
        description="Read what runs left, tune, begin a file of your own.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module in VERBS.items():
        text = (module.__doc__ or "").strip().splitlines()[0]
        module.add_arguments(verbs.add_parser(name, help=text.partition("`: ")[2], description=text))

    def work() -> int:
        options = parser.parse_args(arguments)
        return VERBS[options.verb].run(options)

    return guarded(work, resume="run the same command again")


if __name__ == "__main__":
    raise SystemExit(main())
