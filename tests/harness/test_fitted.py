"""`fit_array`: whatever people pass gives the right numbers or one line, in any session of PyTorch's."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models
from common.errors import UsageError
from common.needs import Needs
from harness import fit_array
from harness.__main__ import main
from harness.train import checkpoint
from harness.train.chunks import predict

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (10, 12), dtype=np.uint8)
BYTES[0, :2] = 0, 255
UNIT = BYTES / np.float32(255)
TINY = {"model": "Grid", "size": 60, "steps": 3, "device": "cpu"}
SAME = ("psnr", "psnr_best", "ssim", "parameters", "config_hash", "status")


def numbers(row):
    """What must not depend on how the values were passed."""
    return {name: row[name] for name in ("psnr", "psnr_best", "parameters", "status")}


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


NAMES = [name for name in models.registry.names() if not models.get_model(name).inverts]


@pytest.fixture(scope="module")
def plain():
    """A fit of every model in a fresh session."""
    return {name: fit(name) for name in NAMES}


def fit(name, device="cpu"):
    return fit_array(UNIT, name, 3000, steps=2, device=device)


@pytest.mark.parametrize("name", NAMES)
def test_a_session_of_float64_gives_the_same_numbers(plain, float64_by_default, name):
    fitted = fit(name)
    assert numbers(fitted.row) == numbers(plain[name].row)
    assert all(value.dtype == old.dtype for value, old in zip(*map(values_of, (fitted, plain[name])), strict=True))
    assert (fitted.reconstruct() == plain[name].reconstruct()).all()
    assert torch.get_default_dtype() == torch.float64


def values_of(fitted):
    return fitted.model.state_dict().values()


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_is_loaded_in_a_session_of_float64(plain, float64_by_default, tmp_path, name):
    path = plain[name].save(tmp_path / "m.safetensors")
    again = checkpoint.load(path)
    np.testing.assert_allclose(predict(again, again.lattice)[..., 0], plain[name].reconstruct(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["Siren", "Grid", "Instant_NGP", "Wavelet"])
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_without_gradients_it_trains_all_the_same(plain, context, name):
    with context():
        fitted = fit(name)
        assert (fitted.reconstruct() == plain[name].reconstruct()).all()
    assert numbers(fitted.row) == numbers(plain[name].row)


@pytest.mark.parametrize("name", NAMES)
def test_a_session_whose_tensors_lie_elsewhere_by_default_gives_the_same_numbers(plain, tmp_path, name):
    """As `torch.set_default_device("cuda")` has it. On meta, which every machine has, there are no values at all."""
    with torch.device("meta"):
        fitted = fit(name)
        assert (fitted.reconstruct() == plain[name].reconstruct()).all()
        checkpoint.load(fitted.save(tmp_path / "m.safetensors"))
        assert torch.get_default_device() == torch.device("meta")
    assert numbers(fitted.row) == numbers(plain[name].row)


@pytest.mark.parametrize(
    "values",
    [
        BYTES,
        BYTES.astype(np.int64),
        BYTES.astype(float),
        UNIT.astype(np.float64),
        UNIT[..., None],
        Image.fromarray(BYTES),
        np.ma.array(BYTES),
        UNIT.tolist(),
        torch.tensor(UNIT, requires_grad=True),
        torch.tensor(BYTES),
        np.asfortranarray(BYTES),
    ],
    ids=lambda values: f"{type(values).__name__} {getattr(values, 'dtype', '')}",
)
def test_the_same_picture_in_whatever_form(values):
    expected, found = fit_array(UNIT, **TINY), fit_array(values, **TINY)
    for name in ("psnr", "psnr_constant"):
        assert found.row[name] == pytest.approx(expected.row[name], abs=1e-4)


def test_bfloat16_tensors_have_no_numpy_type_and_are_taken():
    assert fit_array(torch.tensor(UNIT, dtype=torch.bfloat16), **TINY).row["status"] == "ok"


def test_the_reconstruction_is_in_the_units_of_the_array():
    hounsfield = RNG.integers(-1000, 1500, size=(5, 6, 7))
    fitted = fit_array(hounsfield, "Grid", 5 * 6 * 7, steps=150, device="cpu", lr=0.05)
    answer = fitted.reconstruct()
    assert (answer.shape, answer.dtype) == ((5, 6, 7), np.float32)
    error = np.mean((answer - hounsfield) ** 2) / np.ptp(hounsfield) ** 2
    assert -10 * np.log10(error) == pytest.approx(fitted.row["psnr"], abs=0.5)  # which clips to the range
    assert fitted.reconstruct((10, 12, np.int64(14))).shape == (10, 12, 14)
    colours = fit_array(np.dstack([BYTES] * 3), **TINY)
    assert colours.reconstruct().shape == (10, 12, 3)
    assert colours.reconstruct().max() > 20


@pytest.mark.parametrize("path", ["photo.png", Path("scans/a.npy")])
def test_a_path_is_no_array(path):
    says = f"^'{path}' is a path and no array; give its values: target_signals.load_signal\\('{path}'\\).values$"
    with pytest.raises(UsageError, match=says):
        fit_array(path, **TINY)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"seed": np.int64(7)}, {"seed": 7}),
        ({"steps": np.uint8(3)}, {}),
        ({"size": np.float32(60)}, {}),
        ({"size": 60.0}, {}),
        ({"lr": np.float64(0.05)}, {"lr": 0.05}),
        ({"initial": torch.tensor(0.25)}, {"initial": 0.25}),
        ({"device": torch.device("cpu")}, {}),
    ],
)
def test_numbers_of_other_libraries(given, same):
    found, expected = (fit_array(UNIT, **TINY | arguments).row for arguments in (given, same))
    assert numbers(found) == numbers(expected)
    assert found["config_hash"] == expected["config_hash"]


def test_a_model_is_a_name():
    with pytest.raises(UsageError, match=r"^model must be a registered name, like 'Siren', got <class 'int'>$"):
        fit_array(np.eye(9), model=int)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
        ({"size": float("nan")}, "size must be a whole number of at least 1, got nan"),
        ({"size": 1e300}, "sizes: must be from 1 to 1e15 parameters each"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"seed": 2**40}, r"seeds: must be from 0 to 2\*\*32 - 1 each"),
        ({"seed": "1"}, "seed must be a whole number of at least 0, got '1'"),
        ({"lr": object()}, "a setting is a number, a text, or a list of these, got object"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_what_is_no_such_number_is_one_line(given, says):
    with pytest.raises(UsageError, match=f"^{says}"):
        fit_array(UNIT, **TINY | given)


# The result


def test_it_unpacks_and_shows_itself(tmp_path):
    fitted = fit_array(UNIT, **TINY)
    model, row = fitted
    assert (model, row) == (fitted.model, fitted.row)
    text = repr(fitted)
    assert text.startswith("<Grid with 49 parameters on 10×12 samples: PSNR ")
    assert f"{row['psnr']:.2f} dB" in text
    assert "in memory, float32, as it is" in text
    assert "\n" not in text


@pytest.mark.parametrize("values", [UNIT, np.dstack([UNIT] * 3), RNG.uniform(size=(5, 6, 7))], ids=["2d", "rgb", "3d"])
def test_it_is_drawn(values):
    figure = fit_array(values, **TINY).plot()
    assert [axes.get_title() for axes in figure.axes] == ["array", "Grid", "difference"]
    array, answer, _ = (axes.images[0].get_array() for axes in figure.axes)
    middle = values if values.shape[-1] != 7 else values[2]
    np.testing.assert_allclose(array, middle, atol=1e-6)
    assert answer.shape == array.shape
    assert "matplotlib.pyplot" not in sys.modules or not figure.canvas.manager


def test_it_is_saved_for_render(tmp_path, capsys):
    fitted = fit_array(UNIT, **TINY)
    path = fitted.save(tmp_path / "m.safetensors")
    assert main(["render", str(path), "--out", str(tmp_path / "x.npy"), "--device", "cpu"]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), fitted.reconstruct())
    with pytest.raises(UsageError, match=r"a model is saved as \.safetensors, not as 'm.pt'"):
        fitted.save(tmp_path / "m.pt")


@pytest.mark.parametrize("name", ["Wavelet", "BlockDCT"])
def test_a_transform_has_no_values_between_its_samples(plain, tmp_path, capsys, name):
    assert models.get_model(name).unsupported(2, 1, Needs(off_lattice=True))
    with pytest.raises(UsageError, match="and nowhere between them; its own shape is 10 12"):
        plain[name].reconstruct((20, 24))
    path = plain[name].save(tmp_path / "m.safetensors")
    assert main(["render", str(path), "--shape", "20", "24", "--out", str(tmp_path / "x.png"), "--device", "cpu"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert main(["render", str(path), "--out", str(tmp_path / "x.PNG"), "--device", "cpu"]) == 0


def test_time_is_told_on_a_terminal_and_nowhere_else(monkeypatch, capsys):
    fit_array(UNIT, **TINY)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fit_array(UNIT, **TINY)
    told = capsys.readouterr().err
    assert "Grid on 10×12 samples (in memory, float32, as it is): about " in told
    assert "3/3 passes" in told
