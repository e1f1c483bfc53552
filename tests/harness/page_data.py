"""What a page carries, read as its script reads it."""

import base64
import gzip
import json
import re


def data_of(page, element="data"):
    """The value in an element of a page's text: its data, or its pictures."""
    text = re.search(rf'id="{element}">(.*?)</script>', page, re.DOTALL)[1]
    return json.loads(gzip.decompress(base64.b64decode(text)) if element == "data" else text)
