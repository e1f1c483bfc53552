"""Worker processes on this machine, each with its share of the cores; on GPUs one or more a device."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from common.errors import Failure, UsageError
from common.exits import EXIT_INTERRUPTED, EXIT_USAGE
from common.files import ROOT
from harness.execution.executor import Concurrency, Order, cores, search_path, share_of_cores, shared
from harness.plan.trial import Trial
from harness.store.liveness import numbering, read_claims

PATIENCE = 10.0  # seconds that a worker has to abandon its trial before it is killed
MOST_DEATHS = 3  # of workers on one trial
LONGEST_ANSWER = 1 << 20  # bytes


class Workers:
    """workers: how many processes run at once, at most one a trial. out: the results folder, whose claims tell on which
    trial a process died."""

    def __init__(self, order: Order, workers: int, out: Path):
        self.order, self.count, self.out = order, workers, out
        self.devices = visible_gpus() if order.device == "all" else []
        self.deaths: Counter[str | None] = Counter()  # by the key of the trial; None: before there was one
        self.processes: list[subprocess.Popen[bytes]] = []
        self.sockets: dict[int, socket.socket] = {}  # this side's, by the number of the process

    def submit(self, trials: Sequence[Trial]) -> None:
        self.order = self.order.for_trials(trials)
        self.processes = []
        for number in range(min(self.count, len(trials))):
            self.processes.append(self._start(number))  # each at once: Ctrl-C stops those that there are

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        order, environment = self.order, os.environ | search_path()
        if self.devices:  # a worker sees its own device alone
            order = dataclasses.replace(order, device="cuda")
            environment["CUDA_VISIBLE_DEVICES"] = self.devices[number % len(self.devices)]
        environment["OMP_NUM_THREADS"] = share_of_cores(self.count)
        # by its path, as with -m Python 3.10 looks first in the folder that a person is in
        line = [sys.executable, str(ROOT / "harness/execution/worker.py")]
        ours, theirs = socket.socketpair()
        # Ctrl-C, which a worker that only begins would not pass over yet, waits until it does, and here for the socket
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            with theirs:
                process = subprocess.Popen(line, env=environment, stdin=theirs.fileno())
            self.sockets[process.pid] = ours  # and open: at its end the worker ends
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        with contextlib.suppress(ConnectionError):  # it is gone already, which `running` finds
            ours.sendall(json.dumps(dataclasses.asdict(order)).encode() + b"\n")
        return process

    def running(self) -> bool:
        for number, process in enumerate(self.processes):
            code = process.poll()
            if code is None or code == 0:
                continue
            if code > 0 and code != EXIT_INTERRUPTED:
                words = self._answer_of(process.pid) or [f"worker {number + 1} ended with the error above"]
                raise UsageError(*words) if code == EXIT_USAGE else Failure(*words)
            how = f"signal {-code}" if code < 0 else "SIGTERM"
            what = f"worker {number + 1} (process {process.pid}) was killed by {how}"
            held = self._held_by(process.pid)
            self.deaths[held] += 1
            if self.deaths[held] > MOST_DEATHS:
                raise Failure(
                    f"{what}, as {self.deaths[held] - 1} were before {'on' if held else 'without'} a trial"
                    f"{f', {held}' if held else ''}; is there enough memory for --workers?"
                )
            print(f"{what}; another one goes on, and runs its trial again after all others", file=sys.stderr)
            self._put_last(held)
            self.processes[number] = self._start(number)
        return any(process.poll() is None for process in self.processes)

    def concurrency(self) -> Concurrency:
        alive = sum(process.poll() is None for process in self.processes)
        return shared(alive, cores() if self.order.device == "cpu" else len(self.devices) or 1)

    def _answer_of(self, pid: int) -> list[str] | None:
        """The words of the error that ended a process; None where it gave none, as for one that nobody foresaw."""
        try:  # without waiting: a process that it has started may hold the other side open
            return json.loads(self.sockets[pid].recv(LONGEST_ANSWER, socket.MSG_DONTWAIT))
        except (OSError, ValueError):
            return None

    def _held_by(self, pid: int) -> str | None:
        """The key of the trial that a process here died with: its claim is still there."""
        own = (said for said in read_claims(self.out) if (said.get("pid"), said.get("numbering")) == (pid, numbering()))
        return next((said["key"] for said in own if said["key"] in self.order.keys), None)

    def _put_last(self, key: str | None) -> None:
        """Put a trial last, so that one that kills its process, for want of memory say, does not keep others from being
        run."""
        if key is not None:
            self.order = dataclasses.replace(self.order, keys=(*(k for k in self.order.keys if k != key), key))

    def stop(self) -> None:
        alive = [process for process in self.processes if process.poll() is None]
        for process in alive:
            process.terminate()
        for process in alive:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for ours in self.sockets.values():
            ours.close()


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them up to the first that is not here: CUDA
    ignores that one and all behind it."""
    given, count = os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.device_count()
    return list(map(str, range(count))) if given is None else given.split(",")[:count]
