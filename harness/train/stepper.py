"""An optimiser's updates, one after the other; on CUDA as replays of a recorded graph (docs/protocol.md, "Training").

A small model's update is dozens of kernels of some microseconds each, and launching them one by one takes longer
than they do. A CUDA graph launches all of them at once: gradient, every slab of it, and optimiser.
"""

import contextlib
import functools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.train.loss import Batches, LatticeGradient, Schedule
from harness.train.optimiser import Optimiser
from harness.train.quantised import Rounding


@dataclass(frozen=True)
class Recording:
    """One update as a graph. index: the batch [B] that a replay reads; None: all points. loss: what it writes."""

    graph: torch.cuda.CUDAGraph
    index: Tensor | None
    loss: Tensor


@dataclass(frozen=True)
class Standing:
    """Where a training is: passes made, the model's values, and what the optimiser keeps of every trained tensor."""

    passes: int
    values: dict[str, Tensor]
    moments: dict[Tensor, dict[str, Tensor]]


class Stepper:
    """Updates a model in passes over the lattice: one update a pass, or one for each batch.

    loss: what the model's values before the last update gave on its points; a scalar on the device.
    sound: whether every loss so far was finite, finite: how many were until the first that was not; noted on the
    device, so that nobody waits.
    rounding: rounds the model's values while a gradient is taken; None: they are seen as they are.
    recordings: by length of the batch, None for the whole lattice; empty where updates run eagerly, as on a CPU
    and for a model that waits for the device within its step, such as a rasteriser that asks for a number of pairs.
    """

    def __init__(
        self, gradient: LatticeGradient, batches: Batches | None, schedule: Schedule, rounding: Rounding | None = None
    ):
        self.gradient = gradient
        self.batches = batches
        self.device = gradient.model.device
        self.optimiser = Optimiser(gradient.model, schedule)
        self.rounding = rounding
        self.passes = 0
        self.loss: Tensor | None = None
        self.sound = torch.ones((), dtype=torch.bool, device=self.device)
        self.finite = torch.zeros((), dtype=torch.int64, device=self.device)
        self.recordings: dict[int | None, Recording] = {}

    def prepare(self) -> None:
        """Run every kind of update once, which fills caches and compiles kernels, undo it, and record it where it can
        be."""
        examples: Sequence[Tensor | None] = [None] if self.batches is None else self.batches.examples()
        if self.device.type == "cuda" and self.gradient.model.recordable:
            here, aside = torch.cuda.current_stream(self.device), _side_stream(self.device)
            aside.wait_stream(here)
            with torch.cuda.stream(aside):  # as PyTorch asks: what is recorded has run on the same stream before
                self._try_out(examples)
                recordable = self._never_waits(examples)
            here.wait_stream(aside)
            if recordable:
                self._record(examples, aside)
                return
        self._try_out(examples)

    def one_pass(self) -> int:
        """Update on every point of the lattice once; the number of updates."""
        self.passes += 1
        self.optimiser.set_pass(self.passes)
        if self.batches is None:
            self._step(None)
            return 1
        batches = self.batches.epoch()
        for index in batches:
            self._step(index)
        return len(batches)

    def standing(self) -> Standing:
        """A copy of where the training is."""
        values = {name: value.clone() for name, value in self.gradient.model.state_dict().items()}
        kept = self.optimiser.state.items()
        moments = {of: {name: value.clone() for name, value in state.items()} for of, state in kept}
        return Standing(self.passes, values, moments)

    def resume(self, standing: Standing) -> None:
        """Go on from where another stepper of the same model was, once this one is prepared."""
        self.passes = standing.passes
        self.gradient.model.load_state_dict(standing.values)
        for of, state in self.optimiser.state.items():
            kept = standing.moments.get(of)  # None of what had no gradient yet
            for name, value in state.items():
                value.zero_() if kept is None else value.copy_(kept[name])

    def _step(self, index: Tensor | None) -> None:
        recording = self.recordings.get(None if index is None else len(index))
        if recording is None:
            self.loss = self._update(index)
            return
        if index is not None and recording.index is not None:
            recording.index.copy_(index)
        recording.graph.replay()
        self.loss = recording.loss

    def _update(self, index: Tensor | None) -> Tensor:
        self.optimiser.zero_grad()
        with self.rounding.rounded() if self.rounding else contextlib.nullcontext():
            loss = self.gradient.compute() if index is None else self.gradient.compute_at(index)
        self.optimiser.step()
        self.sound &= torch.isfinite(loss)
        self.finite += self.sound
        return loss

    def _try_out(
        self, examples: Sequence[Tensor | None], watched: contextlib.AbstractContextManager[None] | None = None
    ) -> None:
        """Make every kind of update, in a context where one is given; the model's values and the optimiser's state are
        afterwards as they were."""
        values = {name: value.clone() for name, value in self.gradient.model.state_dict().items()}
        try:
            with watched or contextlib.nullcontext():
                for index in examples:
                    self._update(index)
        finally:
            self.gradient.model.load_state_dict(values)
            for state in self.optimiser.state.values():
                for value in state.values():
                    value.zero_()
            self.optimiser.zero_grad()
            self.sound.fill_(True)
            self.finite.zero_()

    def _never_waits(self, examples: Sequence[Tensor | None]) -> bool:
        """Whether the host runs ahead of the device all through an update; only then can it be recorded.

        Found by trying, since a recording that fails leaves PyTorch's allocator unusable.
        """
        try:
            self._try_out(examples, _refusing_to_wait())
        except RuntimeError as error:
            if "called a synchronizing CUDA operation" not in str(error):
                raise
            return False
        return True

    def _record(self, examples: Sequence[Tensor | None], stream: torch.cuda.Stream) -> None:
        """One graph for each kind of update. They share their memory, as they never run at the same time."""
        self.optimiser.make_capturable()
        pool = None
        with torch.cuda.device(self.device):
            for index in examples:
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, pool=pool, stream=stream):
                    loss = self._update(index)
                pool = graph.pool()
                self.recordings[None if index is None else len(index)] = Recording(graph, index, loss)


@contextlib.contextmanager
def _refusing_to_wait() -> Iterator[None]:
    """A context in which waiting for a GPU is a RuntimeError."""
    mode = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Synchronization debug mode is a prototype")
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(mode)


@functools.cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """The one stream on which a device's updates are recorded: cuBLAS keeps memory for each that it has seen."""
    return torch.cuda.Stream(device)
