"""Numbers as people read them."""

import pytest

from common.words import budget_text


@pytest.mark.parametrize(("size", "text"), [(500, "500"), (2500, "2.5k"), (10_000, "10k"), (3_000_000, "3M")])
def test_budgets_as_text(size, text):
    assert budget_text(size) == text
