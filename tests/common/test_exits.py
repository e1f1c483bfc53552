"""How a command ends: codes and one line each, whatever its output, its surroundings and its disk are like."""

import errno
import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from common import registry
from common.errors import Failure, UsageError
from common.exits import guarded
from common.files import ROOT


def python(code, *, shell='exec "$0" -c "$1"', **environment):
    """Exit code and standard error of some code in a process of its own."""
    line = ["sh", "-c", shell, sys.executable, code]
    ran = subprocess.run(line, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120)
    return ran.returncode, ran.stderr


OTHER = "; choose another place\n"


def failing(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("a mistake"), 2, "error: a mistake\n"),
        (Failure("a failure"), 1, "error: a failure\nagain\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted: again\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), 2, f"error: '/x/y': Permission denied{OTHER}"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), 2, f"error: '/x': Read-only file system{OTHER}"),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", "x" * 999),
            2,
            f"error: '{'x' * 200}': File name too long{OTHER}",
        ),
        (OSError(errno.ENOTDIR, "Not a directory", "/x"), 2, f"error: '/x': Not a directory{OTHER}"),
        (OSError(errno.ENOSPC, "No space left", "/x"), 1, "error: '/x': No space left; make room\n"),
        (OSError(errno.EFBIG, "File too large", "/x"), 1, "error: '/x': File too large; make room\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_way_to_fail_has_a_code_and_a_line(monkeypatch, capsys, error, code, says):
    monkeypatch.setattr("signal.signal", lambda *given: None)
    assert guarded(failing(error), resume="again") == code
    assert capsys.readouterr().err == says


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError(errno.EIO, "Input/output error")])
def test_what_nobody_foresaw_is_raised(error):
    with pytest.raises(type(error)):
        guarded(failing(error))


class Unspeakable(Exception):
    def __str__(self):
        return self.no_such_thing


@pytest.fixture
def own_work(monkeypatch):
    """Makes work of a file of one's own, which raises an error."""
    monkeypatch.setitem(registry.LOADED, "own_file", "")
    monkeypatch.setitem(sys.modules, "own_file", SimpleNamespace(__file__="own.py"))

    def make(error):
        own = {"error": error}
        exec(compile("def work():\n    raise error", "own.py", "exec"), own)
        return own["work"]

    return make


@pytest.mark.parametrize(
    ("error", "says"), [(BrokenPipeError("its own"), "BrokenPipeError: its own"), (Unspeakable(), "Unspeakable")]
)
def test_an_error_of_ones_own_file_is_told_whatever_it_is(own_work, capsys, error, says):
    """Also one that an output raises which nobody reads any more, and one that cannot say what it is."""
    assert guarded(own_work(error)) == 2
    assert capsys.readouterr().err.endswith(f"error: 'own.py', line 2, in work: {says}\n")


def test_nothing_is_told_where_nobody_reads_what_ones_own_file_prints(own_work, monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert guarded(own_work(BrokenPipeError())) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is always full")
@pytest.mark.parametrize("work", ["print('x' * 9, flush=True)", "print('x')", "[print('x' * 99) for _ in range(9999)]"])
def test_a_full_disk_behind_the_output_is_one_line(work):
    code = f"import sys; from common.exits import guarded; sys.exit(guarded(lambda: [{work}, 0][1]))"
    told = "error: standard output: No space left on device; make room\n"
    assert python(code, shell='exec "$0" -c "$1" >/dev/full') == (1, told)


@pytest.mark.skipif(os.name != "posix", reason="other shells close no streams")
def test_a_stream_that_is_closed_takes_what_is_written():
    """As a service manager may start a program. Without a standard error, Python would write errors to the output."""
    code = "import sys; from common.exits import guarded; sys.exit(guarded(lambda: print('x', flush=True) or 3))"
    assert python(code, shell='exec "$0" -c "$1" >&-') == (3, "")
    code = "import sys; from common.exits import guarded; sys.exit(guarded(lambda: print('x', file=sys.stderr) or 3))"
    assert python(code, shell='exec "$0" -c "$1" 3>&2 2>&- 1>&3') == (3, "")


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "24×20 – σ² … † ≈ ± \\udce4é"),
        ("ascii", "24x20 - sigma2 ... # ~ +/- \\udce4\\xe9"),
        ("latin-1", "24×20 - sigma² ... # ~ ± \\udce4é"),
    ],
)
def test_signs_that_an_output_lacks_are_written_in_others(monkeypatch, encoding, shown):
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding, "strict"))
    assert guarded(lambda: print("24×20 – σ² … † ≈ ± \udce4é") or 0) == 0
    assert buffer.getvalue().decode(encoding) == f"{shown}\n"


def test_a_notebooks_back_end_of_matplotlib_is_not_loaded():
    code = "from common.exits import guarded; guarded(lambda: __import__('matplotlib') and 0)"
    assert python(code, MPLBACKEND="module://of_a_notebook.backend") == (0, "")


def test_a_warning_of_the_suite_is_one_line_without_its_code():
    begin = "import common.exits, warnings; from common.errors import Notice; common.exits.settle(); "
    assert python(begin + "warnings.warn('a row is damaged', Notice)") == (0, "warning: a row is damaged\n")
    assert python(begin + "warnings.warn('deprecated')") == (0, "<string>:1: UserWarning: deprecated\n")
