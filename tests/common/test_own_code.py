"""With the code of one's own file goes that of the modules beside it, and of nothing else."""

import ast
import hashlib
import importlib
from types import MappingProxyType

import pytest

from common import own_code
from common.files import ROOT


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """`digest(text, files)`: that of a file's text in a new process, once files beside it have these texts."""
    monkeypatch.syspath_prepend(tmp_path)

    def call(text, files=MappingProxyType({})):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        own_code._first_read.cache_clear()
        importlib.invalidate_caches()
        return own_code.digest_of(ast.parse(text), tmp_path)

    return call


def test_a_file_that_imports_nothing_beside_it_has_the_digest_of_its_code(digest):
    text = "import math\nimport no_such_module_here\nx = math.pi  # about 3"
    assert digest(text, {"unrelated.py": ""}) == hashlib.sha256(ast.unparse(ast.parse(text)).encode()).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "import waves_help",
        "import waves_help as w",
        "from waves_help import x",
        "from waves_help import *",
        "def f():\n    import waves_help",
        "try:\n    import waves_help\nexcept ImportError:\n    pass",
    ],
)
def test_a_module_beside_it_counts_however_it_is_imported(digest, text):
    assert digest(text, {"waves_help.py": "x = 1"}) == digest(text, {"waves_help.py": "x = 1  # a comment\n"})
    assert digest(text, {"waves_help.py": "x = 1"}) != digest(text, {"waves_help.py": "x = 2"})


def test_so_does_what_that_module_imports(digest):
    text = "import outer_help"
    files = {"outer_help.py": "import inner_help", "inner_help.py": "import outer_help\nx = 1"}
    assert digest(text, files) != digest(text, {"inner_help.py": "import outer_help\nx = 2"})


@pytest.mark.parametrize("text", ["import bag.part", "from bag import part", "from bag.part import x"])
@pytest.mark.parametrize(
    "changed", ["bag/__init__.py", "bag/part.py", "bag/sub/__init__.py", "bag/sub/deep.py", "bag/near.py"]
)
def test_so_does_a_package_with_whatever_it_imports_within(digest, text, changed):
    files = {
        "bag/__init__.py": "",
        "bag/part.py": "from .sub.deep import x",
        "bag/near.py": "",
        "bag/sub/__init__.py": "from .. import near",
        "bag/sub/deep.py": "x = 1",
    }
    before = digest(text, files)
    assert digest(text) == before
    assert digest(text, {changed: f"{files[changed]}\nmore = 1"}) != before


def test_a_package_hides_the_module_of_its_name(digest):
    files = {"twin_help/__init__.py": "x = 1", "twin_help.py": "x = 1"}
    before = digest("import twin_help", files)
    assert digest("import twin_help", {"twin_help.py": "x = 2"}) == before
    assert digest("import twin_help", {"twin_help/__init__.py": "x = 2"}) != before


def test_a_link_in_the_folder_counts_as_the_module_that_it_is(digest, tmp_path):
    (tmp_path / "link_help.py").symlink_to(tmp_path / "shared" / "real.py")
    assert digest("import link_help", {"shared/real.py": "x = 1"}) != digest(
        "import link_help", {"shared/real.py": "x = 2"}
    )


def test_a_folder_without_a_package_counts_as_one(digest):
    assert digest("import pile.part", {"pile/part.py": "x = 1"}) != digest(
        "import pile.part", {"pile/part.py": "x = 2"}
    )


def test_a_file_of_that_name_that_python_does_not_import_is_no_part_of_it(digest):
    assert digest("import math, json", {"math.py": "x = 1", "json/tool.py": "x = 1"}) == digest("import math, json")


def test_what_lies_in_another_folder_is_no_part_of_it(digest, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.syspath_prepend(elsewhere)
    assert digest("import far_help", {"elsewhere/far_help.py": "x = 1"}) == digest(
        "import far_help", {"elsewhere/far_help.py": "x = 2"}
    )


def test_the_suite_is_no_part_of_a_file_beside_it():
    tree = ast.parse("import models\nfrom common.lattice import Lattice\nfrom harness import fit")
    assert own_code.digest_of(tree, ROOT) == hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


def test_a_process_goes_on_with_the_module_that_it_began_with(digest, tmp_path):
    """As Python does, so that rows name the code that ran."""
    before = digest("import kept_help", {"kept_help.py": "x = 1"})
    (tmp_path / "kept_help.py").write_text("x = 2")
    tree = ast.parse("import kept_help")
    assert own_code.digest_of(tree, tmp_path) == before
    own_code._first_read.cache_clear()
    assert own_code.digest_of(tree, tmp_path) != before
