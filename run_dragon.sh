#!/usr/bin/env bash
# The dragon, solid and surface: fit, and the finer volume, every model; options of run.py may follow.
source "$(dirname "$0")/environment.sh"
python run.py --signal Dragon "$@"
