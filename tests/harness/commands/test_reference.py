"""`python -m harness reference`: from the order of want to files of rows, at a tiny size."""

import json
import re

import pytest

from common.errors import UsageError
from harness import __main__ as verbs
from harness.analysis.published import TABLES, table_of
from harness.commands import run as run_command
from harness.execution import fill, run_trials
from harness.plan import reference, want
from harness.plan.config import DEFAULT_CONFIG, load_config
from harness.store.parquet import read_rows, write_rows
from harness.store.scan import gather

LOOSE = {"seconds", "ms_per_update", "ms_per_pass", "ready_seconds", "processor_seconds", "load_at_start", "started"}
LOOSE |= {"peak_memory_bytes", "curve"}
TIMES = (*LOOSE, "commit")
WANT = {"group": "x", "preset": "smoke", "device": "cpu", "experiments": "band"}


@pytest.fixture
def settings(tmp_path):
    """Write a settings file whose reference is some trials of the smoke preset; lr: of the Grid."""

    def write(lr=0.1, **changes):
        data = json.loads(DEFAULT_CONFIG.read_text())
        data["protocol"] |= {"models": ["Grid", "BlockDCT"], "newer": ["Finer"]}
        data["models"]["Grid"]["lr"] = lr
        want = {"preset": "smoke", "device": "cpu"}
        data["reference"] = {
            "experiments": {"band": ["2d_Sierpinski"], "image": ["2d_DIV2K"]},
            "order": [
                want | {"group": "small", "experiments": "band", "sizes": [500]},
                want | {"group": "every size", "experiments": "band", "sizes": [400, 500]},
                want | {"group": "newer", "experiments": "band", "sizes": [500], "models": "newer"},
                want | {"group": "on a GPU", "experiments": "band", "device": "cuda"},
                want | {"group": "images", "experiments": "image", "sizes": [500]},
            ],
        }
        data["reference"] |= changes
        path = tmp_path / "settings.json"
        path.write_text(json.dumps(data))
        return path

    return write


@pytest.fixture
def ask(settings, tmp_path, capsys, monkeypatch):
    """Run the verb with the folder `reference` here; its output."""
    monkeypatch.setattr(want, "FOLDER", tmp_path / "reference")
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path))
    reference.not_at_hand.cache_clear()
    settings()

    def run(*words, code=0):
        device = ["--device", "cpu"] if {"--fill", "--verify"} & {*words} else []
        line = ["reference", *device, "--config", tmp_path / "settings.json", *words]
        assert verbs.main([*map(str, line)]) == code
        return capsys.readouterr()

    yield run
    reference.not_at_hand.cache_clear()


def counts(text, group):
    """What the table says of a group: trials, there, without data, missing."""
    (line,) = [line for line in text.splitlines() if line.startswith(group)]
    return [int(word) for word in line.removeprefix(group).split()[1:5]]


def test_what_is_missing_is_run_once_and_kept_as_run_py_leaves_it(ask, tmp_path, capsys, monkeypatch):
    before = ask().out
    assert counts(before, "small") == [2, 0, 0, 2]
    assert counts(before, "every size") == [2, 0, 0, 2]  # the others stand in the group before
    assert counts(before, "images") == [2, 0, 2, 0]
    assert re.search(r"^images +smoke .*cpu: nothing that can run here$", before, re.M)
    assert "DIV2K 0064: 'div2k/lr_x4/0064x4.png' not found" in before
    assert not (tmp_path / "reference").exists()

    said = ask("--fill", "--minutes", 9).out
    assert said.index("Grid 500") < said.index("Grid 400") < said.index("Finer 500")
    assert "5 rows added, 0 dropped; 5 now" in said
    rows = read_rows(tmp_path / "reference" / "smoke.parquet")
    words = ["--signal", "Sierpinski", "--preset", "smoke", "--device", "cpu", "--out", str(tmp_path / "out")]
    words += ["--config", str(tmp_path / "settings.json"), "--models", "Grid", "--sizes", "400", "500"]
    assert run_command.main(words) == 0
    for one in gather(tmp_path / "out").stored:
        same = rows[one.store.folder.name, one.key]
        assert same["residual_sha256"] is None, "no residual is kept, so none is made"
        others = {n: v for n, v in one.row.items() if n not in (*TIMES, "residual_sha256")}
        assert {n: same[n] for n in others} == others
        assert same["commit"] == one.row["commit"]
    capsys.readouterr()

    after = ask("--fill").out
    assert "\n0 trials to run on cpu, into " in after
    assert "; missing besides: 2 on cuda\n" in after
    assert counts(after, "small") == [2, 2, 0, 0]
    assert re.search(r"^small +smoke .*cpu: nothing to do$", after, re.M)
    assert counts(after, "on a GPU") == [2, 0, 0, 2]


def test_workers_fill_it_as_well_and_write_where_they_are_told(ask, tmp_path):
    said = ask("--fill", "--workers", 2, "--out", tmp_path / "elsewhere").out
    assert "5 rows added" in said
    assert not (tmp_path / "reference").exists()
    assert len(read_rows(tmp_path / "elsewhere" / "smoke.parquet")) == 5
    assert "0 trials to run" in ask("--fill", "--out", tmp_path / "elsewhere").out


@pytest.fixture
def in_bits(settings):
    """Write the order of want with bits: some trials without, then some of them and others in bits. swapped: the other
    way round."""

    def write(swapped=False):
        want = {"preset": "smoke", "device": "cpu", "experiments": "band"}
        plain = [want | {"group": "plain", "sizes": [400, 500]}]
        coded = [want | {"group": "bits", "sizes": [500, 600], "bits": [6, 8]}]
        coded += [want | {"group": "exact", "sizes": [500], "bits": [32]}]
        settings(order=coded + plain if swapped else plain + coded)

    return write


def test_rows_without_the_rates_that_are_wanted_are_replaced_by_the_same_with_them(ask, in_bits, tmp_path):
    pytest.importorskip("constriction")
    path = tmp_path / "reference" / "smoke.parquet"
    ask("--fill")
    before = read_rows(path)
    assert all(row["rates"] is None for row in before.values())
    in_bits()
    said = ask().out
    assert counts(said, "plain") == [4, 4, 0, 0], "what wants no bits is content with rows without"
    assert counts(said, "bits") == [4, 0, 0, 4]
    assert counts(said, "exact") == [2, 0, 0, 2]
    assert "4 trials to run" in (said := ask("--fill").out)
    assert "2 rows added, 2 replaced, 1 dropped; 6 now" in said
    rows = read_rows(path)
    for (folder, key), row in rows.items():
        bits = [] if row["size"] == 400 else [6, 8, 32] if row["size"] == 500 else [6, 8]
        assert [rate["bits"] for rate in row["rates"] or ()] == bits
        same = before.get((folder, key))
        if same is not None and bits:
            kept = {name: same[name] for name in same if name not in (*TIMES, "rates", "operations")}
            assert {name: row[name] for name in kept} == kept
    said = ask("--fill").out
    assert "0 trials to run" in said
    assert counts(said, "plain") == [4, 4, 0, 0]
    assert counts(said, "bits") == [4, 4, 0, 0]
    assert counts(said, "exact") == [2, 2, 0, 0]


def test_a_trial_that_is_wanted_in_bits_later_is_run_so_at_once(ask, in_bits):
    pytest.importorskip("constriction")
    in_bits()
    assert "6 trials to run" in ask("--fill").out
    in_bits(swapped=True)
    said = ask("--fill").out
    assert "0 trials to run" in said
    assert counts(said, "bits") == [4, 4, 0, 0]
    assert counts(said, "plain") == [4, 4, 0, 0]


def test_workers_run_a_trial_in_all_bits_that_it_is_wanted_in(ask, in_bits, tmp_path):
    in_bits()
    order = reference.groups(load_config(tmp_path / "settings.json"))
    options = fill.parse(["--config", str(tmp_path / "settings.json"), "--out", "x"])
    planned = {trial.key: trial for trial in fill.possible(options)}
    told = list(reference.missing(order, {}, "cpu"))
    assert [planned[trial.key] for trial in told] == told
    assert {trial.budget: trial.bits for trial in told} == {400: (), 500: (6, 8, 32), 600: (6, 8)}


def test_trials_that_cannot_have_rates_are_not_run_for_ever(ask, in_bits, tmp_path):
    pytest.importorskip("constriction")
    in_bits()
    ask("--fill", "--models", "BlockDCT")
    path = tmp_path / "reference" / "smoke.parquet"
    write_rows(path, {name: row | {"status": "diverged", "rates": None} for name, row in read_rows(path).items()})
    assert counts(ask("--models", "BlockDCT").out, "bits") == [2, 2, 0, 0]


def test_without_a_coder_the_one_line_says_what_to_install(ask, in_bits, monkeypatch):
    in_bits()
    monkeypatch.setattr("harness.train.coder.is_here", lambda: False)
    assert "pip install -e '.[bits]'" in ask("--fill", code=2).err


def test_an_interruption_loses_the_trial_in_flight_alone(ask, tmp_path, monkeypatch):
    run_trial, started = run_trials.run_trial, []

    def stop_at_the_third(trial, *more):
        started.append(trial)
        if len(started) == 3:
            raise KeyboardInterrupt
        return run_trial(trial, *more)

    monkeypatch.setattr(run_trials, "run_trial", stop_at_the_third)
    assert "run the same command again" in ask("--fill", code=130).err
    kept = read_rows(tmp_path / "reference" / "smoke.parquet")
    assert len(kept) == 2
    ask("--fill")
    rows = read_rows(tmp_path / "reference" / "smoke.parquet")
    assert len(rows) == 5
    assert all(rows[name] == row for name, row in kept.items())
    assert len(started) == 2 + 1 + 3


def test_rows_are_written_while_others_run(ask, tmp_path, monkeypatch):
    run_trial, seen = run_trials.run_trial, []

    def look(trial, *more):
        path = tmp_path / "reference" / "smoke.parquet"
        seen.append(len(read_rows(path)))
        return run_trial(trial, *more)

    monkeypatch.setattr(run_trials, "run_trial", look)
    monkeypatch.setattr(fill, "SELDOM", 0)
    ask("--fill")
    assert seen == [0, 1, 2, 3, 4]


def test_rows_of_other_settings_are_named_and_dropped(ask, settings, tmp_path):
    ask("--fill")
    settings(lr=0.2)
    said = ask().out
    assert "stale rows" in said
    assert counts(said, "small") == [2, 1, 0, 1]
    assert said.count("which are") == 2
    said = ask("--fill").out
    assert "2 rows added, 2 dropped; 5 now" in said
    rows = read_rows(tmp_path / "reference" / "smoke.parquet")
    assert {row["settings"]["lr"] for row in rows.values() if row["model"] == "Grid"} == {0.2}

    settings(lr=0.2, order=[])
    assert "nothing wants it any more" in ask("--fill").out
    assert read_rows(tmp_path / "reference" / "smoke.parquet") == {}


def test_some_rows_are_repeated(ask, tmp_path):
    ask("--verify", 2, code=2)
    ask("--fill")
    said = ask("--verify", 2).out
    assert said.index("2 trials to run again: about ") < said.index("2 of 2 rows were given again")
    path = tmp_path / "reference" / "smoke.parquet"
    write_rows(path, {name: row | {"psnr": row["psnr"] + 1} for name, row in read_rows(path).items()})
    assert "0 of 2 rows were given again" in ask("--verify", 2, code=1).out


def test_a_deadline_ends_the_visit(ask):
    assert "0 rows added" in ask("--fill", "--minutes", 1e-9).out
    assert "--minutes: must be more than 0" in ask("--fill", "--minutes", 0, code=2).err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--minutes", 9], "--minutes has no meaning with --status; give it with --fill or --verify"),
        (["--status", "--device", "cpu"], "--device has no meaning with --status; give it with --fill or --verify"),
        (["--verify", 2, "--workers", 2], "--workers has no meaning with --verify; give it with --fill"),
        (["--check", "--models", "Grid"], "--models has no meaning with --check; give it with --status or --fill or"),
    ],
)
def test_an_option_that_would_not_be_read_is_refused(ask, words, says):
    said = ask(*words, code=2)
    assert (said.out, says in said.err, len(said.err.splitlines())) == ("", True, 1)


def test_a_file_is_no_place_for_files(ask, tmp_path):
    (tmp_path / "photo.png").write_bytes(b"")
    assert "photo.png' is a file; give a folder" in ask("--out", tmp_path / "photo.png", code=2).err


def test_a_folder_without_rows_does_not_pass_the_check(ask, tmp_path):
    said = ask("--check", "--out", tmp_path / "misspelt", code=2)
    assert "misspelt' has no Parquet file with rows; give a folder of such files with --out" in said.err


def test_a_file_that_holds_no_rows_is_one_line(ask, tmp_path):
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "smoke.parquet").write_text("nothing")
    assert "cannot read rows from" in ask(code=2).err


def test_an_older_settings_file_wants_nothing(settings):
    path = settings()
    data = json.loads(path.read_text())
    del data["reference"]
    path.write_text(json.dumps(data))
    assert reference.groups(load_config(path)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"experiments": {"band": ["Sierpinski"]}}, "each is like 2d_Sierpinski"),
        ({"experiments": {}}, "there are no experiments 'band'"),
        ({"order": [{"group": "x"}]}, "the key 'preset' is missing"),
        ({"order": [WANT | {"bits": [8, 1]}]}, "bits: each is 2 to 16, or 32, got \\[8, 1\\]"),
    ],
)
def test_a_wrong_order_of_want_is_one_line(settings, change, words):
    with pytest.raises(UsageError, match=words):
        load_config(settings(**change))


def test_the_shipped_order_has_every_published_score_once(config, monkeypatch):
    """With originals at hand, of which the tables of super-resolution are."""
    monkeypatch.setattr("target_signals.div2k.DIV2K.has_finer", classmethod(lambda cls, item: True))
    monkeypatch.setattr("target_signals.dragon.Dragon.has_finer", classmethod(lambda cls, item: True))
    published = [group for group in reference.groups(config) if group.name.startswith("a")]
    trials = [trial for group in published for trial in group.trials]
    planned = {(t.signal, task, t.item, t.model, t.budget) for t in trials for task in t.scored}
    for signal, item, task in TABLES:
        items = [item] if item else sorted({t.item for t in trials if t.signal == signal})
        for model, size in table_of(signal, item, task).scores:
            assert all((signal, task, one, model, size) in planned for one in items), (signal, task, model, size)
    assert len(planned) == sum(len(trial.scored) for trial in trials)


def test_items_that_the_preset_leaves_out_can_be_wanted(ask, settings):
    """Of which those that it has stand in the group before."""
    one = {"preset": "smoke", "device": "cpu", "experiments": "image", "sizes": [500]}
    order = [one | {"group": "first"}, one | {"group": "more", "items": ["astronaut", "coffee", "rocket"]}]
    settings(experiments={"image": ["2d_SampleImages"]}, order=order)
    said = ask().out
    assert counts(said, "first") == [2, 0, 0, 2]
    assert counts(said, "more") == [4, 0, 0, 4]
    order[1]["items"] = ["camera"]
    settings(experiments={"image": ["2d_SampleImages"]}, order=order)
    assert "'camera'" in ask(code=2).err


def test_tuned_rows_are_wanted_where_a_search_was_made(ask, settings, tmp_path):
    """Of its model, and of yardsticks where one of any model was made."""
    groups = [{"group": "tuned", "preset": "quick_tuned", "device": "cpu", "experiments": "band", "sizes": [400, 500]}]
    settings(experiments={"band": ["2d_Sierpinski"]}, order=groups)
    found = json.loads(DEFAULT_CONFIG.with_name("tuned.json").read_text())["quick"]["Grid"]["image"]["3000"]
    tuned = {"quick": {"Grid": {"synthetic": {"500": found}}}}
    (tmp_path / "tuned.json").write_text(json.dumps(tuned))
    assert counts(ask().out, "tuned") == [6, 0, 0, 6]  # three bands of Grid and of BlockDCT at 500
    tuned["quick"]["Grid"]["synthetic"]["400"] = found
    (tmp_path / "tuned.json").write_text(json.dumps(tuned))
    assert counts(ask().out, "tuned") == [12, 0, 0, 12]


def test_of_some_models_those_that_lack_tuned_settings_are_named(ask, settings):
    wanted = {"preset": "tuned", "device": "cuda", "group": "t", "experiments": "band"}
    settings(order=[wanted, wanted | {"models": "newer"}])
    assert "  tuned, Sierpinski 2D fit: Grid, Finer\n" in ask().out
    for words in ("Finer", "newer"):
        assert ask("--models", words).out.endswith("(docs/tuning.md):\n  tuned, Sierpinski 2D fit: Finer\n")


def test_some_models_alone_are_told_of_filled_and_repeated(ask, tmp_path):
    of_grid = ask("--models", "Grid").out
    assert counts(of_grid, "small") == [1, 0, 0, 1]
    assert "\nnewer " not in of_grid, "a group that wants nothing of it"
    none = "there are no reference rows of Finer that were made on cpu and whose data are at hand; see --status"
    assert none in ask("--verify", 9, "--models", "Finer", code=2).err
    ask("--fill", "--models", "Grid", "Finer")
    rows = read_rows(tmp_path / "reference" / "smoke.parquet").values()
    assert sorted(row["model"] for row in rows) == ["Finer", "Grid", "Grid"]
    said = ask("--verify", 9, "--models", "Finer").out
    assert "1 of 1 rows were given again" in said
    assert "did you mean 'Grid'?" in ask("--models", "Gird", code=2).err


def test_some_groups_alone_are_told_of_and_filled_and_nothing_else_is_lost(ask, settings, tmp_path):
    wanted = {"preset": "smoke", "device": "cpu", "experiments": "band"}
    settings(order=[wanted | {"group": "a: 400", "sizes": [400]}, wanted | {"group": "b: 500", "sizes": [500]}])
    ask("--fill", "--groups", "b")
    said = ask("--groups", "a: 400").out
    assert counts(said, "a: 400") == [2, 0, 0, 2]
    assert "b: 500" not in said
    assert "2 rows added, 0 dropped; 4 now" in ask("--fill", "--groups", "a", "--models", "all").out
    assert "--groups: the order of want has no 'c'" in ask("--groups", "c", code=2).err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"commit": "abc"}, ""),
        ({"commit": "abc+"}, "made by code that is not committed"),
        ({"commit": None}, "made by code that is not committed"),
        ({"commit": "abc", "preset": "quick"}, "its preset is quick"),
        ({"commit": "abc", "device": "cuda: H200"}, "made on cuda"),
        ({"commit": "abc", "config_hash": "abcabcabcabc"}, "which are"),
    ],
)
def test_a_reviewer_is_told_what_may_not_be_shipped(ask, tmp_path, change, words):
    ask("--fill")
    path = tmp_path / "reference" / "smoke.parquet"
    rows = {name: row | {"commit": "abc"} for name, row in read_rows(path).items()}
    name = next(iter(rows))
    write_rows(path, rows | {name: rows[name] | change})
    said = ask("--check", code=1 if words else 0).out
    assert words in said
    assert said.endswith(f"{bool(words) + ('preset' in change):d} flaws\n")


def test_two_that_fill_it_at_once_keep_each_others_rows(ask, tmp_path):
    ask("--fill")
    path = tmp_path / "reference" / "smoke.parquet"
    rows = read_rows(path)
    first, second, stale = list(rows)[:3]
    write_rows(path, {stale: rows[stale]})
    files = fill.Files(path.parent, {}, {stale: rows[stale]})
    write_rows(path, {second: rows[second], stale: rows[stale]})  # by the other one meanwhile
    files.new[first] = rows[first]
    files.write()
    assert read_rows(path) == {name: rows[name] for name in (first, second)}
