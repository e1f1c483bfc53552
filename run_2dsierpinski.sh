#!/usr/bin/env bash
# The Sierpinski triangle, every model; options of run.py may follow.
source "$(dirname "$0")/environment.sh"
python run.py --signal Sierpinski --dim 2 "$@"
