"""Fit representations to a CT slice through its sinogram: run.py with another default signal and task.

python run_ct.py --models Siren Grid_TV
"""

import sys

from harness.commands.run import main

if __name__ == "__main__":
    raise SystemExit(main(["--signal", "ChestCT", "--task", "ct", *sys.argv[1:]]))
