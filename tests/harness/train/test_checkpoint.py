"""Fitted models as files: what comes back, what is drawn from them, and files from strangers."""

import errno
import functools
import json
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import models
from common.errors import Failure, UsageError
from common.lattice import Lattice
from common.needs import Needs
from harness import fit_array
from harness.__main__ import main
from harness.commands import render
from harness.commands.new import written
from harness.train import checkpoint
from harness.train.chunks import predict
from models.budget import MOST_TENSORS
from target_signals import load_signal
from tests import building
from tests.harness.train.toys import Loose
from tests.own_files import forgotten

build = functools.partial(building.build, lattice=(13, 10), channels=3, budget=5000, kind="image")


@pytest.mark.parametrize("name", models.registry.names())
@pytest.mark.parametrize("shape", [(13, 10), (6, 5, 7)])
def test_a_model_comes_back_as_it_was(tmp_path, name, shape):
    if models.get_model(name).unsupported(len(shape), 3, Needs()) is not None:
        pytest.skip("unsupported")
    model = build(name, lattice=shape)
    checkpoint.save(model, tmp_path / "m.safetensors")
    again = checkpoint.load(tmp_path / "m.safetensors")
    assert again.config == model.config
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    # products may be summed in another order when their factors lie elsewhere in memory
    np.testing.assert_allclose(predict(again, again.lattice), predict(model, model.lattice), rtol=1e-6, atol=1e-7)


def test_what_a_fit_drew_outside_its_state_is_drawn_again(tmp_path, registered):
    registered(Loose)
    fitted = fit_array(np.eye(12), "Loose", size=300, steps=2, seed=7, device="cpu")
    torch.rand(3)  # whatever else the process draws
    again = checkpoint.load(fitted.save(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(predict(again, again.lattice), predict(fitted.model, fitted.model.lattice))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.safetensors"
    checkpoint.save(build("Siren"), path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".tif", ".TIFF", ".npy"])
def test_it_is_drawn_on_any_lattice(file, tmp_path, capsys, suffix):
    out = tmp_path / f"big{suffix}"
    assert main(["render", str(file), "--shape", "26", "20", "--out", str(out), "--device", "cpu"]) == 0
    told = capsys.readouterr().out
    assert f"wrote {out}: 26×20×3" in told
    assert ("clipped to [0, 1] in 8 bits" in told) == (suffix != ".npy")
    assert "scale" not in told, "no row lies beside it"
    found = np.load(out) if suffix == ".npy" else np.asarray(Image.open(out))
    expected = predict(checkpoint.load(file), Lattice.aligned((26, 20), (13, 10)))
    assert found.shape == expected.shape
    if suffix == ".npy":
        np.testing.assert_array_equal(found, expected)
    elif suffix not in (".jpg", ".jpeg"):
        np.testing.assert_array_equal(found, np.round(255 * expected.clip(0, 1)).astype(np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_that_was_drawn_as_an_array_comes_back_as_one(tmp_path, channels):
    model = build("Grid", channels=channels)
    torch.nn.init.uniform_(model.values, -0.2, 1.2, generator=torch.Generator().manual_seed(0))
    checkpoint.save(model, tmp_path / "m.safetensors")
    assert main(["render", str(tmp_path / "m.safetensors"), "--out", str(tmp_path / "x.npy"), "--device", "cpu"]) == 0
    signal = load_signal(tmp_path / "x.npy")
    assert (signal.kind, signal.dim, signal.channels, signal.lattice.shape) == ("image", 2, channels, (13, 10))
    if channels == 3:
        np.testing.assert_array_equal(signal.values, np.load(tmp_path / "x.npy").clip(0, 1))


def test_a_volume_is_written_as_an_array(tmp_path, capsys):
    checkpoint.save(build("Grid", lattice=(6, 5, 7), channels=1), tmp_path / "v.safetensors")
    line = ["render", str(tmp_path / "v.safetensors"), "--out"]
    assert main([*line, str(tmp_path / "v.npy")]) == 0
    assert np.load(tmp_path / "v.npy").shape == (6, 5, 7)
    assert "v.npy: 6×5×7, from" in capsys.readouterr().out, "the shape that the file has"
    assert main([*line, str(tmp_path / "v.png")]) == 2
    assert "a volume is written as .nii .nii.gz .tif .tiff .nrrd .mha or .npy, not as '.png'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shape", "26", "--out", "x.png"], "the shape needs 2 numbers of at least 1"),
        (["--shape", "0", "5", "--out", "x.png"], "the shape needs 2 numbers of at least 1"),
        (["--shape", "100000", "100000", "--out", "x.png"], "render less"),
        (["--shape", "2", "65501", "--out", "x.jpg"], "a JPEG has at most 65,500 samples along an axis, got 65,501"),
        (
            ["--out", "x.bmp2"],
            "x.bmp2', whose ending names none of the formats: pictures .png .jpg .jpeg .tif .tiff, volumes .nii",
        ),
        (["--out", "/nowhere/x.png"], "no folder '/nowhere'"),
        (["--out", ".png"], "cannot write '.png', whose ending names none of the formats"),
        (["--out", "x.nii"], "a picture is written as .png .jpg .jpeg .tif .tiff or .npy, not as '.nii'"),
        ([], "--out"),
        (["b.safetensors", "c.safetensors", "--out", "x.png"], "'b.safetensors' …; name one of them"),
    ],
)
def test_mistakes_are_one_line(file, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(file), *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert message in err


def test_a_model_that_may_not_be_read_is_one_line(file, monkeypatch):
    def refuse(*given):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(UsageError, match=r"m\.safetensors' cannot be read: Permission denied; make it readable$"):
        checkpoint.load(file)


def test_a_jpeg_of_the_longest_axis_is_written(file, tmp_path):
    out = tmp_path / "x.jpg"
    assert main(["render", str(file), "--shape", "65500", "1", "--out", str(out), "--device", "cpu"]) == 0
    with Image.open(out) as picture:
        assert picture.size == (1, 65500)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=3), st.integers(1, 4), st.none() | st.integers(0, 1 << 40))
def test_what_is_rendered_fits_into_the_memory(shape, channels, memory):
    values, room = math.prod(shape) * channels, render.MOST_VALUES if memory is None else memory / render.OF_VALUE
    try:
        render.check_room(shape, channels, memory)
    except UsageError:
        assert values > min(room, render.MOST_VALUES)
    else:
        assert values <= min(room, render.MOST_VALUES)


def test_a_folder_that_may_not_be_written_is_one_line(file, tmp_path, monkeypatch, capsys):
    def refuse(*given, **named):
        raise PermissionError(13, "Permission denied", named["prefix"])

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    out = tmp_path / "x.png"
    assert main(["render", str(file), "--out", str(out), "--device", "cpu"]) == 2
    assert capsys.readouterr().err == f"error: cannot write '{out}': Permission denied; choose another place\n"


def test_a_full_disk_is_told_as_that_of_a_row_is(make_trial, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Failure, match=r"^cannot write results to '.*models': No space left on device; make room$"):
        checkpoint.save_fitted(tmp_path, make_trial(), build("Grid"))


def strangers(path, file):
    """Files that are not what they seem, by name."""
    values = {"values": torch.zeros(3, 4, 4)}
    header = {"model": "Grid", "settings": {"lr": 0.1, "initial": 0.1}, "size": 4, "channels": 3}
    header["axes"] = [[-1.0, 0.0], [-1.0, 0.0]]
    changed = {
        "no header": None,
        "not JSON": "{",
        "unknown model": json.dumps(header | {"model": "Nobody"}),
        "unknown setting": json.dumps(header | {"settings": {"lr": 0.1, "initial": 0.1, "evil": 1}}),
        "no axes": json.dumps({k: v for k, v in header.items() if k != "axes"}),
        "other shapes": json.dumps(header | {"size": 5}),
        "huge": json.dumps(header | {"size": 10**12}),
    }
    for name, text in changed.items():
        save_file(values, path / name, metadata=None if text is None else {"representation": text})
    (path / "truncated").write_bytes(file.read_bytes()[:100])
    (path / "empty").write_bytes(b"")
    (path / "pickle").write_bytes(b"\x80\x04K\x01.")
    return [*changed, "truncated", "empty", "pickle", "absent"]


def test_a_strangers_file_is_one_line(file, tmp_path):
    for name in strangers(tmp_path, file):
        with pytest.raises(UsageError) as caught:
            checkpoint.load(tmp_path / name)
        assert "\n" not in str(caught.value), name


def parts(path):
    """A saved model's header and values, to be changed."""
    with safe_open(path, framework="pt") as file:
        values = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return json.loads(file.metadata()["representation"]), values


HUGE = {
    "layers": ("Siren", {"hidden_layers": 10**9}, {}, "settings.hidden_layers: whole numbers go up to 65,536"),
    "layers of no tensor yet": ("Wire", {"hidden_layers": 10**30}, {}, "settings.hidden_layers: whole numbers"),
    "many small layers": ("Siren", {"hidden_layers": 60_000}, {}, "up to 4,096 tensors"),
    "frequencies": ("FourFeat", {"frequencies": 10**9}, {}, "settings.frequencies: whole numbers go up to"),
    "levels": ("Instant_NGP", {"levels": 10**9, "growth": 1.0}, {}, "settings.levels: whole numbers go up to"),
    "growth": ("Instant_NGP", {"growth": 1e38}, {}, "settings.growth: must be at least 1, and leave the last of 16"),
    "no levels": ("Instant_NGP", {"levels": -1}, {}, "settings.levels: must be at least 1, got -1"),
    "blocks": ("BlockDCT", {"block": {"2": 60_000, "3": 8}}, {}, "whole blocks of 60000 fill"),
    "no values": ("Siren", {}, {"size": 0}, "0 is no size of Siren, a whole number from 1 up"),
    "no number": ("Siren", {}, {"size": False}, "False is no size of Siren"),
    "a fraction": ("Grid", {}, {"size": 4.5}, "4.5 is no size of Grid"),
    "channels": ("BlockDCT", {}, {"channels": 10**6}, "it has 1000000 channels, and from 1 to 4,096 are read"),
}
LOAD = """
import resource, sys
from torch.nn.modules.module import register_module_parameter_registration_hook
from harness.train import checkpoint
from common.errors import UsageError
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
register_module_parameter_registration_hook(lambda module, name, value: made.append(name))
for path in sys.argv[1:]:
    made = []
    try:
        checkpoint.load(path)
    except UsageError as error:
        print(len(made), error)
"""


def test_a_strangers_header_that_asks_for_a_huge_model_is_refused_while_it_is_built(command, tmp_path):
    """In a process of its own, whose memory is bounded."""
    for name, (model, settings, changes, _) in HUGE.items():
        checkpoint.save(build(model), path := tmp_path / name)
        header, values = parts(path)
        header["settings"] |= settings
        save_file(values, path, metadata={"representation": json.dumps(header | changes)})
    found = command(sys.executable, "-c", LOAD, *[tmp_path / name for name in HUGE])
    assert found.returncode == 0, found.stderr
    for (name, (*_, says)), line in zip(HUGE.items(), found.stdout.splitlines(), strict=True):
        tensors, _, error = line.partition(" ")
        assert says in error, name
        assert int(tensors) <= MOST_TENSORS + 1, name


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("BlockDCT", lambda v: v | {"indices": v["indices"] + 10**9}, "one of its indices is none of theirs"),
        ("Wavelet", lambda v: v | {"indices": v["indices"] - 1}, "one of its indices is none of theirs"),
        (
            "Grid",
            lambda v: {key: value.double() for key, value in v.items()},
            "values has torch.float64 .*, and Grid keeps torch.float32",
        ),
    ],
)
def test_a_strangers_values_that_fit_no_model_are_one_line(tmp_path, name, change, says):
    checkpoint.save(build(name), path := tmp_path / "m.safetensors")
    header, values = parts(path)
    save_file(change(values), path, metadata={"representation": json.dumps(header)})
    with pytest.raises(UsageError, match=says):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("Siren", {"axes": [[math.nan] * 13, [-1.0, 0.0]]}, "an axis whose samples do not rise"),
        ("Siren", {"axes": [[0.5, -0.5], [-1.0, 0.0]]}, "an axis whose samples do not rise"),
        ("GSplat", {"shape": [4, 4, 4]}, "GSplat"),
    ],
)
def test_a_strangers_lattice_that_is_none_of_the_models_is_one_line(tmp_path, name, change, says):
    checkpoint.save(build(name), path := tmp_path / "m.safetensors")
    header, values = parts(path)
    save_file(values, path, metadata={"representation": json.dumps(header | change)})
    with pytest.raises(UsageError, match=says) as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)


def test_what_the_state_leaves_out_and_what_it_has_twice_come_back(tmp_path, one_of_its_own):
    model = one_of_its_own
    checkpoint.save(model, tmp_path / "m.safetensors")
    again = checkpoint.load(tmp_path / "m.safetensors")
    assert again.count_values() == model.count_values()
    assert again.hidden[0] is again.hidden[1]
    np.testing.assert_array_equal(predict(again, again.lattice), predict(model, model.lattice))


# From Python


def test_an_array_in_memory_is_fitted():
    values = np.random.default_rng(0).uniform(size=(20, 16, 3)).astype(np.float32)
    model, row = fit_array(values, "Grid", 20 * 16 * 3, channels_last=True, steps=60, device="cpu", lr=0.05)
    assert row["status"] == "ok"
    assert row["settings"]["lr"] == 0.05
    assert row["shape"] == [20, 16, 3]
    answer = predict(model, model.lattice).clip(0, 1)
    assert row["psnr"] == pytest.approx(-10 * np.log10(np.mean((answer - values) ** 2)), abs=1e-3)
    assert row["psnr"] > row["psnr_constant"] + 1


@pytest.mark.parametrize(
    ("values", "arguments", "message"),
    [
        (np.full((8, 8), np.nan), {}, "NaN"),
        (np.zeros(8), {}, "axes"),
        (np.eye(8), {"model": "Sirn"}, "did you mean 'Siren'"),
        (np.eye(8), {"model": "Grid", "size": 1}, "smallest form"),
        (np.eye(8), {"model": "Grid", "task": "denoise"}, "several fits"),
        (np.eye(8), {"model": "Grid", "omeger": 3}, "unknown key 'omeger'"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(values, arguments, message):
    with pytest.raises(UsageError, match=message):
        fit_array(values, **{"steps": 1, "device": "cpu", **arguments})


def test_a_model_of_ones_own_is_rendered_once_its_file_is_named(tmp_path, capsys):
    own, saved, picture = tmp_path / "Hill.py", tmp_path / "m.safetensors", tmp_path / "hill.npy"
    own.write_text(written("model", "Hill"))
    lattice = Lattice.regular((6, 5))
    with forgotten():
        models.registry.load_file(own)
        cls = models.get_model("Hill")
        model = cls(cls.Config(), lattice, 1, 4)
        model.initialise(torch.Generator().manual_seed(0))
        checkpoint.save(model, saved)

    def draw(*files):
        with forgotten():
            code = main(["render", "--device", "cpu", "--out", str(picture), str(saved), *map(str, files)])
        return code, capsys.readouterr().err

    code, err = draw()
    assert code == 2
    assert "unknown model 'Hill'" in err
    assert "one of your own needs the path of its .py file" in err
    assert draw(own) == (0, "")
    with torch.no_grad():
        assert np.load(picture) == pytest.approx(model.on_lattice(lattice)[..., 0].numpy(), abs=1e-6)
    own.write_text(own.read_text().replace("torch.sin(", "torch.cos("))  # values of the same shapes, and another model
    code, err = draw(own)
    assert code == 2
    assert "it was fitted by another version of Hill's file (" in err
    assert err.endswith(" now); name the file as it was then, or fit it again\n")
