"""The page put together: markup, style, scripts and data in one file that needs nothing else.

Rows come from other people. They reach the page as JSON only, compressed or such that no tag can end in it, and the
script puts them into the document as text only. A content security policy allows the scripts written here, by their
digests, and no request.
"""

import base64
import gzip
import hashlib
import json
from importlib import resources
from typing import Any

from harness.report.looks import stylesheet

SCRIPTS = (
    *("dom", "rows", "lines", "state", "controls", "overview", "answers", "standing", "leaderboard", "heatmap"),
    *("charts", "ranks", "gaps", "trials", "command", "exhibit", "trial", "beside", "own", "models"),
    *("presets", "rates", "downloads", "main"),
)


def assemble(data: dict[str, Any], pictures: dict[str, Any], parquet: bytes | None, library: str | None) -> str:
    """The whole page. parquet: the table as a file, where pyarrow made one. library: that of the charts, if any."""
    script = "(async () => {\n'use strict';\n" + "\n".join(_asset(f"{name}.js") for name in SCRIPTS) + "})();\n"
    scripts = [script] if library is None else [script, library]
    policy = [
        "default-src 'none'",
        f"script-src {' '.join(map(_digest, scripts))}",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    parts = {
        "policy": "; ".join(policy),
        "style": _asset("style.css") + stylesheet(data.get("looks", {})) + _asset("print.css"),
        "data": _packed(data),
        "pictures": _json(pictures),
        "parquet": "" if parquet is None else base64.b64encode(parquet).decode(),
        "scripts": "\n".join(f"<script>{text}</script>" for text in scripts),
    }
    page = _asset("page.html")
    for name, text in parts.items():
        before, after = page.split(f"<!--{name}-->")
        page = f"{before}{text}{after}"
    return page


def _packed(value: Any) -> str:
    """JSON, compressed by gzip, in base64: a sixth of its length. The same value gives the same text."""
    return base64.b64encode(gzip.compress(_text(value).encode(), mtime=0)).decode()


def _json(value: Any) -> str:
    """JSON in which nothing can end the element that it stands in."""
    return _text(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return resources.files("harness.report").joinpath("assets", name).read_text(encoding="utf-8")
