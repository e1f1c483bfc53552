"""A trial: one fit, with everything that determines its numbers."""

import dataclasses
import functools
import hashlib
import json
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from common.dials import digested
from harness.store import names, schema
from target_signals.item_names import name_of

CONSTANT, COSINE = LR_SCHEDULES = ("constant", "cosine")  # of the learning rate: harness/train/optimiser.py
LR_SCHEDULE = "lr_schedule"  # stands among a trained model's settings in the file, and in a column of its own in rows
ADAM, MUON = OPTIMISERS = ("adam", "muon")
EXACT = 32  # bits a value at which values are kept as they are: harness/train/compressed.py
BITS = (*range(2, 17), EXACT)  # a value may be compressed to
# what trials had before they could have another
PLAIN: dict[str, Any] = {
    "lr_schedule": CONSTANT,
    "optimiser": ADAM,
    "tuned_at": None,
    "model_code": None,
    "signal_code": None,
}
DIGESTED = json.JSONEncoder(sort_keys=True, default=dataclasses.asdict)  # a setting may be a dataclass itself


class About(NamedTuple):
    """A signal, by the arguments of `target_signals.get_signal`."""

    name: str
    dim: int
    length: int | None
    bandlimit: float | None
    seed: int
    item: str | None


@dataclass(frozen=True)
class Trial:
    """One fit: everything that determines its numbers, and nothing else but `preset`, `evaluate_every`,
    `path`, `dataset`, `activation_gib`, `backend`, `bits` and `quantised_share`.

    length: samples along the longest axis; None for a recorded item as it is. task: what is trained on.
    seed: draws initial values and batches; signal_seed: the signal, and what a task draws of it.
    scored: the tasks of its rows. budget: of parameters; `size` in rows. steps: passes over the lattice.
    minibatch: points a batch, or None for full updates. settings: the model's own `Config`.
    path: of a user's own file, which `item` names by its content. dataset: of several such files, their folder's name.
    backend: one that must run, or None for the best that does. tuned_at: the preset at which the settings were tuned,
    or None where nobody did; it gives rows of their own to those that are as they were, so that an experiment with
    tuned settings is whole. bits: a value at which the fitted model is also compressed and scored. quantised_share: of
    the passes; so many of the last ones are made once more, with quantised values, for each of `bits`.
    model_code, signal_code: digests of the files of the user's own that model, signal and tasks are from; None for the
    suite's.
    """

    signal: str
    item: str | None
    dim: int
    length: int | None
    bandlimit: float | None
    task: str
    scored: tuple[str, ...]
    model: str
    budget: int
    seed: int
    signal_seed: int
    path: str | None
    preset: str
    steps: int
    evaluate_every: int
    minibatch: int | None
    precision: str
    adam_betas: tuple[float, float]
    activation_gib: float
    settings: Any
    backend: str | None = None
    lr_schedule: str = CONSTANT
    optimiser: str = ADAM
    tuned_at: str | None = None
    bits: tuple[int, ...] = ()
    quantised_share: float = 0.0
    dataset: str | None = None
    model_code: str | None = None
    signal_code: str | None = None

    @property
    def lr(self) -> float | None:
        """The learning rate of the first pass; None for a model that is solved and never trained."""
        return getattr(self.settings, "lr", None)

    @property
    def about(self) -> About:
        """What signal it fits; trials that agree in this share one."""
        return About(self.signal, self.dim, self.length, self.bandlimit, self.signal_seed, self.item)

    @functools.cached_property
    def config_hash(self) -> str:
        """Twelve hex digits over what the results depend on beyond the other parts of the key.

        What is PLAIN, or a setting that its model gained later at its default, is left out, so that rows keep their
        names.
        """
        relevant = {name: getattr(self, name) for name in schema.names(part_of="config_hash")}
        relevant = {name: value for name, value in relevant.items() if (name, value) not in PLAIN.items()}
        relevant |= {"settings": digested(self.settings), "adam_betas": self.adam_betas}
        return hashlib.sha256(DIGESTED.encode(relevant).encode()).hexdigest()[:12]

    def of_draw(self, bandlimit: float | None, seed: int, signal_seed: int) -> "Trial":
        """The same fit of another draw. No draw is part of `config_hash`, which is made once for all of them."""
        drawn = dataclasses.replace(self, bandlimit=bandlimit, seed=seed, signal_seed=signal_seed)
        vars(drawn)["config_hash"] = self.config_hash  # where the property keeps it
        return drawn

    @property
    def quantised_bits(self) -> tuple[int, ...]:
        """The numbers of bits at which values are rounded."""
        return tuple(bits for bits in self.bits if bits != EXACT)

    @property
    def quantised_passes(self) -> int:
        """How many of the last passes are made once more, with quantised values, for each of `quantised_bits`."""
        trained = self.lr is not None
        passes = math.ceil(Fraction(str(self.quantised_share)) * self.steps)  # in floats 0.07 · 100 is beyond 7
        return passes if self.quantised_bits and trained else 0

    @property
    def passes_again(self) -> int:
        """The passes with quantised values, for all numbers of bits together."""
        return len(self.quantised_bits) * self.quantised_passes

    def counts(self, row: schema.Row) -> bool:
        """Whether a row of this trial answers for it. That a back end refused a fit says nothing of other back ends."""
        fitted = row["status"] != schema.UNSUPPORTED or row["updates"] is not None
        return fitted or row["backend"] in (None, self.backend)

    def has_rates(self, row: schema.Row) -> bool:
        """Whether a row of this trial has the rates of its `bits`. One that did not end well cannot, and counts."""
        return row["status"] != schema.OK or {rate["bits"] for rate in row["rates"] or ()} >= set(self.bits)

    def has_quantised(self, row: schema.Row) -> bool:
        """Whether one of a row's rates is of values that saw `quantised_passes`; True where nothing is to be had, as of
        a row without rates. A row does not keep passes that made no value better: then it is False, too."""
        passes = {rate.get("quantised_passes") for rate in row["rates"] or () if rate["bits"] in self.quantised_bits}
        return not self.quantised_passes or not passes or self.quantised_passes in passes

    @property
    def folder(self) -> str:
        """The experiment's folder, for the row of `task`."""
        return names.folder_of(vars(self))

    @property
    def rows(self) -> tuple["Trial", ...]:
        """The trial under the name of each of its scorings, in order: their `name` is that of the rows."""
        return tuple(self if task == self.task else dataclasses.replace(self, task=task) for task in self.scored)

    @functools.cached_property
    def key(self) -> str:
        """The name of the row of `task`."""
        return names.key_of(vars(self) | {"size": self.budget, "config_hash": self.config_hash})

    @property
    def name(self) -> names.Name:
        """Folder and key of the row of `task`."""
        return self.folder, self.key

    def __str__(self) -> str:
        item = "" if self.item is None else f" {name_of(self.item)}"
        task = names.unless_plain(self.task, f" {self.task}")
        band = "" if self.bandlimit is None else f" band {self.bandlimit:g}"
        signal = "" if self.signal_seed == self.seed else f" signal seed {self.signal_seed}"
        return f"{self.model} {self.budget:,}{item}{task}{band} seed {self.seed}{signal}"
