"""Compressed models: what comes back, here and in another process, what it costs, and files from strangers."""

import dataclasses
import io
import json
import os
import re
import struct
import sys
import time
import zlib

import numpy as np
import pytest
import torch

import models
from common.errors import UsageError
from common.needs import Needs
from harness.__main__ import main
from harness.execution import run_trials
from harness.store.store import Store
from harness.train import checkpoint, coder, compressed
from harness.train.chunks import predict
from harness.train.rates import measure
from target_signals import get_signal
from tests import building
from tests.harness.train import toys

pytest.importorskip("constriction")
SEED = 2**62 + 7


def build(name="Siren", shape=(13, 10), channels=3, budget=5000):
    """A model whose trainable values have moved since they were drawn."""
    model, rng = building.build(name, shape, channels, budget=budget, kind="image", seed=SEED), toys.generator(1)
    model.drawn_from = SEED
    target = torch.rand(*shape, channels, generator=rng)
    if not model.solve(model.lattice, target):
        model.initialise_from(model.lattice, target, rng)
        with torch.no_grad():
            for value in model.parameters():
                value += 0.01 * torch.randn(value.shape, generator=rng)
    return model


@pytest.mark.parametrize("name", models.registry.names())
@pytest.mark.parametrize("shape", [(13, 10), (6, 5, 7)])
def test_every_model_comes_back_within_half_a_step(name, shape):
    if models.get_model(name).unsupported(len(shape), 3, Needs()) is not None:
        pytest.skip("unsupported")
    model = build(name, shape)
    trained = {n for n, _ in model.named_parameters()}
    for bits in (6, 32):
        again = compressed.decode(compressed.encode(model, bits))
        assert again.config == model.config
        for key, value in model.state_dict().items():
            found = again.state_dict()[key]
            if key in trained and bits < 32:
                step = (value.max() - value.min()).item() / (2**bits - 1)
                assert (found - value).abs().max().item() <= 0.51 * step + 1e-7, key
            else:
                assert torch.equal(found, value), key


def test_the_file_is_about_as_long_as_its_symbols_have_entropy():
    model = build(budget=20_000)
    symbols, entropy = [], 0.0
    for value in model.parameters():
        value = value.detach().double().numpy().ravel()
        symbols = np.rint((value - value.min()) / (value.max() - value.min()) * 255).astype(int)
        share = np.bincount(symbols) / len(symbols)
        entropy += len(symbols) * -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert entropy / 8 < len(compressed.encode(model, 8)) < 1.05 * entropy / 8 + 800
    assert len(compressed.encode(model, 32)) == pytest.approx(4 * model.count_values(), abs=600)


TINY, HUGE = 2.0**-149, (2 - 2.0**-23) * 2.0**127


@pytest.mark.parametrize("bits", [2, 4, 16])
@pytest.mark.parametrize(
    ("ends", "exact"),
    [
        ((np.nan, 1), True),
        ((-np.inf, 1), True),
        ((3.5, 3.5), True),
        ((-np.inf, -np.inf), True),
        ((-HUGE, HUGE), False),
        ((-TINY, TINY), False),
        ((1, np.nextafter(np.float32(1), np.float32(2))), True),
    ],
)
def test_extreme_values_come_back(ends, exact, bits):
    """As they are where no step is finite or every float is a level; otherwise within half a step."""
    model, (low, high) = build("Grid", (4, 4), 1, 16), ends
    with torch.no_grad():
        model.values.copy_(torch.full_like(model.values, low)).view(-1)[::3] = float(high)
    found = compressed.decode(compressed.encode(model, bits)).values
    if exact:
        np.testing.assert_array_equal(found.detach(), model.values.detach())
    else:
        error = (found.detach().double() - model.values.detach().double()).abs().max().item()
        assert error <= 0.51 * (high - low) / (2**bits - 1)
    assert compressed.encode(model, bits) == compressed.encode(model, bits)


DECODE = """
import sys, numpy as np
from harness.train import compressed
model = compressed.load(sys.argv[1])
np.savez(sys.argv[2], **{name: value.numpy() for name, value in model.state_dict().items()})
"""


@pytest.mark.parametrize("name", ["FourFeat", "BACON"])
def test_buffers_that_the_seed_gives_cost_nothing_and_are_the_same_in_another_process(command, tmp_path, name):
    model = build(name)
    (frozen,) = (key for key, _ in model.named_buffers())
    data = compressed.encode(model, 8)
    (tmp_path / "m.coded").write_bytes(data)
    found = command(sys.executable, "-c", DECODE, tmp_path / "m.coded", tmp_path / "values.npz")
    assert found.returncode == 0, found.stderr
    with np.load(tmp_path / "values.npz") as values:
        np.testing.assert_array_equal(values[frozen], model.state_dict()[frozen].numpy())
        expected = compressed.decode(data).state_dict()
        assert all(np.array_equal(values[key], value.numpy()) for key, value in expected.items())
    size = 4 * model.state_dict()[frozen].numel()
    model.drawn_from = None  # nobody knows where they came from, so they are kept
    assert len(compressed.encode(model, 8)) - len(data) == pytest.approx(size, abs=40)
    again = compressed.decode(compressed.encode(model, 8))
    assert torch.equal(again.state_dict()[frozen], model.state_dict()[frozen])


def test_a_model_of_ones_own_comes_back(one_of_its_own):
    """A layer that is used twice is written once, at its bits; other types are kept as they are."""
    model = one_of_its_own
    for bits in (4, 32):
        again = compressed.decode(data := compressed.encode(model, bits))
        assert torch.equal(again.hidden[0].weight, again.hidden[1].weight)
        assert (len(data) < 500 + model.count_values()) == (bits == 4)
        assert again.factors.dtype == torch.bfloat16
        assert torch.equal(again.factors, model.factors)
        assert torch.equal(again.mask, model.mask)
        assert again.none.shape == (0, 2)
        assert torch.equal(again.waves, model.waves), "what __init__ computes"
    assert torch.equal(again(model.lattice.points("cpu")), model(model.lattice.points("cpu")))


def test_initial_values_are_drawn_again_only_where_a_record_asks_for_them(monkeypatch):
    """A header could ask for a lattice on which that takes long."""
    moved, frozen = (compressed.encode(build(name), 8) for name in ("Siren", "FourFeat"))
    monkeypatch.delattr(models.get_model("Siren"), "initialise")
    monkeypatch.delattr(models.get_model("FourFeat"), "initialise")
    monkeypatch.setattr("models.base.Representation.initialise", lambda model, rng: pytest.fail("drawn"))
    compressed.decode(moved)
    with pytest.raises(pytest.fail.Exception):
        compressed.decode(frozen)


def test_a_seed_that_gives_other_values_is_an_error_and_no_other_picture():
    data = compressed.encode(build("FourFeat"), 8)
    with pytest.raises(ValueError, match="not those that were written"):
        compressed.decode(with_header(data, drawn_from=SEED + 1))


@pytest.mark.parametrize(
    "values",
    [[0], [5], [-3, 7, 7, 2], [0, 1, 2, 3], [10, 10**6, 2**40, 2**60], list(range(0, 90_000, 9)), [2**60, -(2**60)]],
)
def test_whole_numbers_come_back(values):
    encoder = coder.Encoder()
    encoder.whole(np.array(values, dtype=np.int64))
    decoder = coder.Decoder(io.BytesIO(encoder.head.getvalue()), encoder.words())
    assert decoder.whole(len(values)).tolist() == values


@pytest.mark.parametrize("value", [2**60 + 1, -(2**60) - 1])
def test_larger_whole_numbers_are_refused(value):
    with pytest.raises(UsageError, match="coded up to 1,152,921,504,606,846,976"):
        coder.Encoder().whole(np.array([0, value]))


@pytest.mark.parametrize(
    ("family", "draw"),
    [
        ("Uniform", lambda rng, n: rng.uniform(-10, 10, n)),
        ("QuantizedGaussian", lambda rng, n: rng.normal(size=n)),
        ("QuantizedLaplace", lambda rng, n: rng.laplace(size=n)),
        ("QuantizedCauchy", lambda rng, n: rng.standard_cauchy(n)),
    ],
)
def test_symbols_cost_about_their_entropy_under_the_family_that_they_are_of(family, draw):
    values = np.clip(np.rint(128 + 12.8 * draw(np.random.default_rng(0), 50_000)), 0, 255)
    encoder = coder.Encoder()
    encoder.symbols(values, 8)
    assert coder.FAMILIES[encoder.head.getvalue()[0]] == family
    share = np.bincount(values.astype(int)) / len(values)
    entropy = len(values) * -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert 0.999 * entropy < 8 * len(encoder.words()) < 1.005 * entropy
    decoder = coder.Decoder(io.BytesIO(encoder.head.getvalue()), encoder.words())
    np.testing.assert_array_equal(decoder.symbols(len(values), 8), values)
    assert decoder.is_at_end()


def test_positions_cost_about_their_entropy():
    """A tenth of many positions, drawn alike, takes H(0.1) bits each; gaps in binary classes, somewhat more."""
    kept = np.flatnonzero(np.random.default_rng(0).uniform(size=200_000) < 0.1)
    encoder = coder.Encoder()
    encoder.whole(kept)
    entropy = -200_000 * (0.1 * np.log2(0.1) + 0.9 * np.log2(0.9))
    assert entropy < 8 * len(encoder.words()) < 1.06 * entropy


@pytest.mark.parametrize("name", ["BlockDCT", "Wavelet"])
def test_a_pictures_positions_cost_less_than_if_they_were_drawn_alike(name):
    """They lie close together, and their gaps are short: bytes of the file that are not values of 32 bits."""
    values = get_signal("SampleImages", 2, 64, None, 0, "astronaut").values
    model = build(name, values.shape[:2], 3, 4000)
    model.solve(model.lattice, torch.as_tensor(values))
    kept, total = len(model.values), 3 * model.coefficients(model.config, model.lattice)
    share = kept / total
    entropy = -total * (share * np.log2(share) + (1 - share) * np.log2(1 - share))
    data = compressed.encode(model, 32)
    header = struct.unpack_from("<I", data, 4)[0]
    assert 0.3 * entropy < 8 * (len(data) - 16 - header - 4 * kept) < 0.85 * entropy


def with_header(data, **changes):
    """A compressed model with another header."""
    length = struct.unpack_from("<I", data, 4)[0]
    header = json.loads(zlib.decompress(data[16 : 16 + length])) | changes
    text = zlib.compress(json.dumps(header).encode())
    return data[:4] + struct.pack("<I", len(text)) + data[8:16] + text + data[16 + length :]


@pytest.fixture
def file(tmp_path):
    (tmp_path / "m.coded").write_bytes(compressed.encode(build(), 8))
    return tmp_path / "m.coded"


def test_files_from_strangers_are_one_line_each(file):
    data, rng = file.read_bytes(), np.random.default_rng(0)
    broken = [data[:n] for n in (3, 4, 10, 40, len(data) // 2, len(data) - 5)] + [data[:4] + b"\xff" * 40]
    for _ in range(60):
        other = bytearray(data)
        other[rng.integers(4, len(data))] ^= 1 << rng.integers(8)
        broken.append(bytes(other))
    bomb = zlib.compress(b" " * (compressed.MOST_HEADER + 1))
    broken.append(data[:4] + struct.pack("<III", len(bomb), 0, 0) + bomb)
    broken.append(data + bytes(range(8)))
    for changes in (
        {"model": None},
        {"size": 10**6},
        {"bits": 17},
        {"bits": 32},
        {"shape": [2**30, 2]},
        {"drawn_from": -1},
        {"check": 0},
    ):
        broken.append(with_header(data, **changes))
    for content in broken:
        file.write_bytes(content)
        with pytest.raises(UsageError) as caught:
            compressed.load(file)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no model of this suite"),
        (b"\x89PNG a picture", "holds no model of this suite"),
        (lambda data: data[:-1], "holds no compressed model"),
        (lambda data: data + b"\n", "holds no compressed model"),
    ],
)
def test_a_file_that_is_no_model_is_one_line_that_says_what_to_do(file, capsys, content, message):
    file.write_bytes(content(file.read_bytes()) if callable(content) else content)
    assert main(["render", str(file), "--out", str(file.with_suffix(".npy")), "--device", "cpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"'{file}' {message}: " in line
    assert line.endswith(("--save-model leaves models as .safetensors files", "it is damaged, or not of this suite"))


def test_render_decodes_it(file, tmp_path, capsys):
    assert main(["render", str(file), "--out", str(tmp_path / "x.npy"), "--device", "cpu"]) == 0
    model = compressed.load(file)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), predict(model, model.lattice))
    file.write_bytes(file.read_bytes()[:-9])
    assert main(["render", str(file), "--out", str(tmp_path / "x.npy"), "--device", "cpu"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    file.unlink()
    os.mkfifo(file)  # nobody will ever write to it
    assert main(["render", str(file), "--out", str(tmp_path / "x.npy"), "--device", "cpu"]) == 2


def test_a_model_without_a_row_is_compared_with_its_own_answer(tmp_path, capsys):
    checkpoint.save(build(), tmp_path / "m.safetensors")
    assert main(["compress", str(tmp_path / "m.safetensors"), "--bits", "4", "8", "4", "32", "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    assert "the model's own answer before compression: no row lies beside it" in text
    lines = [line.split() for line in text.splitlines() if re.match(r" +\d+ +[\d,]+ ", line)]
    assert [line[0] for line in lines] == ["4", "8", "32"]
    for line in lines:
        size = (tmp_path / f"m-{line[0]}.coded").stat().st_size
        assert int(line[1].replace(",", "")) == size
        assert float(line[2]) == pytest.approx(8 * size / 130, abs=1e-3)
    psnr = [float(line[3]) for line in lines]
    assert psnr[0] < psnr[1] < psnr[2]
    assert psnr[2] > 100
    assert checkpoint.load(tmp_path / "m.safetensors").drawn_from == SEED


def test_a_file_that_cannot_be_written_is_one_line(tmp_path, capsys):
    checkpoint.save(build(), tmp_path / "m.safetensors")
    (tmp_path / "m-8.coded").mkdir()
    assert main(["compress", str(tmp_path / "m.safetensors"), "--bits", "8", "--device", "cpu"]) == 2
    assert re.fullmatch(r"error: cannot write '.*m-8\.coded': .*\n", capsys.readouterr().err)


def test_a_file_of_other_values_is_not_replaced(tmp_path, capsys):
    """A run leaves one of values that saw quantised ones under the name that `compress` gives."""
    checkpoint.save(build(), tmp_path / "m.safetensors")
    line = ["compress", str(tmp_path / "m.safetensors"), "--bits", "8", "--device", "cpu"]
    assert (main(line), main(line)) == (0, 0), "the same file"
    (tmp_path / "m-8.coded").write_bytes(b"other")
    capsys.readouterr()
    assert main(line) == 2
    said = r"error: '.*m-8\.coded' is there and holds other values; delete it, or choose another folder with --to\n"
    assert re.fullmatch(said, capsys.readouterr().err)
    assert (tmp_path / "m-8.coded").read_bytes() == b"other"


def test_several_models_are_compressed_at_once(tmp_path, capsys):
    (tmp_path / "other").mkdir()
    paths = [tmp_path / "a.safetensors", tmp_path / "b.v2.safetensors", tmp_path / "other" / "a.safetensors"]
    names = ("Siren", "Grid", "GAPlane")
    for path, name in zip(paths, names, strict=True):
        checkpoint.save(build(name), path)
    line = ["compress", *map(str, paths), "--bits", "6", "8", "--device", "cpu"]
    assert main(line) == 0
    found = re.findall(r"^(\S+): (\w+), |^ +(\d+) +([\d,]+) ", capsys.readouterr().out, re.MULTILINE)
    assert [pair[:2] for pair in found[::3]] == [(path.name, name) for path, name in zip(paths, names, strict=True)]
    for index, path in enumerate(paths):
        for _, _, bits, size in found[3 * index + 1 : 3 * index + 3]:
            assert path.with_name(f"{path.stem}-{bits}.coded").stat().st_size == int(size.replace(",", ""))

    assert main([*line, "--to", str(tmp_path / "other")]) == 2
    assert re.fullmatch(r"error: '.*a.safetensors' and '.*a.safetensors' would both .*\n", capsys.readouterr().err)

    for path in tmp_path.rglob("*.coded"):
        path.unlink()
    assert main(["compress", str(tmp_path), "--bits", "8", "--device", "cpu"]) == 0, "of a folder all in it"
    assert {path.name for path in tmp_path.rglob("*.coded")} == {"a-8.coded", "b.v2-8.coded"}
    line = ["compress", str(paths[0]), "--bits", "8", "--device", "cpu", "--config", str(tmp_path / "absent.json")]
    assert main(line) == 2
    assert "cannot read the settings file" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["compress", str(tmp_path / "empty"), "--bits", "8", "--device", "cpu"]) == 2
    assert re.fullmatch(r"error: no \.safetensors file in the folder '.*empty'; run.py .*\n", capsys.readouterr().err)


def test_rows_of_a_run_hold_rates_that_compress_gives_again(make_trial, tmp_path, capsys):
    names, changes = ("FourFeat", "BlockDCT"), {"length": 32, "budget": 7000, "steps": 5, "bits": (6, 32)}
    trials = [make_trial(name, "Sierpinski", **changes) for name in names]
    run_trials.execute(trials, run_trials.RunOptions(tmp_path, torch.device("cpu"), save_models=True))
    for trial in trials:
        assert trial.key == dataclasses.replace(trial, bits=()).key
        store = Store(tmp_path, trial.folder)
        row = store.read(trial.key)
        rates = row["rates"]
        assert [rate["bits"] for rate in rates] == [6, 32]
        assert rates[1]["psnr"] == pytest.approx(row["psnr"], abs=1e-3)
        assert rates[0]["bytes"] < rates[1]["bytes"] / 2
        capsys.readouterr()
        assert main(["compress", str(store.model_path(trial.key)), "--bits", "6", "--device", "cpu"]) == 0
        text = capsys.readouterr().out
        assert "PSNR against Sierpinski, task fit\n" in text
        found = text.splitlines()[-3].split()
        assert (found[1], found[3]) == (f"{rates[0]['bytes']:,}", f"{rates[0]['psnr']:.2f}")


def test_bits_a_sample_are_over_the_lattice_that_is_scored(make_trial, tmp_path, capsys):
    """Of super-resolution that is the finer one, as in `rates` and a verdict."""
    trial = make_trial("Grid", "SampleImages", task="super_resolution", item="astronaut", length=32, steps=2)
    run_trials.execute([trial], run_trials.RunOptions(tmp_path, torch.device("cpu"), save_models=True))
    path = Store(tmp_path, trial.folder).model_path(trial.key)
    assert main(["compress", str(path), "--bits", "8", "--device", "cpu"]) == 0
    *_, line, _, _ = capsys.readouterr().out.splitlines()
    bytes_, bits_a_sample = line.split()[1:3]
    assert float(bits_a_sample) == pytest.approx(8 * int(bytes_.replace(",", "")) / 32**2, abs=1e-4)


def test_a_rate_says_how_long_coding_and_decoding_took():
    model, start = build(), time.perf_counter()
    rate, data = measure(model, 8, model.lattice, lambda answer: 12.5)
    elapsed = time.perf_counter() - start
    assert (rate["bits"], rate["bytes"], rate["psnr"], rate["quantised_passes"]) == (8, len(data), 12.5, 0)
    assert min(rate["encode_seconds"], rate["decode_seconds"]) > 0
    assert rate["encode_seconds"] + rate["decode_seconds"] <= elapsed


@pytest.mark.parametrize("bits", ["1", "17", "eight"])
def test_other_bits_are_one_line(file, capsys, bits):
    assert main(["compress", str(file), "--bits", bits]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_what_is_compressed_already_is_one_line(file, capsys):
    assert main(["compress", str(file), "--bits", "8"]) == 2
    assert "is compressed already; give the .safetensors file" in capsys.readouterr().err


def test_a_file_that_cannot_be_scored_against_is_a_mistake(tmp_path, capsys):
    checkpoint.save(build(), tmp_path / "m.safetensors")
    line = ["compress", str(tmp_path / "m.safetensors"), "--bits", "8", "--device", "cpu", "--file", "photo.png"]
    assert main(line) == 2
    assert "cannot be scored against 'photo.png': no row lies beside it; give the file" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.coded"))
