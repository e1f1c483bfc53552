"""How long the whole paper takes on so many GPUs, simulated from the times in harness/plan/step_times.json.

    python benchmarks/forecast.py --workers 1 4 16

Every launcher in turn, its trials in the order in which workers get them (harness/plan/cost.py: in_order); each worker
takes the next trial whenever it is free. *Together* is all launchers started at once on the same workers. A
worker's start, about ten seconds with PyTorch and CUDA, is not in it; estimates are what `--dry-run` prints.
"""

import argparse
import sys
from collections.abc import Sequence

from common.errors import UsageError
from common.exits import EXIT_OK, EXIT_USAGE
from cost_table import paper_trials
from harness.execution.options import Parser, positive
from harness.execution.ordering import in_order, makespan
from harness.plan.config import load_config
from harness.plan.cost import trial_seconds
from harness.plan.trial import Trial


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="forecast.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", nargs="+", type=positive, default=[1, 2, 4, 8, 16], metavar="K")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="the kind whose times are taken")
    try:
        print(render(parser.parse_args(arguments)))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    return EXIT_OK


def render(options: argparse.Namespace) -> str:
    """A table in Markdown: hours by launcher and number of workers, and the share of them that is work."""
    config = load_config()
    trials = paper_trials(config, config.protocol.models)
    launches: dict[str, list[Trial]] = {}
    for trial in trials:
        launches.setdefault(f"{trial.dim}D {trial.signal}", []).append(trial)
    launches["together"] = trials
    lines = [
        f"| hours on so many {options.device} devices | trials | {' | '.join(map(str, options.workers))} |",
        "|---|" + "---:|" * (1 + len(options.workers)),
    ]
    for name, own in launches.items():
        seconds = [trial_seconds(t, options.device) or 0.0 for t in in_order(own, options.device)]
        cells = []
        for count in options.workers:
            end = makespan(seconds, count)
            cells.append(f"{end / 3600:.2f} ({sum(seconds) / (count * end):.0%})")
        lines.append(f"| {name} | {len(own):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
