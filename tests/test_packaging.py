"""What pip makes of the project: pyproject.toml and MANIFEST.in."""

import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec

import pytest

from common.files import PACKAGES, ROOT

if find_spec("wheel") is None:  # which setuptools needed before 70.1
    pytest.importorskip("setuptools", minversion="70.1", reason="setuptools makes what pip installs, and is not here")
pytest.importorskip("setuptools", minversion="64")


def python(code, *arguments, folder):
    line = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True, timeout=600).stdout


def test_an_editable_installation_is_the_clone_on_the_path(tmp_path):
    # unlike an import hook, it is followed by type checkers, and comes before folders that have a package's name
    clone, made = tmp_path / "clone", tmp_path / "made"
    made.mkdir()
    for package in PACKAGES:
        (clone / package).mkdir(parents=True)
        shutil.copy(ROOT / package / "__init__.py", clone / package)
    shutil.copy(ROOT / "README.md", clone)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = text.replace('license = "MIT"\nlicense-files = ["LICENSE"]\n', "")  # which takes setuptools 77
    (clone / "pyproject.toml").write_text(text, encoding="utf-8")
    code = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
    python(code, made, folder=clone)
    (wheel,) = made.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        (pointer,) = (name for name in archive.namelist() if name.startswith("__editable__"))
        assert archive.read(pointer).decode().split() == [str(clone)]


def test_a_source_distribution_is_a_clone():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    by_setuptools = {*(name for name in listed if name.startswith(PACKAGES)), "LICENSE", "pyproject.toml"}
    code = """
from setuptools.command.egg_info import FileList
found = FileList()
for line in open("MANIFEST.in"):
    if line[0] != "#":
        found.process_template_line(line.strip())
print(*found.files, sep="\\n")
"""
    assert set(listed) - by_setuptools <= set(python(code, folder=ROOT).split())
