"""Figures and tables of the volume experiments: python target_signals/evaluate_voxel.py

Loads the rows that run_dragon.sh left, of the dragon or of the solids that stand in for it, draws every score
that they have, and prints the paper's values beside them. Nothing is run.
"""

from harness.commands.figures import main
from target_signals.tasks.metrics import METRICS

if __name__ == "__main__":
    raise SystemExit(main("Draw and tabulate the volume experiments.", ("Dragon", "Solids"), tuple(METRICS)))
