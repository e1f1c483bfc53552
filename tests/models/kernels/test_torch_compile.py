"""What torch.compile is asked for, and whether a second process finds it on disk.

Graphs are looked at as PyTorch's tracer hands them over, and run as they are: nothing becomes machine code.
"""

import functools
from unittest.mock import Mock

import pytest
import torch
from torch._functorch._aot_autograd.autograd_cache import check_cacheable

import models
from harness.train.precision import running
from models.base import Representation
from models.kernels.compiled import compiled
from tests.building import build

COMPILED = [name for name in models.registry.names() if "inductor" in models.get_model(name).backends]


@pytest.fixture
def graphs(monkeypatch):
    """The graphs that are compiled from now on."""
    found: list[torch.fx.GraphModule] = []

    def keep(graph, _):
        found.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=keep))
    compiled.cache_clear()
    torch._dynamo.reset()
    yield found
    compiled.cache_clear()
    torch._dynamo.reset()


def make(name: str, shape: tuple[int, ...], size: int = 20) -> Representation:
    model = build(name, shape, size=size)
    model.backend = "inductor"
    return model


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # PyTorch's own tracing of a Function
@pytest.mark.parametrize("precision", ["fp32", "bf16x3", "bf16"])
@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("shape", [(200, 10), (20, 10, 8)], ids=["2d", "3d"])
def test_every_graph_can_be_kept_on_disk(graphs, name, shape, precision):
    """PyTorch keeps no graph that has a call which it does not know to be safe, and traces it anew in each process."""
    model = make(name, shape)
    with running(precision, model):
        model.heads_on_lattice(model.lattice)
    assert graphs
    for graph in graphs:
        check_cacheable(graph)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")
@pytest.mark.parametrize("name", ["FourFeat", "GAPlane", "Sinc"])
def test_the_third_length_of_an_axis_compiles_nothing(graphs, name):
    """The first has code of its own; the code of the second serves any."""
    counts = []
    for length in (200, 240, 280, 320):
        model = make(name, (length, 30))
        model.heads_on_lattice(model.lattice)
        counts.append(len(graphs))
    assert counts == [1, 2, 2, 2]


@pytest.mark.parametrize("chosen", [False, True])
def test_no_processes_are_started_to_compile_unless_somebody_asks_for_them(monkeypatch, chosen):
    from torch._inductor import async_compile, config

    monkeypatch.setattr(async_compile.AsyncCompile, "process_pool", pool := Mock())
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)  # cores to spare
    name = "TORCHINDUCTOR_COMPILE_THREADS"
    monkeypatch.setenv(name, "4") if chosen else monkeypatch.delenv(name, raising=False)
    compiled.cache_clear()
    with config.patch(compile_threads=4):
        compiled(torch.sin)
        async_compile.AsyncCompile.warm_pool()
    assert pool.called == chosen
