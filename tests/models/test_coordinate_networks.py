"""FourFeat, Siren, Wire and BACON against docs/protocol.md, "Models", written out in numpy and complex arithmetic.

The models are turned to float64 first, so values agree to rounding: 1e-9 leaves room for sin(90·…).
Distributions are tested at fixed seeds: a Kolmogorov–Smirnov p-value under 1e-4 is not luck.
"""

import copy
import math
import shutil
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

import models
from models import fourfeat
from models.elementwise_network import ElementwiseNetwork
from models.kernels.network import layers
from target_signals import Lattice
from tests.building import build

SHAPES = {2: (12, 28), 3: (6, 5, 7)}
ATOL = 1e-9
BACON = {  # s of each filter, which filter each layer uses, layers with an output
    2: ([Fraction(1, 8)] * 2 + [Fraction(1, 4)] * 3, [0, 1, 2, 3, 4], [1, 2, 4]),
    3: (
        [Fraction(1, 24)] * 3 + [Fraction(1, 16)] * 2 + [Fraction(1, 8)] * 2 + [Fraction(1, 4)] * 2,
        [2, 2, 2, 4, 4, 6, 6, 8, 8],
        [2, 4, 6, 8],
    ),
}


def make(name, dim, channels, width, seed=0, shape=None, **changed):
    return build(name, shape or SHAPES[dim], channels, size=width, seed=seed, **changed)


def some_points(dim, n=50):
    x = np.random.default_rng(5).uniform(-1, 1, (n, dim))
    return x, torch.from_numpy(x)


def arrays(linear):
    return linear.weight.detach().double().numpy(), linear.bias.detach().double().numpy()


def affine(x, linear):
    weight, bias = arrays(linear)
    return x @ weight.T + bias


def uniform(values, bound):
    """Whether values look like draws of U(±bound), the bound nearly reached and never passed."""
    values = np.asarray(values.detach().double()).ravel()
    assert np.abs(values).max() <= bound * (1 + 1e-6), "beyond the bound"
    assert np.abs(values).max() >= bound * (1 - 20 / len(values)), "the bound is not reached"
    p = scipy.stats.kstest(values, scipy.stats.uniform(-bound, 2 * bound).cdf).pvalue
    assert p > 1e-4, f"not uniform: p = {p}"


CASES = [(2, 1), (2, 3), (3, 1), (3, 3)]


# ── values ──


@pytest.mark.parametrize(("dim", "channels"), CASES)
def test_siren_is_a_stack_of_five_sine_layers(dim, channels):
    model = make("Siren", dim, channels, 11).double()
    x, points = some_points(dim)
    assert len(model.layers) == 5  # one first, three hidden, the output
    z = x
    for layer in model.layers:
        z = np.sin(90 * affine(z, layer))
    np.testing.assert_allclose(model(points).detach(), z, atol=ATOL)


def test_siren_with_a_linear_output():
    model = make("Siren", 2, 3, 11, output="linear").double()
    x, points = some_points(2)
    for layer in model.layers[:-1]:
        x = np.sin(90 * affine(x, layer))
    np.testing.assert_allclose(model(points).detach(), affine(x, model.layers[-1]), atol=ATOL)


ACTIVATIONS = {  # of z = Wx + b, with the settings of hyperparameters.json
    "Finer": lambda z: np.sin(30 * (np.abs(z) + 1) * z),
    "Gauss": lambda z: np.exp(-((10 * z) ** 2)),
    "Sinc": lambda z: np.sin(10 * z) / (10 * z),
    "HOSC": lambda z: np.tanh(2 * np.sin(15 * z)),
}


def test_every_network_of_one_activation_is_held_to_its_formula():
    names = models.registry.names()
    assert set(ACTIVATIONS) == {name for name in names if issubclass(models.get_model(name), ElementwiseNetwork)}


@pytest.mark.parametrize(("dim", "channels"), CASES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_networks_of_one_activation_are_a_stack_of_layers(name, dim, channels):
    model = make(name, dim, channels, 11).double()
    z, points = some_points(dim)
    assert len(model.layers) == 4  # one first, three hidden
    for layer in model.layers:
        z = ACTIVATIONS[name](affine(z, layer))
    np.testing.assert_allclose(model(points).detach(), affine(z, model.output), atol=ATOL)


def test_finers_first_biases_spread_as_far_as_it_is_told():
    model = make("Finer", 2, 1, 4000, first_bias=3.0)
    uniform(model.layers[0].bias, 3.0)
    uniform(model.layers[0].weight, 1 / 2)
    uniform(make("Finer", 2, 1, 50).layers[1].weight, math.sqrt(6 / 50) / 30)


def test_finers_gradient_takes_the_frequency_as_given():
    """As in the authors' code: d sin(ω(|z| + 1)z) is ω(|z| + 1) cos(ω(|z| + 1)z) dz."""
    x = torch.linspace(-3, 3, 100, dtype=torch.float64, requires_grad=True)  # ωz
    layers.ELEMENTWISE["finer"](x, 1 / 30).sum().backward()
    stretch = x.detach().abs() / 30 + 1
    torch.testing.assert_close(x.grad, stretch * torch.cos(stretch * x.detach()))


@pytest.mark.parametrize("name", sorted(layers.ELEMENTWISE.keys() - {"finer", "relu"}))
def test_gradients_of_activations_are_their_slopes(name):
    """Against differences; at 0 as well, where the cardinal sine has its maximum. Finer's is another on purpose, and
    a ReLU has none at 0."""
    x = torch.tensor([-40.0, -3.0, -0.7, 0.0, 1e-3, 0.2, 1.9, 25.0], dtype=torch.float64, requires_grad=True)
    layers.ELEMENTWISE[name](x, 2.0).sum().backward()
    with torch.no_grad():
        step = 1e-5 * torch.ones_like(x)
        ahead, behind = (layers.ELEMENTWISE[name](x + sign * step, 2.0) for sign in (1, -1))
    torch.testing.assert_close(x.grad, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-7)


def fourfeat_numpy(model, x):
    phase = 2 * np.pi * x @ model.frequencies.double().numpy().T
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert len(layers) == 4
    z = affine(np.concatenate([np.sin(phase), np.cos(phase)], axis=-1), layers[0])
    z = affine(np.maximum(z, 0), layers[1])
    z = affine(np.maximum(z, 0), layers[2])
    return affine(z, layers[3])  # no activation before the output layer


@pytest.mark.parametrize(("dim", "channels"), CASES)
def test_fourfeat_is_the_formula(dim, channels):
    model = make("FourFeat", dim, channels, 7).double()
    x, points = some_points(dim)
    np.testing.assert_allclose(model(points).detach(), fourfeat_numpy(model, x), atol=ATOL)


@pytest.mark.parametrize(("dim", "channels"), CASES)
def test_fourfeat_factored_over_the_lattice_is_the_formula(dim, channels):
    """In float32. Phases of 500 rad are taken in float64, so tables are good to 6e-8 and outputs, means
    over 2000 features, to 1e-7; float32 phases would leave an error of 1e-6."""
    model = make("FourFeat", dim, channels, 7)
    x = np.stack(np.meshgrid(*model.lattice.axes, indexing="ij"), -1)
    expected = fourfeat_numpy(model, x)
    assert expected.std() > 0.01
    factored = model.factored(*model.constants(model.lattice)).reshape(expected.shape)
    np.testing.assert_allclose(factored.detach(), expected, atol=3e-7)
    # Networks too wide for the table, as here, and scattered points have phases that are float32 sums: 500 rad are
    # good to 3e-5, and so is each feature. An output, a mean over 2000 of them, is off by some 1e-6; hence 5e-6.
    np.testing.assert_allclose(model.on_lattice(model.lattice).detach(), expected, atol=5e-6)
    points = model(model.lattice.points("cpu")).reshape(expected.shape)
    np.testing.assert_allclose(points.detach(), expected, atol=5e-6)


@pytest.mark.parametrize("dim", [2, 3])
def test_fourfeat_uses_the_table_where_it_is_small(dim, monkeypatch):
    """Its values, points of all axes but the last times the width, against those of the features."""
    calls, factored = [], fourfeat.FourFeat.factored

    def noted(self, *tables):
        calls.append(self.size)
        return factored(self, *tables)

    monkeypatch.setattr(fourfeat.FourFeat, "factored", noted)
    for width in (7, 8):
        model = make("FourFeat", dim, 1, width, shape=(50, 6) if dim == 2 else (10, 5, 6))
        expected = model(model.lattice.points("cpu")).reshape(1, *model.lattice.shape, 1)
        torch.testing.assert_close(model.heads_on_lattice(model.lattice), expected, rtol=0, atol=5e-6)
    assert calls == [7]  # 0.15 of 50 is 7.5


@pytest.mark.parametrize("dim", [2, 3])
def test_fourfeat_factored_has_the_gradient_of_the_formula(dim):
    model = make("FourFeat", dim, 2, 5)
    twin = copy.deepcopy(model).double()
    axes = torch.meshgrid(*map(torch.from_numpy, model.lattice.axes), indexing="ij")
    points = torch.stack(axes, -1).reshape(-1, dim)
    weights = torch.rand(len(points), 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    (twin(points) * weights).sum().backward()
    (model.on_lattice(model.lattice).reshape(-1, 2) * weights).sum().backward()
    for ours, exact in zip(model.parameters(), twin.parameters(), strict=True):
        assert (ours.grad - exact.grad).norm() < 1e-4 * exact.grad.norm()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("columns", [0, 1, 3])
def test_fourfeat_in_blocks_gives_the_same_and_keeps_less(dim, columns, monkeypatch):
    shape = (3, 40) if dim == 2 else (2, 2, 40)
    model = make("FourFeat", dim, 2, 4, shape=shape)
    monkeypatch.setattr(fourfeat, "TABLE_PAYS", math.inf)
    whole = model.on_lattice(model.lattice)
    features, width = 2 * 1000, 8  # of 4 units, aligned
    monkeypatch.setattr(fourfeat, "TABLE_VALUES", columns * 4 * features + 1)
    largest = 0

    def remember(tensor):
        nonlocal largest
        largest = max(largest, tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        blocks = model.on_lattice(model.lattice)
    assert largest <= max(columns, 1) * width * features < 40 * width * features
    torch.testing.assert_close(blocks, whole, rtol=1e-5, atol=1e-6)


def wire_complex(model, x):
    """With torch's complex numbers; every stored pair is one complex weight."""
    w = model.size

    def gabor(z):
        return torch.exp(15j * z - (10 * z).abs() ** 2)

    z = (x @ model.first.weight.T + model.first.bias).to(torch.complex128)
    z = gabor(z)
    assert len(model.hidden) == 2
    for layer in model.hidden:
        real, imaginary = layer.weight
        bias = torch.complex(layer.bias[:w], layer.bias[w:])
        z = gabor(z @ torch.complex(real, imaginary).T + bias)
    weight = model.output.weight
    return (z @ torch.complex(weight[:, :w], -weight[:, w:]).T).real + model.output.bias


@pytest.mark.parametrize(("dim", "channels"), CASES)
def test_wire_is_the_complex_network(dim, channels):
    model = make("Wire", dim, channels, 9).double()
    _, points = some_points(dim)
    ours, expected = model(points), wire_complex(model, points)
    assert ours.std() > 1e-3
    torch.testing.assert_close(ours, expected, rtol=0, atol=ATOL)
    cotangent = torch.from_numpy(np.random.default_rng(6).normal(size=ours.shape))
    parameters = list(model.parameters())
    for one, other in zip(
        torch.autograd.grad((ours * cotangent).sum(), parameters),
        torch.autograd.grad((expected * cotangent).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=ATOL)


def bacon_numpy(model, x, dim):
    _, shared, outputs = BACON[dim]
    x = x / 2  # [-½, ½)
    distinct = sorted(set(shared))
    omega, phase = model.omega.double().numpy(), model.phase.detach().double().numpy()
    assert omega.shape == (len(distinct), model.size, dim)
    g = {f: np.sin(x @ omega[i].T + phase[i]) for i, f in enumerate(distinct)}
    z, heads = g[shared[0]], []
    for i, layer in enumerate(model.hidden, start=1):
        z = g[shared[i]] * affine(z, layer)
        if i in outputs:
            heads.append(affine(z, model.outputs[len(heads)]))
    assert (len(model.hidden), len(heads)) == (len(shared) - 1, len(outputs))
    return np.stack(heads)


@pytest.mark.parametrize(("dim", "channels"), CASES)
def test_bacon_is_the_recursion_with_all_its_heads(dim, channels):
    model = make("BACON", dim, channels, 13).double()
    x, points = some_points(dim)
    expected = bacon_numpy(model, x, dim)
    assert expected.std(axis=1).min() > 0.05
    np.testing.assert_allclose(model.heads(points).detach(), expected, atol=1e-8)
    np.testing.assert_allclose(model(points).detach(), expected[-1], atol=1e-8)


def test_bacons_heads_on_a_lattice_are_in_order():
    model = make("BACON", 2, 3, 13)
    x = np.stack(np.meshgrid(*model.lattice.axes, indexing="ij"), -1)
    expected = bacon_numpy(model, x, 2)
    ours = model.heads_on_lattice(model.lattice).detach()
    assert ours.shape == (3, 12, 28, 3)
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())


def test_bacons_volume_filters_are_shared():
    """One phase of the second of four filters is used by layers 3 and 4, so the head after 2 is untouched."""
    model = make("BACON", 3, 1, 13).double()
    _, points = some_points(3)
    before = model.heads(points).detach()
    with torch.no_grad():
        model.phase[1] += 0.5
    changed = (model.heads(points).detach() - before).abs().amax(dim=(1, 2)) > 1e-6
    assert changed.tolist() == [False, True, True, True]
    with torch.no_grad():
        model.phase[1] -= 0.5
        model.phase[0] += 0.5
    changed = (model.heads(points).detach() - before).abs().amax(dim=(1, 2)) > 1e-6
    assert changed.tolist() == [True] * 4


def highest_cycles(n, share):
    """round(π·n·s/2π), half to even, at least 1; Fraction rounds half to even exactly."""
    return max(1, round(Fraction(n) * share / 2))


@pytest.mark.parametrize(
    ("shape", "literal"),
    [
        ((40, 20), {0: (2, 1), 2: (5, 2)}),  # 2.5 → 2, 1.25 → 1; 5, 2.5 → 2
        ((12, 28), {0: (1, 2), 2: (2, 4)}),  # ¾ → 1, 1.75 → 2; 1.5 → 2, 3.5 → 4
        ((2, 1000), {0: (1, 62), 2: (1, 125)}),  # 62.5 → 62
        ((24, 72, 120), {2: (1, 2, 2), 8: (3, 9, 15)}),  # 0.5 → 0 → 1, 1.5 → 2, 2.5 → 2
        ((48, 80, 16), {4: (2, 2, 1), 6: (3, 5, 1)}),  # 1.5 → 2, 2.5 → 2, 0.5 → 0 → 1; 3, 5, 1
    ],
)
def test_bacons_frequencies_are_whole_cycles_up_to_the_bound_of_each_axis(shape, literal):
    dim = len(shape)
    bands, shared, _ = BACON[dim]
    width = 700
    omega = torch.cat([make("BACON", dim, 1, width, seed, shape).omega for seed in range(2)], dim=1)
    cycles = omega.double().numpy() / (2 * np.pi)
    np.testing.assert_allclose(cycles, np.round(cycles), atol=1e-5)  # multiples of 2π, in float32
    cycles = np.round(cycles).astype(int)
    for i, f in enumerate(sorted(set(shared))):
        for k, n in enumerate(shape):
            highest = highest_cycles(n, bands[f])
            if f in literal:
                assert highest == literal[f][k]
            drawn = cycles[i, :, k]
            counts = np.bincount(drawn + highest, minlength=2 * highest + 1)
            assert len(counts) == 2 * highest + 1
            assert np.abs(drawn).max() >= highest * 0.9
            assert scipy.stats.chisquare(counts).pvalue > 1e-4
        independent = np.corrcoef(cycles[i].T)[~np.eye(dim, dtype=bool)]
        assert np.abs(independent).max() < 0.15  # axes are drawn apart; 1400 draws scatter by 0.03


def test_bacons_reach_is_a_factor_of_its_bands():
    omega = make("BACON", 2, 1, 400, shape=(64, 96), reach=0.5).omega.double()
    assert (omega.abs().amax(dim=1) / (2 * np.pi)).round().tolist() == [[2, 3]] * 2 + [[4, 6]] * 3  # cycles


@pytest.mark.parametrize(("shape", "fine"), [((40, 20), (64, 64)), ((8, 12, 30), (24, 24, 40))])
def test_the_spectrum_of_each_head_stays_inside_the_sum_of_its_bands(shape, fine):
    dim = len(shape)
    bands, shared, outputs = BACON[dim]
    model = make("BACON", dim, 1, 16, shape=shape).double()
    axes = torch.meshgrid(*map(torch.from_numpy, Lattice.regular(fine).axes), indexing="ij")
    heads = model.heads(torch.stack(axes, -1).reshape(-1, dim)).detach().numpy().reshape(-1, *fine)
    furthest = []
    for head, layer in zip(heads, outputs, strict=True):
        spectrum = np.abs(np.fft.fftn(head))
        outside = np.zeros(fine, dtype=bool)
        for k, n in enumerate(fine):
            limit = sum(highest_cycles(shape[k], bands[f]) for f in shared[: layer + 1])
            assert limit < n / 2, "the fine lattice would alias"
            line = np.abs(np.fft.fftfreq(n, 1 / n)) > limit
            outside |= line.reshape([n if j == k else 1 for j in range(dim)])
        # frequencies are float32, so whole to 1e-7 of 20 cycles: leakage of that order
        assert spectrum[outside].max() < 1e-5 * spectrum.max()
        inside = np.argwhere(spectrum > 1e-3 * spectrum.max())
        furthest.append(np.minimum(inside, np.array(fine) - inside).max())
    assert furthest == sorted(furthest)
    assert furthest[-1] > furthest[0]


# ── initial values ──


def test_fourfeats_frequencies_are_normal_with_sigma_20():
    values = make("FourFeat", 3, 1, 3).frequencies.double().numpy().ravel()
    assert values.shape == (3000,)
    assert scipy.stats.kstest(values, scipy.stats.norm(0, 20).cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", ["FourFeat", "Siren", "Wire", "BACON", "Gauss", "Sinc", "HOSC"])
def test_biases_start_at_pytorchs_default(name):
    model = make(name, 2, 1, 200)
    biases = [
        (layer.bias, 1 / math.sqrt(layer.weight.shape[1]))
        for layer in model.modules()
        if isinstance(layer, nn.Linear) and len(layer.bias) > 1
    ]
    assert biases
    for bias, bound in biases:
        uniform(bias, bound)


@pytest.mark.parametrize("name", ["FourFeat", "Gauss", "Sinc"])
def test_weights_start_at_pytorchs_default(name):
    model = make(name, 2, 3, 60)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            uniform(layer.weight, 1 / math.sqrt(layer.weight.shape[1]))


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(("name", "omega"), [("Siren", 90), ("Finer", 30), ("HOSC", 15)])
def test_the_weights_of_networks_of_sines(name, omega, dim):
    first, *later = (layer for layer in make(name, dim, 3, 150).modules() if isinstance(layer, nn.Linear))
    uniform(first.weight, 1 / dim)
    for layer in later:
        uniform(layer.weight, math.sqrt(6 / 150) / omega)


@pytest.mark.parametrize(("name", "omega"), [("Siren", 90), ("Finer", 30)])
def test_sines_neither_fade_nor_grow_from_layer_to_layer(name, omega):
    """Sitzmann et al. 2020, section 3.2: what reaches a hidden layer has the variance of a sine, ½, and its arguments,
    biases aside, are N(0, 1)."""
    model = make(name, 2, 1, 256, shape=(40, 40)).double()
    z = np.stack(np.meshgrid(*model.lattice.axes, indexing="ij"), -1).reshape(-1, 2)
    for i, layer in enumerate(model.layers[:4]):
        weight, bias = arrays(layer)
        arguments = z @ weight.T
        if i > 0:
            assert z.std() == pytest.approx(math.sqrt(0.5), rel=0.04)
            assert (omega * arguments).std() == pytest.approx(1, rel=0.08)
            assert scipy.stats.kurtosis(arguments, axis=None) == pytest.approx(0, abs=0.3)
        arguments = arguments + bias
        z = np.sin(omega * arguments * (np.abs(arguments) + 1 if name == "Finer" else 1))


def test_finers_first_biases_set_its_frequencies():
    """Liu et al. 2024, section 3: the larger they are, the higher frequencies it starts with."""
    frequencies = np.fft.fftfreq(128, 1 / 128)
    radius, centres = np.hypot(frequencies[:, None], frequencies), []
    for first_bias in (0.7, 3.0, 10.0):
        model = make("Finer", 2, 1, 100, shape=(128, 128), first_bias=first_bias)
        with torch.no_grad():
            values = model.on_lattice(model.lattice)[..., 0].numpy()
        power = np.abs(np.fft.fft2(values - values.mean())) ** 2
        centres.append((power * radius).sum() / power.sum())
    assert centres[1] > 1.5 * centres[0]
    assert centres[2] > 1.5 * centres[1]


def test_wires_weights_start_as_pytorchs_complex_layers_do():
    """torch draws both parts of a complex weight from U(±1/√fan_in), a complex fan counted once."""
    model = make("Wire", 2, 3, 80)
    torch.manual_seed(0)
    default = nn.Linear(80, 80, dtype=torch.cfloat)
    uniform(torch.view_as_real(default.weight), 1 / math.sqrt(80))
    uniform(model.first.weight, 1 / math.sqrt(2))
    for layer in model.hidden:
        for part in (*layer.weight, *layer.bias.chunk(2)):
            uniform(part, 1 / math.sqrt(80))
    for part in model.output.weight.chunk(2, dim=1):
        uniform(part, 1 / math.sqrt(80))


@pytest.mark.parametrize("dim", [2, 3])
def test_bacons_weights_and_phases(dim):
    model = make("BACON", dim, 3, 120)
    for layer in (*model.hidden, *model.outputs):
        uniform(layer.weight, math.sqrt(6 / 120))
    for phase in model.phase:
        uniform(phase, math.pi)


# ── what is counted ──


CLOSED_FORMS = {
    "FourFeat": lambda d, w, C: 2000 * w + w + 2 * (w * w + w) + w * C + C,
    "Siren": lambda d, w, C: d * w + w + 3 * (w * w + w) + w * C + C,
    # complex weights count twice; of the output's bias only the real part reaches the answer
    "Wire": lambda d, w, C: d * w + w + 2 * (2 * w * w + 2 * w) + 2 * w * C + C,
    "BACON": lambda d, w, C: (
        5 * w + 4 * (w * w + w) + 3 * (w * C + C) if d == 2 else 4 * w + 8 * (w * w + w) + 4 * (w * C + C)
    ),
}


@pytest.mark.parametrize("width", [1, 2, 17, 64])
@pytest.mark.parametrize(("dim", "channels"), CASES)
@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_count_is_the_closed_form(name, dim, channels, width):
    assert make(name, dim, channels, width).count_values() == CLOSED_FORMS[name](dim, width, channels)


@pytest.mark.parametrize(("name", "frozen"), [("FourFeat", "frequencies"), ("BACON", "omega")])
def test_frozen_frequencies_are_kept_with_the_model_but_never_trained(name, frozen):
    model = make(name, 2, 1, 6)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert frozen in before
    assert frozen not in dict(model.named_parameters())
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    model.heads_on_lattice(model.lattice).square().sum().backward()
    optimiser.step()
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]) == (key == frozen), key


# The first layer, and the compiled form


@pytest.mark.parametrize("dim", [2, 3])
def test_the_first_layer_is_in_float32_whatever_the_precision_of_products(dim):
    """Phases of BACON reach thousands of rad; in bf16 they would be off by whole turns."""
    rng = np.random.default_rng(0)
    weight, bias = rng.uniform(-3000, 3000, (6, dim)), rng.uniform(-3, 3, 6)
    lattice = Lattice.regular(SHAPES[dim])
    mesh = [axis[..., None] for axis in lattice.open_mesh("cpu")]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layers.affine(mesh, torch.tensor(weight).float(), torch.tensor(bias).float())
    expected = (lattice.points("cpu").numpy() @ weight.T + bias).reshape(*lattice.shape, 6)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=2e-3)


@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch's compiler needs g++ on a CPU")
@pytest.mark.parametrize("name", ["Siren", "Wire", "BACON", "Finer"])
def test_the_compiled_network_is_the_plain_one(name):
    """On a CPU; tests/harness/train/test_stepper.py has it on a GPU."""
    model = make(name, 2, 3, 10)
    given = torch.rand(SHAPES[2] + (3,), generator=torch.Generator().manual_seed(1))

    def values_and_gradient(backend):
        model.backend = backend
        model.zero_grad()
        heads = model.heads_on_lattice(model.lattice)
        (heads * given).sum().backward()
        return heads.detach(), [value.grad for value in model.parameters()]

    plain, compiled = values_and_gradient("torch"), values_and_gradient("inductor")
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-4)
