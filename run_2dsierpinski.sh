#!/usr/bin/env bash
# The Sierpinski triangle, every model; options of run.py may follow.
source "$(dirname "$(readlink -f "$0")")/environment.sh" || exit
python "$CLONE/run.py" --signal Sierpinski --dim 2 "$@"
