# Sourced by every launcher, and by people in bash or zsh: afterwards `python` has the suite's dependencies.
#
# The active Python serves if it has what pyproject.toml asks for. Otherwise .venv is made in this clone with pip; that
# needs no compiler, no CUDA and no conda. EXTRA=dev adds what the tests need.

TORCH=2.13.0 # what the results in docs/ were checked with; any version pyproject.toml allows works
NEWEST=14    # of Python 3.x, the last that this PyTorch is built for
TORCH_FOR_CPU=https://download.pytorch.org/whl/cpu

# the caller's folder stays the current one, so that paths among the options are the caller's
CLONE="$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" >/dev/null && pwd)" || return 2
export PYTHONPATH="$CLONE${PYTHONPATH:+:$PYTHONPATH}"
# idle OpenMP threads sleep, as others may need the cores: sets GNU's GOMP_SPINCOUNT and LLVM's KMP_BLOCKTIME to 0, too
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"

# in the clone, as Python would import modules that lie in the caller's folder
has_dependencies() {
    (cd "$CLONE" && "$1" - "${EXTRA:-}" >/dev/null 2>&1) <<'PYTHON'
import platform, sys
from importlib.metadata import version
from packaging.requirements import Requirement  # which comes with Matplotlib
from packaging.specifiers import SpecifierSet
try:
    import tomllib
except ImportError:  # Python 3.10
    from pip._vendor import tomli as tomllib

project = tomllib.load(open("pyproject.toml", "rb"))["project"]

def check(needs):
    for need in map(Requirement, needs):
        if need.name == project["name"]:  # which need not be installed
            for extra in need.extras:
                check(project["optional-dependencies"][extra])
        elif need.marker is None or need.marker.evaluate():
            check_version(need.specifier, version(need.name))

def check_version(allowed, found):
    if not allowed.contains(found, prereleases=True):
        sys.exit(1)

check_version(SpecifierSet(project["requires-python"]), platform.python_version())
check([*project["dependencies"], f"{project['name']}[{sys.argv[1]}]"])
PYTHON
}

# whether a Python can make .venv, or have made it
can_install() {
    "$1" -c "import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, $NEWEST))" >/dev/null 2>&1
}

find_python() {
    for candidate in python python3 $(seq -f python3.%g $NEWEST -1 10); do
        can_install "$candidate" && echo "$candidate" && return
    done
    echo "error: Python 3.10 to 3.$NEWEST is needed, with venv, and none was found on the PATH; install one and run" \
        "this again (on Debian and Ubuntu: apt install python3-venv)" >&2
    return 1
}

make_venv() (
    # pip ends by itself on Ctrl-C, and the shell would begin the next installation
    trap 'echo "interrupted: run this again to go on" >&2; exit 130' INT
    cd "$CLONE" && base=$(find_python) || exit
    echo "installing into $CLONE/.venv with $("$base" --version); this happens once" >&2
    made=.venv/bin/python
    clear=--clear
    can_install "$made" && clear= # what an interrupted installation has left is completed
    "$base" -m venv $clear .venv || exit
    if ! "$made" -c "import torch" 2>/dev/null; then
        # without a GPU the much smaller CPU build is enough, where its index can be reached
        { [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null &&
            "$made" -m pip install -q --retries 0 --timeout 10 "torch==$TORCH" --index-url "$TORCH_FOR_CPU" 2>/dev/null; } ||
            "$made" -m pip install -q "torch==$TORCH" || exit
    fi
    "$made" -m pip install -q -e ".${EXTRA:+[$EXTRA]}"
)

if has_dependencies "$CLONE/.venv/bin/python"; then
    export PATH="$CLONE/.venv/bin:$PATH"
elif has_dependencies python; then
    echo "using $(command -v python), which has what the suite needs" >&2
elif make_venv; then
    export PATH="$CLONE/.venv/bin:$PATH"
else
    echo "error: the environment could not be made; see the message above. An active Python that has the dependencies" \
        "in pyproject.toml serves as well" >&2
    return 2
fi
