#!/usr/bin/env bash
# Sparse balls in 3D, every model; options of run.py may follow.
source "$(dirname "$(readlink -f "$0")")/environment.sh" || exit
python "$CLONE/run.py" --signal SparseSphereSignal --dim 3 "$@"
