"""SparseBases: few coefficients in several bases at once, an experiment of this suite (docs/models.md, "SparseBases").

What it is made of is known: signals as sparse sums over a union of bases, wavelets for edges and cosines for textures
(Starck, Elad & Donoho 2005, "Image decomposition via the combination of sparse representations and a variational
approach"), found by thresholding that lets in more and more (Blumensath & Davies 2009, "Iterative hard thresholding for
compressed sensing").
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models import lifting, local_cosines, packed_indices
from models.base import Representation, register
from models.kernels import interpolation
from models.settings import check_part

MOST_LEVELS = 7  # of the wavelets
INITIAL_SIGMA = 1e-3


@register
class SparseBases(Representation):
    """Wavelets and local cosines of some block lengths, of which `size` coefficients are kept and trained.

    The target decides which: some at the start, others in rounds of hard thresholding between the first updates, where
    those join that correlate most with the residual and the smallest leave. Where the values themselves are not
    observed (CT, inpainting), they are the coarsest wavelets. Between samples, answers are interpolated as in Grid.

    Everything that depends on the target is stored and counted: the coefficients' values, the matrix that mixes
    channels, and the indices, packed into words of 32 bits of which each counts as a value.
    """

    name = "SparseBases"
    lattice_only = True
    indices: Tensor
    packed: Tensor
    mixing: Tensor

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam
        lr: Annotated[float, Dial(3e-4, 3e-2, "log", "ours, 3e-3, a decade each way")]
        blocks: tuple[int, ...]  # samples an axis of the local cosines' blocks, one basis each
        # share of the coefficients that are kept at the start
        first: Annotated[float, Dial(0.02, 0.5, "log", "ours, 0.1, from nearly none to half")]
        # share of the training after which all are kept, and none is exchanged any more
        growth: Annotated[float, Dial(0.1, 0.9, "linear", "ours, 0.6, from early to late")]
        rounds: int  # how often others are chosen

        def __post_init__(self) -> None:
            if any(length < 1 for length in self.blocks):
                raise ValueError(f"blocks: must be lengths of at least 1 sample, got {self.blocks}")
            check_part("first", self.first)
            if not 0 < self.growth < 1:  # nothing is exchanged after the last update
                raise ValueError(f"growth: must be more than 0 and less than 1, got {self.growth}")

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        self.levels = lifting.halvings(lattice.shape, MOST_LEVELS)
        self.total = (1 + len(config.blocks)) * channels * len(lattice)  # coefficients there are
        self.kept = min(size, self.total)
        self.values = nn.Parameter(torch.empty(self.kept))
        # into all coefficients [bases, C, *shape], rising; `total` is none of them, for those not yet chosen
        self.register_buffer("indices", torch.empty(self.kept, dtype=torch.int64), persistent=False)
        words = packed_indices.words(self.kept, self.total)
        self.register_buffer("packed", torch.empty(words, dtype=torch.int32))
        self.register_buffer("mixing", torch.empty(channels, channels))  # orthonormal; a coded channel a row

    @classmethod
    def solve_size(cls, config: Any, lattice: Lattice, channels: int, budget: int) -> int | None:
        total = (1 + len(config.blocks)) * channels * len(lattice)
        if total + packed_indices.words(total, total) + channels**2 <= budget:
            return total
        return super().solve_size(config, lattice, channels, budget)

    def count_values(self) -> int:
        return self.values.numel() + self.packed.numel() + self.mixing.numel()

    def load_state_dict(self, *given: Any, **named: Any) -> Any:
        """As PyTorch's, and ValueError where packed indices, which may be a stranger's, are none."""
        found = super().load_state_dict(*given, **named)
        # in place, as a recorded update reads them there
        self.indices.copy_(packed_indices.unpack(self.packed, self.kept, self.total))
        return found

    @torch.no_grad()
    def initialise(self, rng: torch.Generator) -> None:
        """The coarsest wavelets; of the level of which a part is kept, that part is drawn at random. Cosines come after
        all wavelets."""
        order = torch.rand(self.total, generator=rng).view(-1, self.channels, *self.lattice.shape)
        level = torch.zeros(self.lattice.shape)
        for shape in lifting.level_shapes(self.lattice.shape, self.levels)[:-1]:
            level[tuple(map(slice, shape))] += 1
        order[0] -= level
        self._keep(order.flatten().argsort()[: self.kept].sort().values)
        self.values.normal_(0, INITIAL_SIGMA, generator=rng)
        nn.init.eye_(self.mixing)

    @torch.no_grad()
    def initialise_from(self, lattice: Lattice, target: Tensor, rng: torch.Generator) -> None:
        """Channels are mixed as their principal components, the strongest first."""
        samples = target.flatten(0, -2).double()
        centred = samples - samples.mean(0)
        self.mixing.copy_(torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1).T)
        self.values.zero_()
        self._exchange(target, self._wanted(0))

    @torch.no_grad()
    def rearrange(self, step: int, steps: int, residual: Callable[[], Tensor], rng: torch.Generator) -> None:
        before, now = self._round(step - 1, steps), self._round(step, steps)
        if now > before:
            self._exchange(residual(), self._wanted(now))

    def _round(self, step: int, steps: int) -> int:
        """How many rounds are over after that many passes."""
        return min(self.config.rounds, int(step * self.config.rounds / (steps * self.config.growth) + 1e-6))

    def _wanted(self, done: int) -> int:
        """How many coefficients are chosen after that many rounds."""
        share = self.config.first + (1 - self.config.first) * done / self.config.rounds
        return max(1, round(share * self.kept))

    def _exchange(self, missing: Tensor, wanted: int) -> None:
        """A round of hard thresholding: add the residual's coefficients to those of one basis after the other, and keep
        the `wanted` largest of all each time. missing: the residual [*shape, C]."""
        found = self._all()
        for basis in range(len(found)):
            more = found.clone()
            more[basis] += self._analyse(basis, self._mixed(missing))
            largest = more.flatten().abs().topk(wanted).indices
            left = torch.zeros_like(more).put_(largest, more.take(largest))
            missing = missing - self._samples(left - found).movedim(0, -1)
            found = left
        chosen = largest.sort().values
        self._keep(torch.cat([chosen, chosen.new_full((self.kept - wanted,), self.total)]))
        self.values.zero_()
        self.values[:wanted] = (found / self._gains()).take(chosen)

    def _keep(self, indices: Tensor) -> None:
        self.indices.copy_(indices)
        self.packed.copy_(packed_indices.pack(indices, self.total))

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """Of its own lattice, what a coefficient is for a value of 1 [bases, 1, *shape], and the local cosines, one
        matrix a basis and axis. Of others, interpolation between its samples, one matrix an axis."""
        if lattice is self.lattice:
            pairs = [(n, length) for length in self.config.blocks for n in lattice.shape]
            matrices = {
                pair: torch.as_tensor(local_cosines.matrix(*pair)).float().to(self.device) for pair in set(pairs)
            }
            return (self._make_gains().to(self.device), *(matrices[pair] for pair in pairs))
        order: interpolation.Order = "cubic" if self.dim == 2 else "linear"
        corners = [  # samples sit at -1 + 2 i / n, nodes at -1 + 2 j / (n - 1)
            ((axis + 1) * n / max(n - 1, 1) - 1, n) for axis, n in zip(lattice.axes, self.lattice.shape, strict=True)
        ]
        return tuple(interpolation.axis_matrix(axis, n, order, self.device) for axis, n in corners)

    def on_lattice(self, lattice: Lattice) -> Tensor:
        samples = self._samples(self._all())
        if lattice is not self.lattice:
            samples = interpolation.on_lattice(samples, self.constants(lattice))
        return samples.movedim(0, -1)

    def _all(self) -> Tensor:
        """All coefficients, 0 where none is kept: [bases, C, *shape]."""
        spread = self.values.new_zeros(self.total + 1).index_copy(0, self.indices, self.values)
        return spread[:-1].view(-1, self.channels, *self.lattice.shape) * self._gains()

    def _mixed(self, values: Tensor) -> Tensor:
        """[*shape, C] → coded channels [C, *shape]."""
        return torch.tensordot(self.mixing, values, dims=([1], [-1]))

    def _samples(self, coefficients: Tensor) -> Tensor:
        """[bases, C, *shape] → [C, *shape], at the training samples."""
        wavelets, *others = coefficients
        coded = lifting.synthesise(wavelets, self.levels)
        for k, part in enumerate(others):
            coded = coded + interpolation.on_lattice(part, tuple(matrix.T for matrix in self._cosines(k)))
        return torch.tensordot(self.mixing, coded, dims=([0], [0]))

    def _analyse(self, basis: int, coded: Tensor) -> Tensor:
        """Coefficients of one basis, as if it were alone: [C, *shape] → [C, *shape]."""
        if basis == 0:
            return lifting.analyse(coded, self.levels)
        return interpolation.on_lattice(coded, self._cosines(basis - 1))

    def _cosines(self, k: int) -> tuple[Tensor, ...]:
        """The matrices of the k-th basis of cosines, one an axis."""
        return self.constants(self.lattice)[1 + k * self.dim : 1 + (k + 1) * self.dim]

    def _gains(self) -> Tensor:
        return self.constants(self.lattice)[0]

    def _make_gains(self) -> Tensor:
        """Such that a value is about the amplitude of its function, and one learning rate serves all."""
        gains = torch.empty(1 + len(self.config.blocks), 1, *self.lattice.shape, dtype=torch.float32)
        gains[0], halved = 1, 0
        for shape, coarser in itertools.pairwise(lifting.level_shapes(self.lattice.shape, self.levels)):
            halved += sum(n > m for n, m in zip(shape, coarser, strict=True))
            gains[0, 0][tuple(map(slice, shape))] = 2 ** (halved / 2)
        for k, length in enumerate(self.config.blocks, start=1):
            gains[k] = (length / 2) ** (self.dim / 2)
        return gains
