"""environment.sh: which Python serves a launcher, and what is said where none does. Nothing is installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.files import ROOT

LAUNCHER = "run_2dsphere.sh"


@pytest.fixture
def clone(tmp_path):
    """A folder, with signs in its name that shells and pip read in their own ways, where no .venv can be made."""
    folder = tmp_path / "my clöne [x]"
    folder.mkdir()
    for name in ("environment.sh", "pyproject.toml", LAUNCHER):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").write_text("in the way")
    return folder


@pytest.fixture
def elsewhere(tmp_path):
    """A caller's folder with a torch of its own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "torch.py").write_text("raise SystemExit('imported')")
    return folder


@pytest.fixture
def call(elsewhere):
    """The end of a command of a shell, with this Python or another folder first on the PATH."""

    def call(line, *arguments, shell="bash", first=Path(sys.executable).parent, **told):
        path = os.pathsep.join([str(first), "/usr/bin", "/bin"])
        given = [shutil.which(shell), "-c", line, shell, *map(str, arguments)]
        return subprocess.run(given, cwd=elsewhere, env={"PATH": path, **told}, capture_output=True, text=True)

    return call


def version_in(name, pattern):
    return re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)[1]


def change(clone, before, after):
    """pyproject.toml as it would be with other words."""
    path = clone / "pyproject.toml"
    text, count = re.subn(before, after, path.read_text(encoding="utf-8"))
    assert count
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_active_python_serves_where_it_has_the_dependencies(clone, call, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    ended = call('source "$1/environment.sh" && command -v python && echo "$CLONE"', clone, shell=shell)
    assert ended.stdout.splitlines() == [f"{Path(sys.executable).parent}/python", str(clone)], ended.stderr


@pytest.mark.parametrize(("asked", "found"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_idle_threads_wait_without_spinning_unless_they_are_told_to(clone, call, asked, found):
    assert call('source "$1/environment.sh" && printenv OMP_WAIT_POLICY', clone, **asked).stdout == f"{found}\n"


@pytest.mark.parametrize(
    ("before", "after", "extra"),
    [
        ('"torch>=[0-9.]+"', '"torch>=99"', ""),
        ('"torch>=[0-9.]+"', '"torch>=2", "no-such-package-here"', ""),
        ('"pytest==[0-9.]+"', '"pytest==0.1"', "dev"),
        ('requires-python = ".*"', 'requires-python = ">=4"', ""),
    ],
)
def test_a_python_that_lacks_something_does_not_serve(clone, call, before, after, extra):
    change(clone, before, after)
    ended = call('source "$1/environment.sh"; echo "$?, and the shell lives"', clone, EXTRA=extra)
    assert ended.stdout == "2, and the shell lives\n"
    assert f"installing into {clone}/.venv with Python 3." in ended.stderr
    assert "error: the environment could not be made; see the message above" in ended.stderr


def test_versions_are_compared_where_python_drops_assertions(clone, call):
    change(clone, '"torch>=[0-9.]+"', '"torch>=99"')
    assert call('source "$1/environment.sh"', clone, PYTHONOPTIMIZE="1").returncode == 2


def test_what_an_extra_asks_for_does_not_matter_without_it(clone, call):
    change(clone, '"pytest==[0-9.]+"', '"pytest==0.1"')
    assert call('source "$1/environment.sh"', clone).returncode == 0


def test_without_any_python_a_launcher_says_so_and_stops(clone, call, tmp_path):
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    names = [f"python{version}" for version in ("", "3", *(f"3.{minor}" for minor in range(10, 20)))]
    for name in names:
        (stubs / name).write_text("#!/bin/sh\nexit 1\n")
        (stubs / name).chmod(0o755)
    ended = call('bash "$1"', clone / LAUNCHER, first=stubs)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: Python 3.10 to 3.")
    assert "run.py" not in ended.stderr


def test_conda_installs_the_same_pytorch():
    assert version_in("environment.yml", r"torch==(\S+)") == version_in("environment.sh", r"^TORCH=(\S+)")


def test_the_readme_names_the_pythons_that_can_install():
    newest = version_in("environment.sh", r"^NEWEST=(\d+)")
    assert f" Python 3.10 to 3.{newest}, and nothing else" in (ROOT / "README.md").read_text(encoding="utf-8")
