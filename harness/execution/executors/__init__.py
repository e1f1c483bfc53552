"""Ways to run trials in other processes, one a module and each a `Workers` (run_trials.py: Executor)."""
