#!/usr/bin/env bash
# The star target, every model; options of run.py may follow.
source "$(dirname "$(readlink -f "$0")")/environment.sh" || exit
python "$CLONE/run.py" --signal StarTarget --dim 2 "$@"
