"""What the page says of a model: read from its file, and complete for every shipped one."""

import dataclasses
import re

import pytest

import models
from harness.report.about import about

SHIPPED = [name for name in models.registry.names() if models.get_model(name).__module__.startswith("models.")]


@pytest.fixture(scope="module")
def told():
    return about(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_setting_of_a_shipped_model_is_explained(told, name):
    fields = [field.name for field in dataclasses.fields(models.get_model(name).Config)]
    unexplained = [field for field in fields if field not in told[name]["settings"]]
    assert unexplained == [], "say behind the field or above it what it is, with its unit and source"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_source_names_its_authors_and_year(told, name):
    paper = told[name]["paper"]
    assert re.match(r"[A-Z]\w+.* (?:19|20)\d\d\b", paper or ""), f"in brackets in the file's docstring, not {paper}"


def test_comments_behind_above_and_inherited(told):
    assert told["Siren"]["settings"]["hidden_layers"] == "after the first"
    assert told["Siren"]["settings"]["omega"] == "rad per unit of pre-activation, in every layer"
    assert told["Grid_TV"]["settings"]["initial"] == told["Grid"]["settings"]["initial"]
    assert told["FBP"]["settings"] == told["Grid_exact"]["settings"]


def test_others_are_left_out(told):
    assert about(["Mine"]) == {}
    assert set(told) == set(SHIPPED)


def test_a_title_does_not_repeat_the_name(told):
    assert told["Siren"]["title"].startswith("a coordinate network")
    assert told["Grid_TV"]["title"].startswith("one value a node")
