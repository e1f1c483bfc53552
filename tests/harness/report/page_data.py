"""What a page holds, read from its text as its script reads it."""

import base64
import gzip
import json
import re


def data_of(page, element="data"):
    text = re.search(rf'id="{element}">(.*?)</script>', page, re.DOTALL)[1]
    return json.loads(gzip.decompress(base64.b64decode(text)) if element == "data" else text)
