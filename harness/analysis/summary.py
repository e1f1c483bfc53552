"""The table at the end of a run: models × budgets, averaged over bands and seeds."""

from typing import TYPE_CHECKING

from harness.analysis.remarks import remarks
from harness.store.schema import OK, UNSUPPORTED

if TYPE_CHECKING:
    import pandas as pd


def summarise(table: "pd.DataFrame", models: list[str], metric: str = "psnr", heading: str = "") -> str:
    """A text table of one experiment's rows: mean score a model and budget, in the models' order.

    A cell in which trials failed says how many of how many; `n/a` is unsupported, `-` not run.
    """
    sizes = sorted(table["size"].unique())
    title = heading + ("mean PSNR, dB" if metric == "psnr" else f"mean {metric}")
    lines = [[title, *[f"{s:,}" for s in sizes], "seconds", "rows"]]
    for model in models:
        rows = table[table["model"] == model]
        if rows.empty:
            continue
        cells = [_cell(rows[rows["size"] == size], metric) for size in sizes]
        seconds = rows["seconds"].sum()
        lines.append([model, *cells, f"{seconds:.1f}", str(len(rows))])
    constant = table.drop_duplicates(["item", "bandlimit", "seed"])["psnr_constant"].mean()
    if metric == "psnr":
        lines.append(["(constant mean)", *[f"{constant:.2f}"] * len(sizes), "", ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join([line[0].ljust(widths[0]), *[cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)]])
        for line in lines
    ]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *remarks(table.to_dict("records"))])


def _cell(rows: "pd.DataFrame", metric: str) -> str:
    if rows.empty:
        return "-"
    ok = rows[rows["status"] == OK]
    failed = rows[~rows["status"].isin([OK, UNSUPPORTED])]
    if not failed.empty:
        worst = failed["status"].iloc[-1]
        return f"{worst} {len(failed)}/{len(rows)}"
    return f"{ok[metric].mean():.2f}" if not ok.empty else "n/a"
