"""A worker of a launch: it makes the plan of the command line again, and runs of it what nobody else runs.

So nothing but words travels between machines. `python harness/execution/worker.py` is one on this machine. Its standard
input is a socket: there it reads an Order as one line of JSON, and answers with the words of the UsageError or Failure
that ends it, if any. When the other side ends, whoever started it is gone, and it ends as well.
"""

import argparse
import contextlib
import functools
import json
import os
import signal
import sys
import threading
import time

from common import process
from common.errors import Failure, UsageError
from common.exits import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    guarded,
    naming_own_files,
    stopping_on_sigterm,
)
from harness.execution.executor import Order
from harness.execution.options import parse
from harness.plan.trial import Trial
from harness.store.claims import Claims


def work(order: Order) -> int:
    """Run the trials of an order that nobody else has run or runs now. EXIT_INTERRUPTED when it is told to stop, as
    a job is whose node is taken away: no error, for what is left runs elsewhere. The trial in flight is abandoned."""
    try:
        with stopping_on_sigterm(), naming_own_files():
            run(order)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return EXIT_OK


def run(order: Order) -> None:
    process.prepare()  # a node of a cluster need not have the environment of whoever started the run
    from harness.execution import fill, run_trials
    from harness.execution.progress import Progress
    from harness.train import machine

    os.chdir(order.folder)
    options, planned = plan(tuple(order.arguments))
    if unknown := [key for key in order.keys if key not in planned]:
        changed = "settings or files of yours have changed since the start"
        raise UsageError(f"{changed}: no trial {unknown[0]}; start it again")
    trials = [planned[key] for key in order.keys]
    device = machine.choose_device(order.device)
    how = run_trials.RunOptions(
        options.out,
        device,
        save_models=options.save_model,
        superseded=order.superseded,
        deadline=time.monotonic() + order.until - time.time(),
        arrays=order.arguments[0] != fill.VERB,  # the reference keeps rows alone
    )
    with Progress(trials, device.type, silent=True) as progress:
        run_trials.run_free(trials, Claims(options.out), progress, how)


@functools.lru_cache(maxsize=1)  # a worker is called many times with one
def plan(arguments: tuple[str, ...]) -> tuple[argparse.Namespace, dict[str, Trial]]:
    """The options of a command line, and by their keys the trials that it may have run."""
    from harness.execution import fill, search_options
    from harness.execution.launch import make_launch
    from harness.execution.search import make_search

    match arguments:
        case [search_options.VERB, *words]:
            options = search_options.parse(words)
            trials = make_search(options).possible
        case [fill.VERB, *words]:
            options = fill.parse(words)
            trials = fill.possible(options)
        case _:
            options = parse(arguments)
            trials = make_launch(options).trials
    return options, {trial.key: trial for trial in trials}


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches whoever started it, too, who then sends SIGTERM
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # whoever started it had it wait
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):  # whoever started it was stopped meanwhile
        return EXIT_INTERRUPTED
    order = Order(**json.loads(line))  # whose tuples are lists by now
    threading.Thread(target=_end_with_starter, daemon=True).start()

    def work_and_answer() -> int:
        try:
            return work(order)
        except UsageError as error:
            _answer(str(error), error.trace)
            return EXIT_USAGE
        except Failure as error:
            _answer(str(error))
            return EXIT_FAILED

    return guarded(work_and_answer)


def _answer(*words: str) -> None:
    """Give whoever started this worker the words of an error, which it raises again: several workers may meet one."""
    os.write(sys.stdin.fileno(), json.dumps(words).encode())


def _end_with_starter() -> None:
    with contextlib.suppress(ConnectionError):
        os.read(sys.stdin.fileno(), 1)  # returns at the end of the input
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
