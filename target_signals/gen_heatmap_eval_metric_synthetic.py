"""Draw every figure of the results: python target_signals/gen_heatmap_eval_metric_synthetic.py

Loads the rows that runs left, draws heatmaps, differences to Grid and curves (harness/figures/draw_figures.py),
and prints each file written and what is missing. Nothing is run.
"""

from harness.commands.figures import main

if __name__ == "__main__":
    raise SystemExit(main("Draw the figures of a results folder from its rows alone."))
