"""Last updates that see quantised values: what they see is what a file holds, and a fit without them is the same."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

import models
from common.lattice import Lattice
from harness.commands.run import main
from harness.train import compressed
from harness.train.fit import fit
from harness.train.loss import Batches, LatticeGradient
from harness.train.quantised import Requantised, Rounding
from harness.train.run_trial import run_trial
from harness.train.score import rate_of
from harness.train.stepper import Stepper
from tests import building
from tests.harness.train import toys

SHAPE = (16, 12)
PLAN = toys.schedule(lr=1e-4, steps=9, evaluate_every=9)
QUANTISED = dataclasses.replace(PLAN, bits=(3, 5), quantised_passes=4)
TRAINED = [name for name in models.registry.names() if models.get_model(name).label == "learned"]


@pytest.fixture
def task():
    return toys.make_task(Lattice.regular(SHAPE), channels=3)


def build(name):
    return building.build(name, SHAPE, 3, size=8 if name == "Instant_NGP" else 4, kind="image")


def trained(model, task, schedule):
    model = copy.deepcopy(model)
    return model, fit(model, task, schedule, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_seen_is_what_a_file_decodes_to(name):
    model = build(name)
    with torch.no_grad():
        for value in model.parameters():
            value += 0.3 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    before = copy.deepcopy(model.state_dict())
    rounding = Rounding(model)
    for bits in (2, 5):
        rounding.set_bits(bits)
        decoded = compressed.decode(compressed.encode(model, bits)).state_dict()
        with rounding.rounded():
            for key, value in model.state_dict().items():
                torch.testing.assert_close(value, decoded[key], rtol=1e-5, atol=1e-6)
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_types_that_a_file_keeps_exact_are_seen_as_they_are(one_of_its_own):
    rounding = Rounding(one_of_its_own)
    rounding.set_bits(2)
    with torch.no_grad():
        factors = one_of_its_own.factors.copy_(torch.tensor([0.0, 0.4, 1.0])).clone()
    with rounding.rounded():
        assert torch.equal(one_of_its_own.factors, factors)


@pytest.mark.parametrize(("share", "passes"), [(0.07, 7), (0.1, 10), (1e-9, 1), (1.0, 100)])
def test_a_share_of_the_passes_is_a_whole_number_of_them(make_trial, share, passes):
    trial = make_trial("Siren", steps=100, bits=(4,), quantised_share=share)
    assert trial.quantised_passes == passes


def test_values_that_join_while_a_model_trains_join_again(task, monkeypatch):
    """They had no gradient where the quantised updates begin, and so nothing that an optimiser keeps."""

    class Growing(toys.Slope):
        name = "Growing"

        def __init__(self, config, lattice, channels, size):
            super().__init__(config, lattice, channels, size)
            self.later = nn.Parameter(torch.zeros(2))
            self.register_buffer("joined", torch.tensor(False))

        def rearrange(self, step, steps, residual, rng):
            self.joined.fill_(step >= 3)

        def forward(self, x):
            return super().forward(x) + (x @ self.later)[:, None] if self.joined else super().forward(x)

    monkeypatch.setattr("harness.train.quantised.to_levels", lambda values, steps: values)
    model = Growing(Growing.Config(), task.lattice, 3, 1)
    model.initialise(torch.Generator())
    fitted = fit(model, task, dataclasses.replace(QUANTISED, steps=6, quantised_passes=6), torch.Generator())
    assert all(torch.equal(fitted.requantised[5].state[name], value) for name, value in model.state_dict().items())


def test_values_that_are_all_one_stay():
    model = build("Grid")
    with Rounding(model).rounded():
        assert (model.values == 0.1).all()


def test_the_gradient_is_that_of_the_rounded_model_and_moves_the_values_themselves(task):
    model = build("Siren")
    rounding = Rounding(model)
    rounding.set_bits(3)
    coarse = compressed.decode(compressed.encode(model, 3))
    schedule = dataclasses.replace(PLAN, steps=1)
    stepper = Stepper(LatticeGradient(model, task, schedule), None, schedule, rounding)
    stepper.prepare()
    before = copy.deepcopy(model.state_dict())
    stepper.one_pass()
    LatticeGradient(coarse, task, schedule).compute()
    for (key, value), other in zip(model.named_parameters(), coarse.parameters(), strict=True):
        torch.testing.assert_close(value.grad, other.grad, rtol=1e-2, atol=1e-3)
        moved = value.detach() - before[key]
        assert moved.abs().max() <= 1.01e-4, "Adam's first step is at most the learning rate"
        assert (moved * value.grad <= 0).all()


@pytest.mark.parametrize("minibatch", [None, 50])
@pytest.mark.parametrize("name", ["Siren", "GaussianAdaptive"])
def test_the_fit_is_that_without_and_each_number_of_bits_starts_from_it(task, name, minibatch):
    """And so the last passes, seen without rounding, are those that were made."""
    if minibatch and models.get_model(name).lattice_only:
        pytest.skip("no batches")
    model = build(name)
    plain, fitted = trained(model, task, dataclasses.replace(PLAN, minibatch=minibatch))
    again, other = trained(model, task, dataclasses.replace(QUANTISED, minibatch=minibatch))
    assert [point["loss"] for point in other.curve] == [point["loss"] for point in fitted.curve]
    assert other.updates == fitted.updates
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in plain.state_dict().items())
    assert set(other.requantised) == {3, 5}
    assert fitted.requantised == {}
    alone = trained(model, task, dataclasses.replace(QUANTISED, minibatch=minibatch, bits=(5,)))[1].requantised[5]
    assert alone.error == other.requantised[5].error, "whatever other bits there are"
    fine = trained(model, task, dataclasses.replace(QUANTISED, minibatch=minibatch, bits=(24,)))[1].requantised[24]
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(fine.state[key], value, rtol=0, atol=5e-5)
    assert fine.error == pytest.approx(fine.plain, rel=1e-2)


def test_every_number_of_bits_sees_the_batches_of_the_last_passes(task, monkeypatch):
    draw, drawn = Batches.epoch, []

    def epoch(batches):
        found = draw(batches)
        drawn.append(torch.cat(found))
        return found

    monkeypatch.setattr(Batches, "epoch", epoch)
    trained(build("Siren"), task, dataclasses.replace(QUANTISED, minibatch=50))
    passes = torch.stack(drawn)
    assert len(passes) == 9 + 2 * 4
    assert torch.equal(passes[9:13], passes[5:9])
    assert torch.equal(passes[13:], passes[5:9])
    assert not torch.equal(passes[:4], passes[5:9])


@pytest.mark.gpu
@pytest.mark.parametrize("minibatch", [None, 50])
def test_recorded_updates_are_the_eager_ones(task, monkeypatch, minibatch):
    schedule, found = dataclasses.replace(QUANTISED, minibatch=minibatch), []
    for eagerly in (True, False):
        with monkeypatch.context() as patch:
            if eagerly:
                patch.setattr(Stepper, "_never_waits", lambda self, examples: False)
            fitted = fit(build("Siren").cuda(), task, schedule, torch.Generator("cuda").manual_seed(0))
        found.append(fitted.requantised)
    for bits, eager in found[0].items():
        torch.testing.assert_close(found[1][bits].state, eager.state, rtol=1e-3, atol=1e-5)
        assert found[1][bits].error == pytest.approx(eager.error, rel=1e-3)


def test_errors_are_those_of_decoded_files(task):
    model, fitted = trained(build("Siren"), task, QUANTISED)

    def error(bits):
        decoded = compressed.decode(compressed.encode(model, bits))
        return LatticeGradient(decoded, task, PLAN).evaluate()[1]

    for bits, again in fitted.requantised.items():
        assert again.plain == pytest.approx(error(bits), rel=1e-3)
    model.load_state_dict(fitted.requantised[3].state)
    assert fitted.requantised[3].error == pytest.approx(error(3), rel=1e-3)


def test_what_is_better_goes_into_the_row(task):
    model, fitted = trained(build("Siren"), task, QUANTISED)
    state = {key: torch.zeros_like(value) for key, value in model.state_dict().items()}
    (scoring,), before = task.scorings, copy.deepcopy(model.state_dict())
    plain, _ = rate_of(5, model, scoring, dataclasses.replace(fitted, requantised={}), QUANTISED)
    for error, passes in ((1.0, 4), (3.0, 0), (float("nan"), 0)):
        found = dataclasses.replace(fitted, requantised={5: Requantised(state, error, 2.0)})
        rate, file = rate_of(5, model, scoring, found, QUANTISED)
        assert len(file) == rate["bytes"]
        assert rate["quantised_passes"] == passes
        assert (rate["psnr"] == plain["psnr"]) == (passes == 0)
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_trials_rates_say_what_they_are_of(make_trial):
    trial = make_trial("Siren", length=24, steps=40, bits=(3, 32), lr=1e-3)
    (plain,), (other,) = (
        run_trial(dataclasses.replace(trial, quantised_share=share), torch.device("cpu")) for share in (0.0, 0.5)
    )
    assert plain.row["psnr"] == other.row["psnr"]
    assert [rate["quantised_passes"] for rate in plain.row["rates"]] == [0, 0]
    assert [rate["quantised_passes"] for rate in other.row["rates"]] == [20, 0]
    assert other.row["rates"][0]["psnr"] > plain.row["rates"][0]["psnr"] + 0.3
    assert other.row["rates"][1]["psnr"] == plain.row["rates"][1]["psnr"]


@pytest.mark.parametrize("words", [["--quantised-share", "0.2"], ["--bits", "4", "--quantised-share", "1.5"]])
def test_a_wrong_share_is_one_line(words, tmp_path, capsys):
    line = ["--signal", "Sierpinski", "--preset", "smoke", "--out", str(tmp_path), "--dry-run", *words]
    assert main(line) == 2
    assert capsys.readouterr().err.count("\n") == 1
