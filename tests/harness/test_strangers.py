"""Whatever other people send, files and command lines alike: an answer in words, never a traceback, never a hang.

A few hundred cases each; HYPOTHESIS_PROFILE=nightly in the environment makes them thousands (tests/conftest.py).
Pictures and volumes have the same in tests/target_signals/test_strange_files.py.
"""

import contextlib
import copy
import dataclasses
import io
import json
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import models
from common.errors import UsageError
from common.files import Unfit
from common.lattice import Lattice
from harness import __main__ as verbs
from harness.commands import run as run_command
from harness.execution import run_trials
from harness.plan.config import DEFAULT_CONFIG, load_config
from harness.plan.make_plan import make_plan
from harness.plan.model_settings import check_models, model_names, model_settings
from harness.plan.replay import trial_of
from harness.plan.source import choose_source
from harness.store.names import array_path
from harness.store.read_row import parse_text
from harness.store.residual import encode, load_residual
from harness.store.store import Store
from harness.store.table import load
from harness.train import checkpoint, compressed

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["", "../../x", "/etc/passwd", ".", "a" * 3000, "\x1b[2J", "\udcff", "Grid", "ok", "1e4", "-1", "nan", "{}", "%s"]
)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20),
    st.integers(-5, 5000),
    st.floats(),
    st.sampled_from([10**400, -(10**400), 1e308, -0.0, 2**63, 0.1, 1e15]),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
JSON = st.recursive(LEAVES, lambda x: st.lists(x, max_size=4) | st.dictionaries(TEXTS, x, max_size=4), max_leaves=8)


def dump(value):
    """JSON as Python and careless programs write it: NaN, lone surrogates and all."""
    return json.dumps(value, indent=1).encode()


@st.composite
def mutated(draw, data):
    """A JSON value with one to three of its parts replaced, taken away or added."""
    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        node = data
        while True:
            inner = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not inner:
                break
            at = draw(st.sampled_from(inner))
            if isinstance(node[at], dict | list) and draw(st.booleans()):
                node = node[at]
                continue
            if draw(st.integers(0, 3)) == 0:
                del node[at]
            else:
                node[at] = draw(JSON)
            break
        if isinstance(node, dict) and draw(st.integers(0, 4)) == 0:
            node[draw(TEXTS)] = draw(JSON)
    return data


@st.composite
def damaged(draw, content):
    """A file's bytes, cut off or with some of them changed."""
    content = bytearray(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)
    for _ in range(draw(st.integers(0, 4))):
        if content:
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


@contextlib.contextmanager
def terminal():
    """Standard output and error as a shell gives them, in UTF-8, and what was written to them."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", "strict")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err
        out.flush(), err.flush()


def answer(main, arguments):
    """The exit code of a command, after what every answer must be."""
    with terminal() as (_, err):
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as end:  # --help
            code = end.code
    said = err.buffer.getvalue().decode().splitlines()
    assert code in (0, 1, 2), said
    errors = [line for line in said if line.startswith("error: ")]
    assert len(errors) == (code == 2), said
    return code


# Settings

SHIPPED = json.loads(DEFAULT_CONFIG.read_text())


@given(mutated(SHIPPED).map(dump) | damaged(DEFAULT_CONFIG.read_bytes()) | JSON.map(dump), st.data())
@settings(FUZZ, max_examples=max(300, settings.default.max_examples))
def test_any_settings_file(tmp_path, content, data):
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    given_settings = data.draw(st.lists(st.builds("{}={}".format, TEXTS, TEXTS), max_size=2))
    message = ""
    try:
        config = load_config(path, given_settings)
        check_models(config)
        for name in config.presets:
            config.preset(name, "Sierpinski", 2)
        smoke = config.preset("smoke", "Sierpinski", 2)
        make_plan(config, choose_source("Sierpinski", 2), ["fit"], smoke, model_names(config))
    except UsageError as error:
        message = str(error)
    assert len(message.splitlines()) <= 1


def test_settings_without_end():
    with pytest.raises(UsageError, match=r"^the settings file '/dev/zero' has more than 16,777,216 bytes"):
        load_config("/dev/zero")


# The command line

VALUES = st.one_of(
    TEXTS, NUMBERS.map(str), st.sampled_from(["Grid", "Siren", "Sierpinski", "smoke", "2", "cpu", "0.5"])
)
OPTIONS = {
    "--signal": st.sampled_from(["Sierpinski", "BandlimitedSignal", "DIV2K", "Dragon", "UserFile"]) | VALUES,
    "--dim": st.sampled_from(["2", "3"]) | VALUES,
    "--task": st.sampled_from(["fit", "denoise", "ct", "super_resolution"]) | VALUES,
    "--items": st.sampled_from(["0064", "surface"]) | VALUES,
    "--preset": st.sampled_from(["smoke", "quick"]) | VALUES,
    "--models": st.sampled_from(["Grid", "GSplat", "all"]) | VALUES,
    "--sizes": VALUES,
    "--bandlimits": VALUES,
    "--seeds": VALUES,
    "--signal-seeds": VALUES,
    "--steps": VALUES,
    "--length": VALUES,
    "--device": st.sampled_from(["cpu", "cuda:7"]) | VALUES,
    "--backend": st.sampled_from(["torch", "triton"]) | VALUES,
    "--precision": st.sampled_from(["fp32", "tf32"]) | VALUES,
    "--set": st.builds(
        "{}={}".format, st.sampled_from(["Siren.lr", "presets.smoke.steps", "protocol"]) | TEXTS, VALUES
    ),
    "--out": VALUES,
    "--config": VALUES,
    "--list": st.nothing(),
    "--force": st.nothing(),
    "--help": st.nothing(),
}


@st.composite
def command_lines(draw):
    line = ["--dry-run"]
    for name in draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=5)):
        values = [] if OPTIONS[name].is_empty else draw(st.lists(OPTIONS[name], min_size=1, max_size=2))
        line += [name, *values]
    return line + draw(st.lists(VALUES, max_size=1))


@given(command_lines())
@FUZZ
def test_any_command_line(tmp_path, line):
    assert (
        answer(run_command.main, ["--signal", "Sierpinski", "--preset", "smoke", "--out", tmp_path / "out", *line]) != 1
    )
    assert not (tmp_path / "out").exists()


# Rows


@pytest.fixture
def whole_row(make_row):
    """A row in which every part of the schema has a value, for mutations to change."""
    rates = [{"bits": 8, "bytes": 900, "psnr": 14.0, "encode_seconds": 0.1, "decode_seconds": 0.1}]
    return make_row(rates=rates, psnr_rings=[1.0, None], residual_sha256="0" * 64)


@given(st.data())
@FUZZ
def test_any_rows(tmp_path, whole_row, data):
    """Everything that reads rows: status, table in every format, the loaded table, names of files, trials again."""
    store = Store(tmp_path / "out", "2d_Sierpinski")
    store.row_path("a").parent.mkdir(parents=True, exist_ok=True)
    some = mutated(whole_row).map(dump) | damaged(dump(whole_row)) | JSON.map(dump)
    for key in ("a", "b"):
        store.row_path(key).write_bytes(data.draw(some, label=key))
    store.row_path("c").write_bytes(dump(whole_row))
    assert answer(verbs.main, ["status", "--out", tmp_path / "out"]) == 0
    form = data.draw(st.sampled_from(["md", "csv", "latex", "parquet"]))
    line = [
        "table",
        "--out",
        tmp_path / "out",
        "--format",
        form,
        "--by",
        data.draw(st.sampled_from(["model,size", "seed"])),
    ]
    answer(verbs.main, [*line, "--rows"] if form == "csv" and data.draw(st.booleans()) else line)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = load(tmp_path / "out")
    assert 1 <= len(table) <= 3
    config = load_config()
    for key in ("a", "b"):
        try:
            row = parse_text(store.row_path(key).read_bytes())
        except ValueError:
            continue
        assert array_path(tmp_path, row).resolve().is_relative_to(tmp_path.resolve())
        with contextlib.suppress(UsageError):
            trial_of(row, config)


@given(st.data())
@settings(FUZZ, max_examples=max(5, settings.default.max_examples // 20))
def test_any_rows_make_a_page_and_merge(tmp_path, whole_row, data):
    signal = data.draw(st.sampled_from(["Sierpinski", "UserFile"]))
    row = whole_row | {"signal": signal, "parameters": 2400, "item": "a.png-01234567"}
    store = Store(tmp_path / "out", f"2d_{signal}")
    store.row_path("a").parent.mkdir(parents=True, exist_ok=True)
    store.row_path("a").write_bytes(data.draw(mutated(row).map(dump)))
    store.row_path("c").write_bytes(dump(row))
    assert answer(verbs.main, ["report", "--out", tmp_path / "out"]) == 0
    answer(verbs.main, ["merge", tmp_path / "out", "--out", tmp_path / "merged"])
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "merged"}


VERBS = ["status", "table", "report", "verify", "merge", "render", "compress", "rates"]
VERB_OPTIONS = st.sampled_from(
    ["--out", "--by", "--most", "--shape", "--to", "--metric", "--models", "--sizes", "--bits", "--file", "--help"]
)


@given(st.sampled_from(VERBS), st.lists(VALUES | VERB_OPTIONS | st.just("."), max_size=5))
@FUZZ
def test_any_words_after_a_verb(tmp_path, monkeypatch, verb, words):
    """In an empty folder, where there is nothing that they could do."""
    empty = tmp_path / "a" / "b" / "c"
    empty.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(empty)
    assert answer(verbs.main, [verb, *words]) in (0, 2)
    assert {path.name for path in tmp_path.rglob("*")} <= {"a", "b", "c", "index.html"}


# Saved and compressed models, and rates

FEW = settings(FUZZ, max_examples=max(10, settings.default.max_examples // 4))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, config):
    """A folder with rows that have rates and, beside them, models, of three kinds: a network, one with frozen values
    that its seed gives, and one with positions. And each of them compressed, by the model's name."""
    pytest.importorskip("constriction")
    out = tmp_path_factory.mktemp("fitted")
    preset = dataclasses.replace(config.preset("smoke", "Sierpinski", 2), sizes=(7000,), bandlimits=(0.5,), steps=3)
    source = choose_source("Sierpinski", 2)
    trials = make_plan(config, source, ["fit"], preset, ["Siren", "FourFeat", "BlockDCT"])
    trials = [dataclasses.replace(trial, bits=(4,)) for trial in trials]
    run_trials.execute(trials, run_trials.RunOptions(out, torch.device("cpu"), save_models=True))
    models = {trial.model: Store(out, trial.folder).model_path(trial.key) for trial in trials}
    return models, {name: compressed.encode(checkpoint.load(path), 6) for name, path in models.items()}


@st.composite
def coded(draw, content):
    """A compressed model, damaged, or with another header that is as a header is."""
    if draw(st.booleans()):
        return draw(damaged(content))
    length = struct.unpack_from("<I", content, 4)[0]
    header = draw(mutated(json.loads(zlib.decompress(content[16 : 16 + length]))))
    text = zlib.compress(dump(header))
    return content[:4] + struct.pack("<I", len(text)) + content[8:16] + text + content[16 + length :]


@given(st.data())
@FEW
def test_any_compressed_model(tmp_path, fitted, data):
    """Rendering it; `compress`, which wants a saved model, refuses it whole or not."""
    name = data.draw(st.sampled_from(["Siren", "FourFeat", "BlockDCT"]))
    path, out = tmp_path / "m.coded", tmp_path / "x.npy"
    path.write_bytes(data.draw(coded(fitted[1][name])))
    shape = [] if name == "BlockDCT" else ["--shape", 4, 4]
    assert answer(verbs.main, ["render", path, "--out", out, "--device", "cpu", *shape]) in (0, 2)
    assert answer(verbs.main, ["compress", path, "--device", "cpu"]) == 2


@st.composite
def saved(draw, content):
    """A saved model, damaged, or with another header that is as a header is."""
    if draw(st.booleans()):
        return draw(damaged(content))
    length = struct.unpack_from("<Q", content)[0]
    header = json.loads(content[8 : 8 + length])
    about = draw(mutated(json.loads(header["__metadata__"]["representation"])))
    header["__metadata__"]["representation"] = json.dumps(about)
    text = dump(header)
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


@given(st.data())
@FEW
def test_any_saved_model_and_the_row_beside_it(tmp_path, fitted, data):
    path = fitted[0][data.draw(st.sampled_from(["Siren", "FourFeat", "BlockDCT"]))]
    content = path.read_bytes()
    beside = fitted[0][data.draw(st.sampled_from(["Siren", "BlockDCT"]))]
    row = (beside.parent.parent / "rows" / f"{beside.stem}.json").read_bytes()
    for folder in ("models", "rows"):
        (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / "models" / "m.safetensors").write_bytes(data.draw(st.just(content) | saved(content)))
    (tmp_path / "rows" / "m.json").write_bytes(data.draw(mutated(json.loads(row)).map(dump) | damaged(row)))
    line = ["compress", tmp_path / "models" / "m.safetensors", "--bits", 4, 32, "--device", "cpu"]
    assert answer(verbs.main, line) in (0, 2)
    assert {path.name for path in tmp_path.rglob("m*.*")} <= {"m.safetensors", "m.json", "m-4.coded", "m-32.coded"}


@given(st.data())
@settings(FUZZ, max_examples=max(5, settings.default.max_examples // 20))
def test_any_rates(tmp_path, fitted, data):
    store = Store(tmp_path / "out", "2d_Sierpinski")
    store.row_path("a").parent.mkdir(parents=True, exist_ok=True)
    path = fitted[0]["Siren"]
    row = json.loads((path.parent.parent / "rows" / f"{path.stem}.json").read_bytes())
    rates = data.draw(mutated({"rates": row["rates"]}))
    store.row_path("a").write_bytes(dump(row | rates if data.draw(st.booleans()) else data.draw(mutated(row))))
    assert answer(verbs.main, ["rates", "--out", tmp_path / "out"]) in (0, 2)


def test_a_row_of_another_model_scores_nothing(tmp_path, fitted, config, capsys):
    """Such as of a signal with other channels, or of another model's fit."""
    path = fitted[0]["Siren"]
    row = (path.parent.parent / "rows" / f"{path.stem}.json").read_bytes()
    for folder in ("models", "rows"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rows" / "m.json").write_bytes(row)
    lattice, cls = Lattice.regular((6, 5, 4)), models.get_model("Siren")
    other = cls(model_settings(config, "Siren", "image", 7000), lattice, 2, 8)
    other.initialise(torch.Generator().manual_seed(0))
    checkpoint.save(other, tmp_path / "other.safetensors")
    for saved_model in (tmp_path / "other.safetensors", fitted[0]["BlockDCT"]):
        (tmp_path / "models" / "m.safetensors").write_bytes(saved_model.read_bytes())
        (tmp_path / "models" / "m-8.coded").unlink(missing_ok=True)
        line = ["compress", str(tmp_path / "models" / "m.safetensors"), "--bits", "8", "--device", "cpu"]
        assert verbs.main(line) == 0
        assert "the model's own answer before compression: the row beside it is of another" in capsys.readouterr().out


def test_a_small_file_that_promises_millions_of_values_is_refused_before_they_are_made(tmp_path, config):
    pytest.importorskip("constriction")
    settings = model_settings(config, "Grid", "image", 10_000)
    lattice = Lattice.regular((8, 8))
    model = models.get_model("Grid")(settings, lattice, 1, 4000)
    model.initialise(torch.Generator().manual_seed(0))  # all values alike, so that the file has some hundred bytes
    path = tmp_path / "m.coded"
    path.write_bytes(compressed.encode(model, 8))
    assert path.stat().st_size < 1000
    with pytest.raises(UsageError, match=r"asks for 16,000,000 values, and of \d+ bytes at most 4,194,304"):
        compressed.load(path)


# Arrays

RESIDUAL = encode(np.linspace(-1, 1, 24 * 24, dtype=np.float32).reshape(24, 24, 1))


@given(damaged(RESIDUAL) | st.binary(max_size=200), st.none() | st.lists(NUMBERS, max_size=4))
@FUZZ
def test_any_array(tmp_path, content, shape):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    row = {"shape": None} if shape is None else {"shape": [int(n) for n in shape if -9e9 < n < 9e9]}
    with contextlib.suppress(Unfit):
        assert load_residual(path, row).shape == (24, 24, 1)


@given(st.data())
def refuse(large, data):
    data.draw(st.booleans())
    raise ValueError("the reason")


def test_a_failure_is_told_however_large_what_the_test_was_given_is():
    """And not Hypothesis' own warning of it, which ends the last repetition before anything is drawn: that would be
    reported as a strategy that is defined otherwise each time."""
    with pytest.raises(ValueError, match="the reason"):
        refuse(bytes(100_000))


def test_the_profile_of_the_night_has_ten_thousand_cases():
    nightly = settings.get_profile("nightly").max_examples
    assert 4 * nightly >= 10_000
