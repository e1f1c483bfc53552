"""Objects of JSON are read strictly into dataclasses: whatever is wrong is one line that names the place."""

import dataclasses
import math
from typing import Any, Literal

import pytest

from common.errors import UsageError
from common.typed_json import read


@dataclasses.dataclass(frozen=True)
class Inner:
    weights: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Sample:
    count: int
    rate: float
    kind: Literal["sine", "linear"]
    flag: bool
    name: str
    pair: tuple[int, int]
    inner: dict[str, Inner]
    limit: int | None
    anything: Any = None

    def __post_init__(self):
        if self.count > 100_000:
            raise ValueError(f"count: must be at most 100000, got {self.count}")


GOOD = {
    "count": 3,
    "rate": 0.5,
    "kind": "sine",
    "flag": True,
    "name": "x",
    "pair": [1, 2],
    "inner": {"a": {"weights": [1, 2.5]}},
    "limit": None,
}


def test_values_arrive_with_their_types():
    sample = read(Sample, GOOD | {"count": 1e4, "rate": 2, "limit": 7}, "file")
    assert sample == Sample(10_000, 2.0, "sine", True, "x", (1, 2), {"a": Inner((1.0, 2.5))}, 7)
    assert type(sample.count) is int
    assert type(sample.rate) is float
    assert type(sample.inner["a"].weights[0]) is float


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("count", True, "file.count: expected a whole number, got the value true"),
        ("count", 1.5, "file.count: expected a whole number, got the number 1.5"),
        ("count", "3", 'file.count: expected a whole number, got the string "3"'),
        ("count", math.inf, "file.count: expected a whole number, got the number Infinity"),
        ("count", math.nan, "file.count: expected a whole number, got the number NaN"),
        ("count", None, "file.count: expected a whole number, got null"),
        ("rate", False, "file.rate: expected a finite number, got the value false"),
        ("rate", math.nan, "file.rate: expected a finite number, got the number NaN"),
        ("rate", -math.inf, "file.rate: expected a finite number, got the number -Infinity"),
        ("rate", [1.0], "file.rate: expected a finite number, got a list"),
        ("kind", "cosine", "file.kind: 'cosine' is not allowed; choose from 'sine', 'linear'"),
        ("kind", ["sine"], "file.kind: ['sine'] is not allowed; choose from 'sine', 'linear'"),
        ("flag", 1, "file.flag: expected true or false, got the number 1"),
        ("name", 3, "file.name: expected a string, got the number 3"),
        ("pair", [1], "file.pair: expected 2 entries, got 1"),
        ("pair", [1, "b"], 'file.pair[1]: expected a whole number, got the string "b"'),
        ("pair", {"0": 1}, "file.pair: expected a list, got an object"),
        ("inner", [], "file.inner: expected an object, got a list"),
        ("inner", {"a": 1}, "file.inner.a: expected an object, got the number 1"),
        ("inner", {"a": {"weights": [0, None]}}, "file.inner.a.weights[1]: expected a finite number, got null"),
        ("inner", {"a": {}}, "file.inner.a: the key 'weights' is missing"),
        (
            "inner",
            {"a": {"wights": []}},
            "file.inner.a: unknown key 'wights' (did you mean 'weights'?); known: weights",
        ),
        ("limit", "none", 'file.limit: expected a whole number, got the string "none"'),
        ("count", 100_001, "file.count: must be at most 100000, got 100001"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(key, value, message):
    with pytest.raises(UsageError) as caught:
        read(Sample, GOOD | {key: value}, "file")
    assert str(caught.value) == message


def test_a_number_beyond_floats_is_refused_as_a_number():
    with pytest.raises(UsageError, match=r"^file\.rate: expected a finite number, got the number 1000"):
        read(Sample, GOOD | {"rate": 10**400}, "file")


def test_every_key_without_a_default_is_needed():
    for field in dataclasses.fields(Sample):
        data = {key: value for key, value in GOOD.items() if key != field.name}
        if field.name == "anything":
            assert read(Sample, data, "file").anything is None
            continue
        with pytest.raises(UsageError, match=rf"^file: the key '{field.name}' is missing$"):
            read(Sample, data, "file")


@pytest.mark.parametrize("data", [[], None, 3, "text", True])
def test_an_object_is_an_object(data):
    with pytest.raises(UsageError, match=r"^file: expected an object, got "):
        read(Sample, data, "file")
