"""Triton compiles every kernel for a Hopper GPU, which need not be there.

Its interpreter, which runs kernels in all other tests where there is no GPU, takes more than its compiler does. This
file is run as a program, too, in a process of its own: there, wrappers of kernels compile what they would launch.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import models
from models.kernels.hash_grid.encoding import make_levels
from models.kernels.hash_grid.lattice_plan import make_plan
from models.kernels.interpolation import axis_matrix
from models.kernels.planes.features import Sides, Tables, places_among
from target_signals import Lattice
from tests.models.kernels.networks import draw_network, single, with_one_head

pytest.importorskip("triton", reason="Triton is not installed here")

HOPPER = 90
FOLDER = Path(models.__file__).parent / "kernels"


def draw(*shape: int) -> torch.Tensor:
    return torch.rand(shape).requires_grad_()


def hash_grid():
    from models.kernels.hash_grid import decoder_triton, encoding_triton

    levels, lattice = make_levels(3, 16, 16, 1.5, 2048), Lattice.regular((16, 8, 8))
    plan, table = make_plan(lattice, levels, torch.device("cpu")), draw(levels[-1].offset + 2048, 2)
    yield encoding_triton.encode(plan.points, table, levels, plan)
    yield encoding_triton.encode(plan.points.requires_grad_(), table, levels)
    yield decoder_triton.decode(draw(100, 32), torch.nn.Linear(32, 64), torch.nn.Linear(64, 3))


def splats():
    from models.kernels.splats import projection_triton, rasterise_triton

    means2d, conics, depths, _ = projection_triton.project(draw(100, 3), draw(100, 4), draw(100, 3), 40, 30, 20.0, 0.3)
    yield rasterise_triton.composite(means2d, conics, draw(100, 3), draw(100), depths, torch.rand(40), torch.rand(30))


def gaussians():
    from models.kernels.gaussians import additive_triton

    axes = 3 * (torch.arange(20.0),)
    yield additive_triton.add(draw(100, 3), draw(100, 3, 3), draw(100, 3), torch.rand(100, 3), axes)


def planes():
    from models.kernels.planes import features_triton

    width, n = 144, 16
    places = places_among(axis_matrix(Lattice.regular((n,)).axes[0], 20, "linear", torch.device("cpu")))
    sides = Sides(draw(n, width), draw(n, width), draw(n, n, width), draw(n, n, width))
    tables = Tables(draw(n * n, width), draw(n, width), draw(n * n, 20, width), sides)
    yield features_triton.values(tables, places, torch.arange(n**3), draw(width, width), draw(3, width))


def networks():
    from models.kernels.network import layers_triton
    from tests.models.kernels import test_filters

    for activation, width in (("filter", 200), ("gabor", 64)):  # tiles of two strips, and of one
        network = draw_network(activation, 2, [width, width], 3, seed=0)
        yield layers_triton.heads(single(network), torch.rand(1000, 2), 2)
    first, last = draw_network("sine", 2, [200, 200], 3, seed=0)
    yield layers_triton.heads(single([replace(first, head=last.head), last]), torch.rand(1000, 2), 2)
    for activation, widths in (("sine", 4 * [56]), ("gabor", 3 * [96])):
        network = with_one_head(draw_network(activation, 2, widths, 3, seed=0))
        yield layers_triton.heads(single(network), torch.rand(1000, 2), 2)
    yield layers_triton.heads(single(test_filters.draw()), torch.rand(1000, 2), 1)


def compile_all() -> None:
    """Print the names of the kernels that are compiled."""
    from triton.backends.compiler import GPUTarget
    from triton.runtime import driver
    from triton.runtime.jit import JITFunction

    class Absent:
        """What Triton asks a GPU."""

        get_current_target = staticmethod(lambda: GPUTarget("cuda", HOPPER, 32))
        get_current_device = staticmethod(lambda: 0)
        get_current_stream = staticmethod(lambda device: 0)

    driver.set_active(Absent())
    launch = JITFunction.run

    def compile_one(kernel, *arguments, grid, warmup, **options):
        compiled = launch(kernel, *arguments, grid=grid, warmup=True, **options)
        assert compiled.asm["cubin"]
        print(f"{kernel.fn.__module__}.{kernel.fn.__name__}")

    JITFunction.run = compile_one
    for family in (hash_grid, splats, gaussians, planes, networks):
        for values in family():
            values.sum().backward()


def test_every_kernel_is_compiled(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "TRITON_CACHE_DIR": str(tmp_path)}
    environment["CUDA_VISIBLE_DEVICES"] = ""  # where there is a GPU it is left alone
    done = subprocess.run([sys.executable, "-W", "ignore", __file__], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    there = {
        f"{'.'.join(('models', 'kernels', *path.relative_to(FOLDER).with_suffix('').parts))}.{name.split('(')[0]}"
        for path in FOLDER.rglob("*.py")
        for name in path.read_text().split("\ndef ")[1:]
        if name.split("(")[0].endswith("kernel")
    }
    assert set(done.stdout.split()) == there


if __name__ == "__main__":
    compile_all()
