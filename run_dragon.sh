#!/usr/bin/env bash
# The dragon, solid and surface: fit, and the finer volume, every model; options of run.py may follow.
source "$(dirname "$(readlink -f "$0")")/environment.sh" || exit
python "$CLONE/run.py" --signal Dragon "$@"
