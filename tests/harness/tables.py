"""Rows that tests make as a pandas table, for changing whole columns."""

from harness.analysis.comparison import comparisons

MODELS = ["FourFeat", "Siren", "Wire", "BACON", "GAPlane", "Instant_NGP", "GSplat", "Grid", "Grid_TV"]  # the paper's
CLASSICAL = ["Grid_exact", "BlockDCT", "Wavelet"]
BANDS = [round(0.1 * i, 1) for i in range(1, 10)]
SIZES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000]
SEEDS = [1234, 2024, 5678, 7890, 7618]


def rows_of(table):
    """The rows as a store gives them: None where a number or a text is missing."""
    records = table.to_dict("records")
    return [{name: None if value != value else value for name, value in row.items()} for row in records]


def comparison_of(table, models=(), metric="psnr"):
    """What a figure of these rows, which are of one experiment, is drawn from."""
    (comparison,) = comparisons(rows_of(table), models, metric)
    return comparison


def fail(table, where, status="diverged", reason="the loss was not finite"):
    """Turn some rows into those of failed trials."""
    table.loc[where, ["status", "reason", "psnr"]] = [status, reason, None]
    table["psnr_rings"] = table["psnr_rings"].where(~where, None)
