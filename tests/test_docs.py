"""The documents: examples run, commands are understood, links lead somewhere, and what they name and cite is there."""

import ast
import re
import shlex
import subprocess

import pytest

import harness
from common.errors import UsageError
from common.files import ROOT
from common.parser import Parser
from harness.__main__ import VERBS
from harness.execution.options import parse
from harness.store.schema import PROTOCOL

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "band_limit_figs" / "README.md"])
QUICK = {
    "length=128": "length=24",
    "size=1e4, steps=200": 'size=1000, steps=2, device="cpu"',
    "band_limit_figs": "results",
}
RULES = "tests/test_imports.py"  # its examples are of files that there are not
TEXTS = (".py", ".md", ".sh", ".js", ".toml", ".json", ".yml", ".html")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def run_examples(text, name):
    """Every block of Python in a page, one after the other, in one namespace."""
    found = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert found
    names = {}
    for match in found:
        code = "\n" * text[: match.start(1)].count("\n") + match[1]  # errors then name the page's line
        exec(compile(code, name, "exec"), names)
    return names


def headings(text):
    """The headings of a page, without their numbers."""
    return {re.sub(r"^\d+\. ", "", line) for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def anchors(text):
    """What links may lead to, as GitHub names headings."""
    lines = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def tracked():
    """The texts that git tracks; where it cannot tell, as in an unpacked archive, all but those in hidden folders."""
    listed = subprocess.run("git ls-files", shell=True, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    below = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
    names = listed or [path.as_posix() for path in below if not any(part.startswith(".") for part in path.parts)]
    return [name for name in names if name.endswith(TEXTS) and (ROOT / name).is_file()]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_examples_of_the_python_page_run(elsewhere, capsys):
    names = run_examples(read("docs/python.md"), "docs/python.md")
    printed = capsys.readouterr().out
    assert "did you mean 'Siren'" in printed
    assert names["larger"].shape == (64, 96, 1)
    assert names["signal"].values.shape == (24, 24)
    assert set(names["everything"]["model"]) == {"Siren", "Grid"}


def test_the_examples_of_the_readme_run(elsewhere):
    """At a small size, and without the model of one's own, which tests/harness/commands/test_run.py runs."""
    text = read("README.md")
    for given, quick in QUICK.items():
        assert given in text
        text = text.replace(given, quick)
    start = text.index("from harness import load")
    names = run_examples("```python\n" + text[start : text.index("```", start)] + "```", "README.md")
    assert names["fitted"].row["status"] == "ok"
    assert names["larger"].shape == (256, 256)
    assert names["values"].shape == (25, 25)


def shown_commands():
    """The words of every command line of the suite in a block of a page, with the page."""
    ours = re.compile(
        r"(?:[A-Z_]+=\S+ )*((?:python run\.py|python run_ct\.py|bash run_(?!tests)\w+\.sh|python -m harness) .+)"
    )
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            for found in map(ours.match, block.replace("\\\n", " ").splitlines()):
                if found:
                    yield page, shlex.split(found[1], comments=True)


def test_commands_that_are_shown_are_understood():
    """Without being run: their options exist, and take such values."""
    commands = list(shown_commands())
    assert len(commands) > 90
    for page, words in commands:
        try:
            if words[:3] == ["python", "-m", "harness"]:
                parser = Parser()
                VERBS[words[3]].add_arguments(parser)
                parser.parse_args(words[4:])
            else:
                assert (ROOT / words[1]).is_file()
                parse(words[2:])
        except (UsageError, KeyError) as error:
            pytest.fail(f"{page.relative_to(ROOT)}: {shlex.join(words)}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place.read_text(encoding="utf-8")), target


def test_the_index_names_every_page():
    named = set(re.findall(r"\]\((\w+\.md)\)", read("docs/README.md")))
    assert named == {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"}


def test_the_contents_of_the_protocol_are_its_sections():
    text = read("docs/protocol.md")
    listed = re.findall(r"^\d+\. \[(.+?)\]\(#", text, re.MULTILINE)
    assert listed == re.findall(r"^## \d+\. (.+)$", text, re.MULTILINE)


def test_no_text_cites_a_document_that_readers_do_not_have():
    private = re.compile(r"\b(?:SPE[C]|DESIG[N])\b")
    assert [name for name in tracked() if private.search(read(name))] == []


def test_cited_files_exist():
    """A path below one of the project's folders, wherever it is written."""
    path = re.compile(
        r"\b(?:common|models|target_signals|harness|benchmarks|tests|docs)/[\w/]+\.(?:py|md|json|jsonl)\b"
    )
    cited = {(place, name) for name in tracked() for place in path.findall(read(name)) if name != RULES}
    assert len(cited) > 100
    assert {place for place, _ in cited if not (ROOT / place).is_file()} <= {"models/example.py"}  # a reader's own


def test_cited_sections_exist():
    """`docs/protocol.md, "Tasks"`, wherever it is written."""
    cited = set()
    for name in tracked():
        for page, section in re.findall(r'(?<![\w.])([\w/]+\.md)\)?, "([^"]+)"', " ".join(read(name).split())):
            place = ROOT / page if (ROOT / page).is_file() else (ROOT / name).parent / page
            cited.add((place, section))
    assert len(cited) > 8
    assert [found for found in cited if found[1] not in headings(found[0].read_text(encoding="utf-8"))] == []


def defined(path):
    """Functions, classes, methods and constants of a module."""
    names = set()
    for node in ast.parse(read(path)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
            names |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_what_the_architecture_names_is_there():
    text = " ".join(read("docs/architecture.md").split())
    for path in re.findall(r"`([\w/]+\.(?:py|json|md))`", text):
        assert (ROOT / path).is_file() or path in ("inpaint.py", "base.py"), path
    pairs = re.findall(r"`([\w/]+\.py)`: ((?:`[\w.]+`(?:, )?)+)", text)
    assert len(pairs) > 30
    missing = [(path, n) for path, names in pairs for n in re.findall(r"`([\w.]+)`", names) if n not in defined(path)]
    assert missing == []


def test_every_version_says_its_protocol_which_never_falls():
    versions = re.split(r"^## \[", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    protocols = [int(re.match(r".+\n\nProtocol ([0-9]+)\.", text)[1]) for text in versions]
    assert protocols == sorted(protocols, reverse=True)
    assert protocols[0] == PROTOCOL, "which rows have"


def test_a_version_is_one_everywhere():
    assert f"## [{harness.__version__}]" in read("CHANGELOG.md")
    assert f"\nversion: {harness.__version__}\n" in read("CITATION.cff")
