# Sourced by every launcher: afterwards `python` has the suite's dependencies.
#
# The active Python serves if they import there. Otherwise .venv is made in this clone with pip; that
# needs no compiler, no CUDA and no conda. EXTRA=dev adds what the tests need.

TORCH=2.13.0 # what the results in docs/ were checked with; any version pyproject.toml allows works
TORCH_FOR_CPU=https://download.pytorch.org/whl/cpu

# the caller's folder stays the current one, so that paths among the options are the caller's
CLONE="$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)" || exit 2
export PYTHONPATH="$CLONE${PYTHONPATH:+:$PYTHONPATH}"
# idle OpenMP threads sleep, as others may need the cores: sets GNU's GOMP_SPINCOUNT and LLVM's KMP_BLOCKTIME to 0, too
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"

imports="torch, numpy, scipy, skimage, pywt, pandas, matplotlib, tqdm, PIL, tifffile, pooch, requests, safetensors"
[ "${EXTRA:-}" = dev ] && imports="$imports, pytest, xdist, hypothesis, ruff, mypy"

# in the clone, as Python would import modules that lie in the caller's folder
has_dependencies() { (cd "$CLONE" && "$1" -c "import sys, $imports; assert sys.version_info >= (3, 10)") >/dev/null 2>&1; }

find_python() {
    for candidate in python python3 python3.13 python3.12 python3.11 python3.10; do
        "$candidate" -c 'import sys, venv; assert sys.version_info >= (3, 10)' >/dev/null 2>&1 && echo "$candidate" && return
    done
    echo "error: Python 3.10 or newer is needed and none was found on the PATH; install one and run this again" >&2
    return 1
}

make_venv() {
    local base
    base=$(find_python) || return 1
    echo "installing into $CLONE/.venv with $("$base" --version); this happens once" >&2
    "$base" -m venv "$CLONE/.venv" || return 1
    local made="$CLONE/.venv/bin/python"
    if ! "$made" -c "import torch" 2>/dev/null; then
        # without a GPU the much smaller CPU build is enough, where its index can be reached
        { [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null &&
            "$made" -m pip install -q --retries 0 --timeout 10 "torch==$TORCH" --index-url "$TORCH_FOR_CPU" 2>/dev/null; } ||
            "$made" -m pip install -q "torch==$TORCH" || return 1
    fi
    "$made" -m pip install -q -e "$CLONE${EXTRA:+[$EXTRA]}" || return 1
}

if [ -x "$CLONE/.venv/bin/python" ] && has_dependencies "$CLONE/.venv/bin/python"; then
    PATH="$CLONE/.venv/bin:$PATH"
elif has_dependencies python; then
    echo "using $(command -v python), which has what the suite needs" >&2
else
    make_venv || { echo "error: the environment could not be made; see the message above" >&2; exit 2; }
    PATH="$CLONE/.venv/bin:$PATH"
fi
