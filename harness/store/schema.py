"""What a row holds: one table of its columns. Reading, checking, loading as a table, Parquet, the page, `verify`, the
names of rows and the documented table of columns in band_limit_figs/README.md follow from it.

A new column is one entry here and one value where rows are filled, in harness/train/score.py; `python -m
harness.store.schema` prints the table for the documentation.
"""

import functools
from dataclasses import dataclass
from typing import Any, Literal

from target_signals.tasks.metrics import METRICS, Metric

Row = dict[str, Any]

OK, DIVERGED, OUT_OF_MEMORY, UNSUPPORTED = "ok", "diverged", "out_of_memory", "unsupported"
PROTOCOL = 2  # of rows that are written: CHANGELOG.md, "Which rows compare"
REFERENCE_RESULT = "reference"  # the origin of a row that comes with the suite and is shown beside a person's own
CLASSICAL = "classical"  # the label of a yardstick: compared with, though it is no trained representation
CHECKSUM = "residual_sha256"
POINT = ("step", "loss", "psnr", "seconds")  # of a curve
# of a compressed model; the first two are whole, and so is the last, which may lack: passes that saw quantised values
RATE = ("bits", "bytes", "psnr", "encode_seconds", "decode_seconds", "quantised_passes")
Kind = Literal["text", "number", "whole", "wholes", "numbers", "curve", "rates", "object"]
WORDS: dict[Kind, str] = {
    "text": "text",
    "number": "number",
    "whole": "whole number",
    "wholes": "list of whole numbers",
    "numbers": "list of numbers",
    "curve": "list of points",
    "rates": "list of objects",
    "object": "object",
}
BUSY = 1.5  # load of a core above which others use it, too: a run alone takes 1 at most, with all its workers
SUFFIXES = {  # of a metric's name: which answer is scored, and where
    "": "after the last update",
    "_best": "at the evaluation that scores best on what is trained on",
    "_paper": "super-resolution only: at the paper's sample positions, after the last update",
    "_paper_best": "super-resolution only: at the paper's sample positions, at the best evaluation",
}
SCORES = {f"{name}{suffix}": name for suffix in SUFFIXES for name in METRICS}  # a column of scores → its metric


@dataclass(frozen=True)
class Column:
    """One column of a row.

    kind: `whole` is a number without fraction, `numbers` may hold nulls, a `curve` is a list of objects with POINT's
    names, `rates` one with RATE's, an `object` has other names in every row.
    null: whether a row may lack a value. needed: whether a file without the column is no row.
    otherwise: another column, whose value a file without this one has here.
    page: whether the report page carries it as it is; the others are in the page's experiments, or made into others.
    part_of: `key` where rows that differ in it are rows of different names; `config_hash`, which is itself part of the
    key, where a change of it changes that.
    repeats: whether the same trial, run again, must give the same value.
    machine: whether it says where a row came from; where all of these agree, a CPU repeats every bit.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    null: bool = True
    needed: bool = False
    otherwise: str = ""
    page: bool = True
    part_of: Literal["", "key", "config_hash"] = ""
    repeats: bool = False
    machine: bool = False


def _direction(metric: Metric) -> str:
    return "" if metric.higher_is_better else "; lower is better"


COLUMNS = (
    Column("signal", "text", "what was fitted", null=False, needed=True, page=False, part_of="key"),
    Column("item", "text", "which of a recorded signal's, or of somebody's own files", part_of="key"),
    Column(
        "dataset",
        "text",
        "the folder of somebody's own files that were fitted as one data set; null: a file alone",
        page=False,
        part_of="key",
    ),
    Column("source", "text", "where recorded values came from, and what was done to them"),
    Column("stands_for", "text", "the signal whose place a stand-in takes"),
    Column("dim", "whole", "axes of the lattice", null=False, needed=True, page=False, part_of="key"),
    Column(
        "length", "whole", "samples along the longest axis; null: as recorded", "samples", page=False, part_of="key"
    ),
    Column("shape", "wholes", "the array that was scored, channels last"),
    Column("spacing", "numbers", "from sample to sample along each axis, where a file says so", "as `source` says"),
    Column("bandlimit", "number", "the difficulty dial, 0.1 to 0.9", part_of="key"),
    Column("task", "text", "what the model was asked to do", null=False, needed=True, page=False, part_of="key"),
    Column("model", "text", "the representation", null=False, needed=True, part_of="key"),
    Column("label", "text", "`learned`, or `classical` for a yardstick that is solved and not trained"),
    Column("size", "whole", "the budget", "stored real values", null=False, needed=True, part_of="key"),
    Column("seed", "whole", "draws the initial values and the batches", null=False, needed=True, part_of="key"),
    Column(
        "signal_seed",
        "whole",
        "draws the signal, its noise and the samples that are seen; as `seed` unless `--signal-seeds` was given",
        null=False,
        otherwise="seed",
        part_of="key",
    ),
    Column("preset", "text", "the extent that the run was started with", page=False),
    Column("steps", "whole", "passes over the lattice that were asked for", "passes", part_of="config_hash"),
    Column("minibatch", "whole", "points an update; null: all", "points", part_of="config_hash"),
    Column("settings", "object", "the model's own", part_of="config_hash"),
    Column("lr_schedule", "text", "`constant`, or `cosine` to a tenth; null: constant", part_of="config_hash"),
    Column("optimiser", "text", "`adam` or `muon`; null: adam", part_of="config_hash"),
    Column("tuned_at", "text", "the preset at which the settings were tuned; null: none", part_of="config_hash"),
    Column(
        "model_code",
        "text",
        "a digest of the code of one's own file that the model is from, with the modules beside it that it imports"
        "; null: the suite's",
        page=False,
        part_of="config_hash",
    ),
    Column(
        "signal_code",
        "text",
        "the same of the files of one's own that the signal and its tasks are from",
        page=False,
        part_of="config_hash",
    ),
    Column(
        "config_hash",
        "text",
        "a digest of settings, steps, batches, precision, schedule, optimiser and one's own code",
        needed=True,
        part_of="key",
    ),
    Column(
        "status", "text", f"{OK}, {DIVERGED}, {OUT_OF_MEMORY} or {UNSUPPORTED}", null=False, needed=True, repeats=True
    ),
    Column("reason", "text", "why it is not ok, or why not the best back end ran"),
    Column("parameters", "whole", "what the model really stores", "real values", repeats=True),
    Column(
        "sees_target",
        "text",
        "the hooks that showed the model its target beside the updates: `initialise_from`, `rearrange`; null: none, or "
        "an older row",
    ),
    *(
        Column(f"{name}{suffix}", "number", f"{metric.meaning}, {when}{_direction(metric)}", metric.unit, repeats=True)
        for suffix, when in SUFFIXES.items()
        for name, metric in METRICS.items()
    ),
    Column("best_step", "whole", "the pass after which the best evaluation was", "passes", repeats=True),
    Column("psnr_constant", "number", "PSNR of the truth's own mean: what learning nothing gives", "dB", repeats=True),
    Column(
        "psnr_rings", "numbers", "PSNR over each ring of the star, the outermost first", "dB", page=False, repeats=True
    ),
    Column("curve", "curve", "step, loss, PSNR and seconds at each evaluation", page=False, repeats=True),
    Column(
        "rates",
        "rates",
        "of the last values, compressed as `--bits` said: bits a value, bytes of the file, PSNR, seconds to encode "
        "and to decode, passes that saw quantised values (docs/bits.md)",
        page=False,
    ),
    Column(
        "operations",
        "number",
        "floating-point operations that evaluating a sample takes, in runs with `--bits` (docs/bits.md)",
        "operations a sample",
        page=False,
    ),
    Column("updates", "whole", "steps of the optimiser; 0 for a solved model", repeats=True),
    Column("seconds", "number", "training alone, without evaluation, storing and compilation", "s"),
    Column("ms_per_update", "number", "`seconds` divided by the updates", "ms"),
    Column("ms_per_pass", "number", "`seconds` divided by the passes over the lattice that were made", "ms"),
    Column("ready_seconds", "number", "from the model's construction to the end of its first update or solution", "s"),
    Column("processor_seconds", "number", "of the host's cores, from construction to the end of training", "s"),
    Column("load_at_start", "number", f"load average of a minute, for each core; times above {BUSY:g} are doubtful"),
    Column(CHECKSUM, "text", "SHA-256 of the residual's file; null: none was kept", page=False),
    Column("peak_memory_bytes", "whole", "the allocator's on CUDA, the process's on Linux", "bytes"),
    Column("device", "text", "kind and name of the processor", machine=True),
    Column("backend", "text", "which implementation of the model ran", machine=True),
    Column(
        "precision",
        "text",
        "of matrix products in training; evaluation is float32",
        part_of="config_hash",
        machine=True,
    ),
    Column("versions", "object", "of Python and the libraries", machine=True),
    Column("commit", "text", "of the suite; + where files differed from it", machine=True),
    Column("protocol", "whole", "of the suite's version, as CHANGELOG.md numbers them; null: an older row", page=False),
    Column("started", "text", "when, in UTC", null=False, needed=True),
    Column(
        "origin",
        "text",
        f"`{REFERENCE_RESULT}` where a row that comes with the suite is shown; null where it is stored",
    ),
)
NAMES = tuple(column.name for column in COLUMNS)


@functools.cache
def names(**properties: Any) -> tuple[str, ...]:
    """The columns with some properties: `names(kind="text", null=False)`."""
    return tuple(c.name for c in COLUMNS if all(getattr(c, name) == value for name, value in properties.items()))


def described() -> str:
    """The table of columns in Markdown."""
    lines = ["| column | type | unit | part of | meaning |", "|---|---|---|---|---|"]
    for column in COLUMNS:
        kind = WORDS[column.kind] + (" or null" if column.null else "")
        lines.append(f"| `{column.name}` | {kind} | {column.unit} | {column.part_of} | {column.meaning} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(described())
