"""Ways to run trials in other processes, each a `Workers` (harness/execution/executor.py: Executor)."""
