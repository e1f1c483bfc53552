"""The option `--set Siren.lr=3e-5`: one value of the settings file, changed before the file is checked."""

import json
from typing import Any

from common.errors import UsageError, suggest
from common.typed_json import kind_of


def apply_setting(data: dict[str, Any], setting: str) -> tuple[str, str] | None:
    """Put `path=value` into the JSON; the model and the setting that it changes, None where it changes something else.

    A path that starts at no top-level key starts under `models`.
    """
    path, equals, text = setting.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise UsageError(f"--set takes PATH=VALUE like Siren.lr=3e-5, got '{setting}'")
    try:
        value = json.loads(text)
    except ValueError:
        value = text.strip()  # a bare word is a string
    models = data.get("models")
    known = [*data, *models] if isinstance(models, dict) else [*data]
    if keys[0] not in known and len(keys) > 2:  # a newcomer's model is absent from the file, yet Newcomer.lr is plain
        raise UsageError(
            f"--set {setting}: there is no '{keys[0]}'{suggest(keys[0], known)}; known: {', '.join(known)}"
        )
    if keys[0] not in data:
        keys = ["models", *keys]
    if keys[0] == "models" and len(keys) > 2 and isinstance(models, dict):
        models.setdefault(keys[1], {})
    *parents, last = keys
    node: Any = data
    for key in parents:
        if not isinstance(node, dict) or key not in node:
            known = list(node) if isinstance(node, dict) else []
            raise UsageError(f"--set {setting}: there is no '{key}'{suggest(key, known)}; known: {', '.join(known)}")
        node = node[key]
    if not isinstance(node, dict):
        raise UsageError(f"--set {setting}: '{'.'.join(parents)}' is {kind_of(node)} and has no '{last}'")
    node[last] = value
    return (keys[1], keys[2]) if keys[0] == "models" and len(keys) > 2 else None
