#!/usr/bin/env bash
# Ten DIV2K images: fit with super-resolution, and two noise levels, every model; options of run.py may follow.
source "$(dirname "$(readlink -f "$0")")/environment.sh" || exit
python "$CLONE/run.py" --signal DIV2K --task fit denoise "$@"
