"""The page's script: free of what a linter finds, and read by a browser without a complaint."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.files import ROOT
from harness.report.page import SCRIPTS, assemble


@pytest.fixture(scope="module")
def script():
    """The text of all scripts as the page joins them: names are shared between the files."""
    (found,) = re.findall(r"<script>(.*?)</script>", assemble({}, {}, None, None), re.DOTALL)
    return found


def test_every_script_is_on_the_page():
    there = {path.stem for path in (ROOT / "harness" / "report" / "assets").glob("*.js")}
    assert sorted(SCRIPTS) == sorted(there)


def oxlint():
    beside = Path(sys.executable).with_name("oxlint")
    return str(beside) if beside.exists() else shutil.which("oxlint")


def lint(text, folder):
    (folder / "page.js").write_text(text, encoding="utf-8")
    if (program := oxlint()) is None:
        pytest.skip("oxlint is not installed: pip install -e '.[dev]'")
    line = [program, "--config", ROOT / ".oxlintrc.json", "--format", "unix", folder / "page.js"]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


def test_the_linter_finds_nothing(script, tmp_path):
    result = lint(script, tmp_path)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("missingFunction();", "no-undef"),
        ("const unread = 1;", "no-unused-vars"),
        ("if (document.title == 1) document.close();", "eqeqeq"),
        ("let notChanged = 1; document.write(notChanged);", "prefer-const"),
    ],
)
def test_the_linter_finds_a_fault(script, tmp_path, fault, rule):
    end = "})();\n"
    assert script.endswith(end)
    result = lint(f"{script.removesuffix(end)}{fault}\n{end}", tmp_path)
    assert result.returncode == 1
    assert f"({rule})" in result.stdout


def test_a_browser_reads_it(script, browser):
    page = browser.new_page()
    assert page.evaluate("text => { new Function(text); return true; }", script)
    page.close()
