"""Figures and tables of the image experiments: python target_signals/eval_DIV2K.py

Loads the rows that run_DIV2K.sh left, of DIV2K or of the images that stand in for it, draws PSNR, SSIM
and LPIPS, and prints the paper's values beside them. Nothing is run.
"""

from harness.commands.figures import main

if __name__ == "__main__":
    raise SystemExit(
        main("Draw and tabulate the image experiments.", ("DIV2K", "SampleImages"), ("psnr", "ssim", "lpips"))
    )
