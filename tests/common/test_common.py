"""Importing `common`: a Python that cannot run the suite is told so."""

import subprocess
import sys

from common.files import ROOT


def test_a_python_without_the_dependencies_is_told_what_to_do():
    line = [sys.executable, "-S", "run.py", "--list"]  # -S: without the folder that packages are installed into
    ended = subprocess.run(line, cwd=ROOT, env={}, capture_output=True, text=True)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {sys.executable}, Python 3.")
    assert last.endswith(f"or run pip install -e '{ROOT}' once")


def test_windows_is_told_of_wsl():
    line = [sys.executable, "-c", "import sys; sys.platform = 'win32'; import common"]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1] == "ImportError: this suite runs on Linux and macOS; on Windows, run it in WSL"
