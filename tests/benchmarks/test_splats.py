"""The benchmark of the splats runs from end to end at a tiny size, and counts the pairs that there are."""

import re

import pytest
import torch

import splats
from common.lattice import Lattice
from models.gaussian_splats import GSplat
from models.kernels.splats import rasterise
from models.kernels.splats.projection import project


def test_back_ends_are_timed_on_one_scene_beside_the_bound(capsys, monkeypatch):
    monkeypatch.setattr(splats, "measure_peaks", lambda device: {"fp32": 1.0, "copy": 1.0})
    tiny = ["--length", "24", "--sizes", "600", "--passes", "1", "--turns", "1", "--device", "cpu"]
    splats.main(["--signals", "SparseSphereSignal", "--updates", "1", "2", *tiny])
    _, *lines = capsys.readouterr().out.splitlines()
    for line, updates in zip(lines, (1, 2), strict=True):
        title = rf"SparseSphereSignal 600 after {updates}: torch ([\d.]+) ms; "
        ms, bound, share = re.fullmatch(title + r".*; bound ([\d.]+) ms, ([\d.]+)% reached", line).groups()
        assert float(share) == pytest.approx(100 * float(bound) / float(ms), rel=0.3, abs=0.06)
        assert float(bound) == pytest.approx(600 * 32e-6 + 24 * 24 * 12e-6, rel=0.05)  # ms at 1 GB/s, of 600 values


@torch.no_grad()
def test_pairs_are_those_of_a_loop_over_gaussians():
    model = GSplat(
        GSplat.Config(lr=1.0, camera_distance=8.0, field_of_view=90.0, blur=0.3), Lattice.regular((20, 33)), 1, 60
    )
    model.initialise(torch.Generator().manual_seed(0))
    means = model.means + torch.tensor([0.0, 0.0, 8.0])
    means2d, conics, depths, _ = project(means, model.quats, model.scales, 33, 20, 16.5, 0.3)
    y, x = torch.meshgrid(torch.arange(20) + 0.5, torch.arange(33) + 0.5, indexing="ij")
    light, pairs, listed = torch.ones(20, 33), 0, 0
    for k in depths.argsort().tolist():
        dx, dy = means2d[k, 0] - x, means2d[k, 1] - y
        xx, xy, yy = conics[k]
        alpha = torch.sigmoid(model.opacities[k]) * torch.exp(-0.5 * (xx * dx * dx + yy * dy * dy) - xy * dx * dy)
        alpha = torch.where(alpha > rasterise.MIN_ALPHA, alpha, 0)
        light = light * (1 - alpha)
        light[light <= rasterise.MIN_TRANSMITTANCE] = 0
        pairs += int(((alpha > 0) & (light > 0)).sum())
        listed += sum(bool(tile.any()) for row in alpha.split(16) for tile in row.split(16, dim=1))
    found, boxes = splats.count_pairs(model)
    assert found == pairs > 0
    assert listed <= boxes <= 60 * 6
    assert model.backend == "torch"
