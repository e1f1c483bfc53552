"""GAPlane: sums of products of features on lines, planes and a volume, decoded by a small network (Sivgin et al. 2024,
"Geometric Algebra Planes", section 3)."""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.dials import Dial
from common.lattice import Lattice
from models.base import Representation, register
from models.kernels import interpolation
from models.kernels.network.aligned import ALIGNMENT, aligned, widened
from models.kernels.network.products import mm
from models.kernels.planes.features import Places, make_tables, places_among
from models.settings import check_range

LEAST_FUSED = 100  # features; measured from 119 on, where `triton` takes half of the time and less
VALUES_AT_ONCE = 1 << 27  # of features on a whole lattice of which a part is wanted: 512 MiB in float32


@register
class GAPlane(Representation):
    """2D: x·y + plane; 3D: x·y·z + xy·z + yz·x + zx·y + volume; decoder Linear → ReLU → Linear.

    The size dial is the number of features times the length of the longest line. It buys features
    on lines of the lattice's own length; where it would buy fewer than `least_features`, the
    features stay at that number and lines and planes shrink by one common factor.
    """

    name = "GAPlane"
    backends = ("triton", "inductor", "torch")

    @dataclass(frozen=True)
    class Config:
        # learning rate of Adam
        lr: Annotated[float, Dial(1e-3, 1e-1, "log", "the paper's 1e-2, a decade each way")]
        # nodes an axis of a plane at full length
        plane: Annotated[int, Dial(5, 80, "log", "the paper's 20, two octaves each way")]
        volume: int  # nodes an axis of the volume
        # features below which lines and planes shrink instead
        least_features: Annotated[int, Dial(2, 32, "log", "the paper's 8, two octaves each way")]
        line_range: tuple[float, float]  # uniform initial values of the lines
        # standard deviation of the planes' initial values
        plane_sigma: Annotated[float, Dial(1e-3, 1e-1, "log", "the paper's 0.01, a decade each way")]
        volume_sigma: float  # standard deviation of the volume's initial values

        def __post_init__(self) -> None:
            check_range("line_range", self.line_range)

    def __init__(self, config: Any, lattice: Lattice, channels: int, size: int):
        super().__init__(config, lattice, channels, size)
        longest = max(lattice.shape)
        features = max(config.least_features, size // longest)
        shrink = min(1.0, size / (features * longest))
        self.lines = nn.ParameterList(
            torch.empty(features, max(2, round(shrink * n))) for n in lattice.shape
        )  # one [F, nodes] an axis
        plane = max(2, round(shrink * config.plane))
        self.pairs = [(0, 1)] if self.dim == 2 else [(0, 1), (1, 2), (2, 0)]
        self.planes = nn.ParameterList(torch.empty(features, plane, plane) for _ in self.pairs)
        volumes = [torch.empty(features, *[config.volume] * 3)] if self.dim == 3 else []
        self.volumes = nn.ParameterList(volumes)
        self.decoder = nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, channels))

    def initialise(self, rng: torch.Generator) -> None:
        super().initialise(rng)  # the decoder stays at PyTorch's default
        for line in self.lines:
            least, greatest = self.config.line_range
            nn.init.uniform_(line, least, greatest, generator=rng)
        for plane in self.planes:
            nn.init.normal_(plane, 0, self.config.plane_sigma, generator=rng)
        for volume in self.volumes:
            nn.init.normal_(volume, 0, self.config.volume_sigma, generator=rng)

    def refuses(self, backend: str, precision: str) -> str | None:
        if backend == "triton" and precision != "fp32":
            return f"its products are as good as float32's, and not of precision {precision}"
        if backend == "triton" and len(self.lines[0]) < LEAST_FUSED:
            return f"it is for {LEAST_FUSED} features or more, not {len(self.lines[0])}"
        if backend == "triton" and self.volumes and self.config.volume < 2:
            return "it interpolates between nodes of the volume, which has one"
        return None

    def forward(self, x: Tensor) -> Tensor:
        def at(values: Tensor, axes: tuple[int, ...]) -> Tensor:  # [F, N]
            # a list of columns as an index would be copied to the device, which waits for it
            return interpolation.at_points(values, torch.stack([x[:, k] for k in axes], dim=1), "linear").T

        lines = [at(line, (k,)) for k, line in enumerate(self.lines)]
        planes = [at(plane, pair) for plane, pair in zip(self.planes, self.pairs, strict=True)]
        volumes = [at(volume, (0, 1, 2)) for volume in self.volumes]
        return self._decode(self.combine(lines, planes, volumes))

    def lattice_constants(self, lattice: Lattice) -> tuple[Tensor, ...]:
        """Interpolation matrices of lines, planes and volume, dim of each kind there is; then the places of samples of
        the last axis among the nodes of what is interpolated there last."""
        nodes = [line.shape[1] for line in self.lines]
        tables = [nodes, *[[p.shape[1]] * self.dim for p in (*self.planes[:1], *self.volumes)]]
        matrices = [
            interpolation.axis_matrix(axis, n, "linear", self.device)
            for sizes in tables
            for axis, n in zip(lattice.axes, sizes, strict=True)
        ]
        return *matrices, *places_among(matrices[-1])

    def on_lattice(self, lattice: Lattice) -> Tensor:
        if self.backend == "triton":
            everywhere = torch.arange(len(lattice), device=self.device)
            return self._fused(lattice, everywhere).reshape(*lattice.shape, -1)
        return self._decode(self._features(lattice, slice(None))).reshape(*lattice.shape, -1)

    def heads_at(self, lattice: Lattice, index: Tensor) -> Tensor:
        """A large part of a lattice is had sooner by making features on all of it, a few at a time."""
        if self.backend == "triton":
            return self._fused(lattice, index)[None]
        few = max(1, VALUES_AT_ONCE // len(lattice) // ALIGNMENT) * ALIGNMENT
        count = self.lines[0].shape[0]
        parts = [self._features(lattice, slice(start, start + few)) for start in range(0, count, few)]
        return self._decode(torch.cat([_narrowed(interpolation.pick(part, index)) for part in parts]))[None]

    def _features(self, lattice: Lattice, part: slice) -> Tensor:
        """Some of the features, everywhere on a lattice: [F', N], aligned."""
        d = self.dim
        matrices = self.constants(lattice)
        of_lines, of_planes, of_volume = matrices[:d], matrices[d : 2 * d], matrices[2 * d : 3 * d]

        def on(values: Tensor, matrices: tuple[Tensor, ...], axes: tuple[int, ...]) -> Tensor:
            """[F, *nodes] on some axes, in that order → [F', *shape or 1], ready to broadcast."""
            found = interpolation.on_lattice(values[part], tuple(matrices[k] for k in axes))
            in_order = sorted(range(len(axes)), key=lambda i: axes[i])
            found = found.permute(0, *[i + 1 for i in in_order])
            return found[(slice(None), *[slice(None) if k in axes else None for k in range(d)])]

        lines = [on(line, of_lines, (k,)) for k, line in enumerate(self.lines)]
        planes = [on(plane, of_planes, pair) for plane, pair in zip(self.planes, self.pairs, strict=True)]
        volumes = [on(volume, of_volume, (0, 1, 2)) for volume in self.volumes]
        return self.run(type(self).combine, lines, planes, volumes)

    def _fused(self, lattice: Lattice, index: Tensor) -> Tensor:
        """Answers at some of a lattice's points, flat indices [B] → [B, C]."""
        from models.kernels.planes import features_triton

        weight, bias, head, of_head = self.decoder.parameters()
        missing = features_triton.WIDTH - len(weight) % features_triton.WIDTH  # features that are 1 and have the bias
        with_bias = F.pad(torch.cat([weight, bias[:, None]], dim=1), (0, missing - 1, 0, missing))
        *matrices, limits, below, fraction = self.constants(lattice)
        tables = make_tables(list(self.lines), list(self.planes), list(self.volumes), self.pairs, matrices, missing)
        places = Places(limits, below, fraction)
        return features_triton.values(tables, places, index, with_bias, F.pad(head, (0, missing))) + of_head

    def combine(self, lines: list[Tensor], planes: list[Tensor], volumes: list[Tensor]) -> Tensor:
        """The formula above on features of lines, planes, volume that broadcast to [F, *shape] → [F', N], aligned."""
        if self.dim == 2:
            total = torch.addcmul(planes[0], lines[0], lines[1])
        else:
            (x, y, z), (xy, yz, zx) = lines, planes
            total = torch.addcmul(volumes[0], x * y + xy, z)
            total = torch.addcmul(torch.addcmul(total, yz, x), zx, y)
        return aligned(total.flatten(1), 0)

    def _decode(self, features: Tensor) -> Tensor:
        """[F', N] → [N, C], float32. Features stay first down to the answer: every sum over points runs along memory,
        and nothing is transposed."""
        hidden, _, output = self.decoder
        weight, bias = widened(hidden)
        features = F.relu(torch.addmm(bias[:, None], weight, _narrowed(features)), inplace=True)
        weight, bias = widened(output, output=True)
        if features.dtype == torch.bfloat16:
            return (_Product.apply(weight, features) + bias[:, None]).T
        return torch.addmm(bias[:, None], weight, features).T


class _Product(torch.autograd.Function):
    """weight [C, F] in bf16 times features [F, N] in bf16 → [C, N] in float32, which answers are in."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, features: Tensor) -> Tensor:
        ctx.save_for_backward(weight, features)
        return mm(weight.bfloat16(), features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        weight, features = ctx.saved_tensors
        gradient = gradients[0].bfloat16()
        return mm(gradient, features.T), weight.bfloat16().T @ gradient


def _narrowed(features: Tensor) -> Tensor:
    """In bf16 where products are."""
    return features.bfloat16() if torch.is_autocast_enabled(features.device.type) else features
