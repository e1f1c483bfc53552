"""The registry: names are found without being imported by hand, mistakes become one line."""

import importlib
import shlex
from pathlib import Path

import pytest

from common import own_code, registry
from common.errors import UsageError, suggest
from common.registry import Registry


@pytest.fixture
def fruits(tmp_path, monkeypatch, request):
    """A registry of a package made for this test: two registered modules and one that must not be imported."""
    name = f"fruits_of_{request.node.name.split('[')[0]}"
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text(
        f"from common.registry import Registry\nregistry = Registry('fruit', {name!r})\n"
    )
    head = f"from {name} import registry\nregister = registry.register\n"
    (package / "apple.py").write_text(f"{head}@register\nclass Apple:\n    name = 'Apple'\n")
    (package / "pear.py").write_text(f"{head}@registry.register\nclass Pear:\n    name = 'Pear'\n")
    (package / "script.py").write_text("raise RuntimeError('a script was imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name).registry


def own(tmp_path, fruits, text):
    """A user's file whose text may use `registry`."""
    path = tmp_path / "own.py"
    path.write_text(f"from {fruits.package} import registry\n{text}\n")
    return path


def test_names_are_found_and_nothing_else_is_imported(fruits):
    assert fruits.names() == ["Apple", "Pear"]
    assert fruits.get("Pear").__name__ == "Pear"


def test_an_unknown_name_is_answered_with_a_close_one(fruits):
    with pytest.raises(UsageError) as caught:
        fruits.get("appel")
    assert str(caught.value) == (
        "unknown fruit 'appel' (did you mean 'Apple'?); known: Apple, Pear; "
        "one of your own needs the path of its .py file"
    )


def test_a_file_here_of_an_unknown_name_is_offered(fruits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Plum.py").write_text("")
    with pytest.raises(UsageError, match=r"^unknown fruit 'Plum' \(did you mean './Plum.py'\?\); known"):
        fruits.get("Plum")


def test_suggest_offers_nothing_when_nothing_is_close():
    assert suggest("zzz", ["Siren"]) == ""
    assert suggest("siren", ["Siren", "Wire"]) == " (did you mean 'Siren'?)"


def test_a_name_is_taken_once():
    plums = Registry("fruit", "nowhere")
    first = type("First", (), {"name": "Plum"})
    assert plums.register(first) is first
    assert plums.register(first) is first  # the same class again, as after a reload
    with pytest.raises(ValueError, match="fruit 'Plum' is registered twice"):
        plums.register(type("Second", (), {"name": "Plum"}))


def test_a_users_file_adds_its_names(fruits, tmp_path):
    path = own(tmp_path, fruits, "@registry.register\nclass Fig:\n    name = 'Fig'")
    assert fruits.load_file(str(path)) == ["Fig"]
    assert fruits.names() == ["Apple", "Fig", "Pear"]
    assert fruits.load_file(path) == ["Fig"]  # twice is no mistake
    assert [fruits.word_for(name) for name in ("Apple", "Fig")] == ["Apple", shlex.quote(str(path))]


def test_a_users_file_that_changes_the_folder_leaves_it_as_it_was(fruits, tmp_path, monkeypatch):
    """Results would go elsewhere, and workers would look there for the file."""
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    fruits.load_file(own(tmp_path, fruits, f"import os\nos.chdir({str(tmp_path)!r})\n{FIG}"))
    assert Path.cwd() == here
    with pytest.raises(UsageError, match="could not be loaded"):
        fruits.load_file(own(tmp_path, fruits, f"import os\nos.chdir({str(tmp_path)!r})\n1 / 0"))
    assert Path.cwd() == here


def test_a_users_file_may_hold_things_of_two_kinds(fruits, tmp_path):
    """Such as a signal and its task; the file is then given as both."""
    nuts = importlib.import_module(fruits.package).nuts = Registry("nut", fruits.package)
    almond = f"from {fruits.package} import nuts\n@nuts.register\nclass Almond:\n    name = 'Almond'"
    path = own(tmp_path, fruits, f"{FIG}\n{almond}")
    assert (fruits.load_file(path), nuts.load_file(path)) == (["Fig"], ["Almond"])


FIG = "@registry.register\nclass Fig:\n    name = 'Fig'\n    weight = 1"


def test_a_version_is_of_the_code_of_ones_own_file(fruits, tmp_path):
    """A change of one sign within a second is seen as well, whatever Python has cached."""
    assert registry.version(fruits.get("Apple")) is None
    seen = {}
    for text in (FIG, f"{FIG}  # in kg\n\n", FIG.replace("1", "2"), FIG):
        fruits.load_file(own(tmp_path, fruits, text))
        found = fruits.get("Fig")
        seen.setdefault(registry.version(found), set()).add(found.weight)
        assert registry.version(found, fruits.get("Apple")) == registry.version(found)
    assert sorted(seen.values(), key=min) == [{1}, {2}]
    assert not list(tmp_path.glob("__pycache__/own.*"))


def test_a_version_is_of_the_modules_that_the_file_imports_from_beside_it(fruits, tmp_path):
    seen = set()
    for weight in ("1", "2"):
        (tmp_path / "weights.py").write_text(f"weight = {weight}")
        own_code._first_read.cache_clear()  # as in another process
        fruits.load_file(own(tmp_path, fruits, f"import weights\n{FIG}"))
        seen.add(registry.version(fruits.get("Fig")))
    assert len(seen) == 2


@pytest.mark.parametrize("name", ["", "my fig", "a/b", "../fig", "fig\n", "-fig", "fig.py", "x=y", "<b>", 3, "\ud800"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match=r"is no name of a fruit; give name = \"…\" of letters, digits, _, \+ and -"):
        Registry("fruit", "nowhere").register(type("Fig", (), {"name": name}))


def test_a_class_without_a_name_is_refused():
    with pytest.raises(ValueError, match=r"^Fig needs a name; give name = "):
        Registry("fruit", "nowhere").register(type("Fig", (), {}))


@pytest.mark.parametrize("name", ["Grid_TV", "模型", "É-2", "C++"])
def test_a_name_may_be_of_any_letters(name):
    fig = type("Fig", (), {"name": name})
    assert Registry("fruit", "nowhere").register(fig) is fig


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "registers no fruit; decorate its class with @register"),
        ("1 / 0", "could not be loaded: line 2: ZeroDivisionError: division by zero"),
        ("def", "could not be loaded: SyntaxError"),
        ("import no_such_module_here", "could not be loaded: line 2: ModuleNotFoundError"),
        (
            "registry.register(type('A', (), {'name': 'Apple'}))",
            "could not be loaded: line 2: ValueError: fruit 'Apple' is regist",
        ),
    ],
)
def test_a_file_that_fails_is_one_line_that_names_it(fruits, tmp_path, text, says):
    path = own(tmp_path, fruits, text)
    with pytest.raises(UsageError) as caught:
        fruits.load_file(path)
    message = str(caught.value)
    assert says in message
    assert str(path) in message
    assert "\n" not in message


@pytest.mark.parametrize("beside", ["no_such_module_here.py", "no_such_module_here/part.py"])
def test_a_module_beside_it_that_python_does_not_find_is_told_how_to_be_found(fruits, tmp_path, monkeypatch, beside):
    folder = tmp_path / "my models"
    (folder / beside).parent.mkdir(parents=True)
    (folder / beside).write_text("")
    with pytest.raises(UsageError, match=rf"No module named '[\w.]+'; .* set PYTHONPATH='{folder}'$"):
        fruits.load_file(own(folder, fruits, "import no_such_module_here.part"))


def test_a_missing_file_is_one_line(fruits, tmp_path):
    with pytest.raises(UsageError, match=r"^no file '.*nothing\.py' to load a fruit from$"):
        fruits.load_file(tmp_path / "nothing.py")


def test_a_missing_file_names_one_of_nearly_that_name(fruits, tmp_path, monkeypatch):
    own(tmp_path, fruits, "").rename(tmp_path / "Waves.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"^no file 'waves\.py' to load a fruit from \(did you mean 'Waves\.py'\?\)$"):
        fruits.load_file("waves.py")
    with pytest.raises(UsageError, match=r"^no file '.*/nothing\.py' to load a fruit from$"):
        fruits.load_file(tmp_path / "nothing.py")  # whose folder alone is the same
