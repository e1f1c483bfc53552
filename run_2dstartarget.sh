#!/usr/bin/env bash
# The star target, every model; options of run.py may follow.
source "$(dirname "$0")/environment.sh"
python run.py --signal StarTarget --dim 2 "$@"
