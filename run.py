"""Fit representations to a signal at equal parameter budgets.

python run.py --signal Sierpinski --dim 2
"""

from harness.commands.run import main

if __name__ == "__main__":
    raise SystemExit(main())
