#!/usr/bin/env bash
# Style, types and tests; options of pytest may follow.
set -e
EXTRA=dev
source "$(dirname "$(readlink -f "$0")")/environment.sh" || exit
cd "$CLONE"
python -m ruff check .
python -m ruff format --check .
python -m mypy
python -m pytest -n auto --dist worksteal "$@" # options given come last and win: -n 0 for one process
