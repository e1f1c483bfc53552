"""What a page carries."""

import json
import re

from harness.report.page import unpacked


def data_of(page, element="data"):
    """The value in an element of a page's text: its data, or its pictures."""
    text = re.search(rf'id="{element}">(.*?)</script>', page, re.DOTALL)[1]
    return unpacked(text) if element == "data" else json.loads(text)
