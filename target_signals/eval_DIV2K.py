"""Figures and tables of the image experiments: python target_signals/eval_DIV2K.py

Loads the rows that run_DIV2K.sh left, of DIV2K or of the images that stand in for it, draws every score that
they have, and prints the paper's values beside them. Nothing is run.
"""

from harness.commands.figures import main
from target_signals.tasks.metrics import METRICS

if __name__ == "__main__":
    raise SystemExit(main("Draw and tabulate the image experiments.", ("DIV2K", "SampleImages"), tuple(METRICS)))
