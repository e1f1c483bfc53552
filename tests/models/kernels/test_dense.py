"""Every kernel says of values in another type than float32 that it does not take them."""

from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed here")

from models.kernels.dense import dense
from models.kernels.gaussians import additive_triton
from models.kernels.hash_grid import decoder_triton, encoding_triton
from models.kernels.hash_grid.encoding import make_levels
from models.kernels.network import layers_triton
from models.kernels.network.layers import Layer
from models.kernels.planes import features_triton
from models.kernels.planes.features import Tables
from models.kernels.splats import projection_triton, rasterise_triton


def decode(draw):
    decoder_triton.decode(draw(5, 8), torch.nn.Linear(8, 16), torch.nn.Linear(16, 1))


def encode(draw):
    levels = make_levels(2, 2, 16, 1.5, 64)
    encoding_triton.encode(draw(5, 2), draw(levels[-1].offset + levels[-1].size, 2), levels)


def add(draw):
    additive_triton.add(draw(3, 2), draw(3, 2, 2), draw(3, 1), draw(3, 2), (draw(4), draw(4)))


def composite(draw):
    rasterise_triton.composite(draw(3, 2), draw(3, 3), draw(3, 1), draw(3), draw(3), draw(4), draw(4))


def project(draw):
    projection_triton.project(draw(3, 3), draw(3, 4), draw(3, 3), 4, 4, 1.0, 0.3)


def features(draw):
    tables = Tables(draw(2, 16), draw(4, 16), draw(2, 3, 16), None)
    features_triton.values(tables, None, torch.arange(5), draw(16, 16), draw(1, 16))


def network(draw):
    layers_triton.heads([Layer(draw(8, 2), draw(8), "sine", head=(draw(1, 8), draw(1)))], draw(5, 2), 2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "call", [decode, encode, add, composite, project, features, network], ids=lambda call: call.__name__
)
def test_other_types_are_refused_in_one_line(call, dtype):
    with pytest.raises(TypeError, match=rf"^Triton's kernels take values in float32, got {dtype}; .*back end torch$"):
        call(lambda *shape: torch.zeros(shape, dtype=dtype))


def test_values_on_another_gpu_are_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    elsewhere = SimpleNamespace(dtype=torch.float32, is_cuda=True, device=torch.device("cuda:1"))
    with pytest.raises(ValueError, match=r"^[^\n]*current GPU, cuda:0, got some on cuda:1; .*device\('cuda:1'\)$"):
        dense(elsewhere)


def test_what_is_dense_is_not_copied():
    x, gaps = torch.rand(4, 3), torch.rand(4, 6)[:, ::2]
    same, copy = dense(x, gaps)
    assert same is x
    assert copy.is_contiguous()
    assert torch.equal(copy, gaps)
