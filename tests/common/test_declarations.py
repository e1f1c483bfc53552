"""What a class declares is held to its contract when it is registered: files of one's own with a slip in each."""

import pytest

from common.errors import UsageError
from tests import own_files

NAME = {kind: f'    name = "{name}"' for kind, name in own_files.NEW.items()}  # the line before which others may stand
DECORATOR = "    @classmethod\n"


@pytest.mark.parametrize(
    ("kind", "old", "new", "says"),
    [
        ("model", "", "smallest = 2.0", ".smallest must be of type int, got 2.0"),
        ("model", "", "lattice_only = None", ".lattice_only must be of type bool, got None"),
        ("model", "", 'backends = "torch"', ".backends must be of type tuple[str, ...], got 'torch'"),
        (
            "model",
            "",
            'precision = "fp16"',
            ".precision must be of type Literal['fp32', 'tf32', 'bf16', 'bf16x3'], got",
        ),
        ("model", "", 'label = "solved"', ".label must be of type Literal['learned', 'classical'], got 'solved'"),
        ("model", "(Representation)", "(nn.Module)", " must be a subclass of Representation (models.base)"),
        ("model", "def forward", "def unsupported", ".unsupported needs @classmethod before it, as Representation's"),
        ("model", "def forward", "def heads", " defines heads; let heads_on_lattice give as many"),
        ("signal", "dims = (2, 3)", "dims = 2", ".dims must be of type tuple[Literal[2, 3], ...], got 2"),
        ("signal", "dims = (2, 3)", "dims = (1, 2)", ".dims must be of type tuple[Literal[2, 3], ...], got (1, 2)"),
        ("signal", "dims = (2, 3)", "", " needs dims, a class attribute of type tuple[Literal[2, 3], ...]"),
        ("signal", "", 'kind = "picture"', ".kind must be of type Literal['synthetic', 'image', 'volume'], got"),
        ("signal", "", 'difficulty = "rings"', ".difficulty must be of type Difficulty, got 'rings'"),
        ("signal", DECORATOR, "", ".build needs @classmethod before it, as SignalFamily's has"),
        ("task", "", "dims = 2", ".dims must be of type tuple[Literal[2, 3], ...], got 2"),
        ("task", "needs = Needs(pointwise=False)", "needs = False", ".needs must be of type Needs, got False"),
        ("task", "", "settings = 1", ".settings must be of type str | None, got 1"),
        ("task", "", "levels = (0.5,)", " has level '' and levels (0.5,); give both, or neither"),
        ("task", "", 'level = "width"', " has level 'width' and levels (); give both, or neither"),
        ("task", f"\n{DECORATOR}", "\n", ".build needs @classmethod before it, as TaskFamily's has"),
    ],
)
def test_a_slip_is_one_line_when_the_file_is_loaded(tmp_path, kind, old, new, says):
    """new: in place of old; without an old, a line more."""
    path = own_files.write(kind, tmp_path)
    own_files.edit(path, *((old, new) if old else (NAME[kind], f"    {new}\n{NAME[kind]}")))
    with own_files.forgotten(), pytest.raises(UsageError) as caught:
        own_files.REGISTRIES[kind].load_file(path)
    assert f"ValueError: {own_files.NEW[kind].replace('new_task', 'NewTask')}{says}" in str(caught.value)


def test_a_static_method_serves_for_a_class_method(tmp_path):
    path = own_files.write("model", tmp_path)
    more = '    @staticmethod\n    def unsupported(dim, channels, needs):\n        return "never"\n\n'
    own_files.edit(path, "    def forward", f"{more}    def forward")
    with own_files.forgotten():
        own_files.REGISTRIES["model"].load_file(path)
        assert own_files.REGISTRIES["model"].get(own_files.NEW["model"]).unsupported(3, 1, None) == "never"


RECORDED = """
from target_signals.base import RecordedFamily, Signal, register

@register
class Mine(RecordedFamily):
    name = "Mine"
    dims = (2,)
"""


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("    typical_shape = (9, 9)", "Mine needs items, a class attribute of type tuple[str, ...]"),
        ("    items = ('a',)", "Mine needs typical_shape, a class attribute of type tuple[int, ...]"),
        ("    items = ('a')\n    typical_shape = (9, 9)", "Mine.items must be of type tuple[str, ...], got 'a'"),
    ],
)
def test_a_base_that_is_derived_from_the_contract_asks_for_more(tmp_path, lines, says):
    path = tmp_path / "mine.py"
    path.write_text(f"{RECORDED}{lines}\n", encoding="utf-8")
    with own_files.forgotten(), pytest.raises(UsageError) as caught:
        own_files.REGISTRIES["signal"].load_file(path)
    assert says in str(caught.value)
