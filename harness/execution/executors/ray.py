"""A Ray cluster: the one that RAY_ADDRESS names (`auto`: the one that runs here), otherwise one of this machine alone.

Every trial is a task that asks for one CPU core, so Ray gives it one thread, and on GPUs for one GPU. A task whose node
dies is tried again on another one.
The results folder and the code must lie where every node finds them under the same path.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from common.errors import Failure, UsageError
from common.exits import EXIT_OK
from common.files import ROOT
from harness.execution.executor import Concurrency, Order
from harness.execution.worker import work
from harness.plan.trial import Trial

RETRIES = 3  # of a task whose node or process died
PATIENCE = 10.0  # seconds that tasks have to abandon their trials


class Workers:
    """workers: how many tasks run at once; None for as many as the cluster has room for."""

    def __init__(self, order: Order, workers: int | None):
        try:
            import ray
        except ImportError as error:
            raise UsageError("--executor ray needs Ray; pip install -e '.[ray]'") from error
        self.ray = ray
        address = os.environ.get("RAY_ADDRESS")
        if address is None:
            print("RAY_ADDRESS is not set: a Ray cluster of this machine alone is started", file=sys.stderr)
        on_sigterm, folder = signal.getsignal(signal.SIGTERM), os.getcwd()
        os.chdir(ROOT)  # tasks import first from the folder where Ray is begun: a person's may have a models.py
        try:
            # never one that is merely found: it may be another launch's own, and go away with it
            ray.init(address=address or "local", logging_level=logging.WARNING)
        except ConnectionError as error:
            raise UsageError(f"no Ray cluster answers at RAY_ADDRESS={address}: {error}") from error
        finally:
            os.chdir(folder)
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own ends at once, without a word
        self.needs = ("CPU", "GPU") if order.device == "cuda" else ("CPU",)  # one of each for a task
        self.task = ray.remote(num_cpus=1, num_gpus=len(self.needs) - 1, max_retries=RETRIES)(work)
        self.order, self.most = order, workers
        self.waiting: list[Order] = []
        self.tasks: dict[Any, Order] = {}

    def submit(self, trials: Sequence[Trial]) -> None:
        self.waiting = [self.order.for_trials([trial]) for trial in reversed(trials)]

    def running(self) -> bool:
        while self.waiting and (self.most is None or len(self.tasks) < self.most):
            order = self.waiting.pop()
            self.tasks[self.task.remote(order)] = order
        ended, _ = self.ray.wait(list(self.tasks), num_returns=len(self.tasks), timeout=0) if self.tasks else ([], [])
        for task in ended:
            order = self.tasks.pop(task)
            try:
                if self.ray.get(task) != EXIT_OK:
                    print(
                        f"terminated with its process or node: {order.keys}; it is tried again later", file=sys.stderr
                    )
            except self.ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, (Failure, UsageError)):
                    raise error.cause from error
                raise Failure(f"a trial raised an error\n{error}") from error
            except self.ray.exceptions.RayError as error:
                what = next(iter(str(error).splitlines()), type(error).__name__)
                print(f"lost with its process or node: {order.keys}: {what}; it is tried again later", file=sys.stderr)
        return bool(self.tasks or self.waiting)

    def concurrency(self) -> Concurrency:
        """Tasks that the cluster has room for, each with a core or a GPU of its own."""
        there = self.ray.cluster_resources()
        return Concurrency(max(1, min(len(self.tasks), *(int(there.get(name, 0)) for name in self.needs))), 1)

    def stop(self) -> None:
        self.waiting.clear()
        for task in self.tasks:
            self.ray.cancel(task)
        deadline = time.monotonic() + PATIENCE
        while self.tasks and time.monotonic() < deadline:
            ended, _ = self.ray.wait(list(self.tasks), num_returns=len(self.tasks), timeout=0.5)
            for task in ended:
                del self.tasks[task]
        self.ray.shutdown()
