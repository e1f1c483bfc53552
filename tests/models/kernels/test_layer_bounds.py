"""What kernels of one layer each move and multiply at least, against counts by hand."""

import re
from dataclasses import astuple

import pytest
import torch

import kernels
from models.kernels.network.layers import Layer

pytest.importorskip("triton")

from layer_bounds import backward, forward, product, works


def layer(width, below, activation, **more):
    weight = torch.zeros(width, below, requires_grad=True)
    return Layer(weight, torch.zeros(width), activation, **more)


HEAD = torch.zeros(3, 184), torch.zeros(3)
FIRST, MIDDLE = layer(184, 2, "sine"), layer(184, 184, "sine")
LAST = layer(184, 184, "sine", head=HEAD)


def test_the_first_layer_reads_coordinates_and_keeps_its_slope():
    # 2 coordinates in float32; two parts of bf16 and a slope in float16
    assert astuple(forward(FIRST, None, dim=2, parts=2, trained=True)) == (8 + 3 * 2 * 184, 3 * 8, 0)
    # the next layer's gradient and the slope; sums of a bias and two coordinates for each 128 points
    found = backward(FIRST, MIDDLE, dim=2, first=True)
    assert found.moved == 2 * 184 + 8 + 2 * 184 + 4 * 3 * 184 / 128
    assert found.flop == 2 * 184 * 184


def test_three_strips_of_64_units_read_the_layer_below_three_times():
    found = forward(MIDDLE, FIRST, dim=2, parts=2, trained=True)
    assert found.moved == 2 * (2 * 184 + 3 * 184)
    assert found.read == 3 * 3 * 2 * 184 + 3 * 2 * 184 * 184 / 128  # x₁w₁, x₂w₁ and x₁w₂
    assert found.flop == 3 * 2 * 184 * 184
    alone = forward(MIDDLE, FIRST, dim=2, parts=1, trained=True)
    assert (alone.moved, alone.flop) == (2 * (184 + 2 * 184), 2 * 184 * 184)
    wide = forward(layer(256, 256, "relu"), layer(256, 2, "relu"), dim=2, parts=1, trained=True)
    assert wide.read == 2 * 2 * 256 + 2 * 256 * 256 / 128  # two tiles of 128 units; relu keeps nothing


def test_a_head_takes_the_values_and_its_own_gradient():
    assert forward(LAST, MIDDLE, dim=2, parts=2, trained=True).moved == 2 * 5 * 184 + 4 * 3 * 3
    found = backward(LAST, None, dim=2, first=False)
    assert found.moved == 4 * 3 + 3 * 2 * 184 + 4 * 4 * 184 / 128
    assert found.flop == 0


def test_a_filter_reads_coordinates_and_sums_its_phase():
    filtered = layer(184, 184, "filter", filter=(torch.zeros(184, 2), torch.zeros(184)))
    assert forward(filtered, FIRST, dim=2, parts=1, trained=True).moved == 8 + 2 * 3 * 184
    assert backward(filtered, MIDDLE, dim=2, first=False).moved == 8 + 3 * 2 * 184 + 4 * 2 * 184 / 128


def test_gabor_reads_its_values_again():
    gabor = layer(320, 320, "gabor")
    assert backward(gabor, gabor, dim=2, first=False).moved == 4 * 2 * 320 + 4 * 320 / 128
    assert astuple(product(gabor.weight)) == (4 * 320, 4 * 320, 2 * 320 * 320)


def test_what_is_not_trained_goes_no_way_back():
    frozen = Layer(torch.zeros(184, 2), torch.zeros(184), "sine")
    found = works([frozen, MIDDLE, LAST], dim=2, parts=2)
    assert [len(own) for own in found.values()] == [3, 2, 2]
    assert found["forward"][0].moved == 8 + 2 * 2 * 184


def test_the_bound_is_the_longer_time_of_each_kernel(capsys):
    words = ["--models", "Siren", "Grid", "--sizes", "2500", "--length", "12", "--bound"]
    totals = {}
    for copy, peak in ((1.0, 1e9), (1e9, 1.0)):
        kernels.main([*words, str(copy), str(peak)])
        text = capsys.readouterr().out
        assert "Grid 2D 2500: no network of layers" in text
        rows = dict(re.findall(r"^\| (forward|backward|weights|all) +\|(.*)\|$", text, re.M))
        totals[copy] = {name: [float(x) for x in row.split("|")] for name, row in rows.items()}
    memory, products = totals[1.0]["all"], totals[1e9]["all"]
    assert memory[5] == pytest.approx(memory[1], rel=1e-2)  # ms of bytes
    assert products[5] == pytest.approx(products[4], rel=1e-2)  # ms of products
    assert memory[0] == pytest.approx(
        sum(totals[1.0][name][0] for name in ("forward", "backward", "weights")), rel=1e-2
    )
