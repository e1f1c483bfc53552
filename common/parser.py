"""How every command reads its words."""

import argparse
import re
from typing import Any, NoReturn

from common.errors import UsageError, suggest


class Parser(argparse.ArgumentParser):
    """Raises a mistake in the words as a UsageError, which is one line as every other one."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse's, but an option that this command lacks is a mistake at once, with one of nearly its name."""
        options, others = super().parse_known_args(args, namespace)
        unknown = [word.partition("=")[0] for word in others if word.startswith("--")]
        if unknown:
            names = [name[2:] for name in self._option_string_actions if name.startswith("--")]
            hint = suggest(unknown[0][2:], names).replace("'", "'--", 1)
            self.error(f"unrecognized arguments: {' '.join(others)}{hint}")
        return options, others

    def error(self, message: str) -> NoReturn:
        if match := re.search(r"invalid choice: '(.*)'( \(choose from (.*)\))", message):
            given, allowed, names = match.groups()
            message = message.replace(allowed, suggest(given, re.findall(r"[\w-]+", names)) + allowed)
        if match := re.fullmatch(r"argument (?:.*/)?(--[\w-]+): expected (one|at least one) argument", message):
            message += f"; one that begins with - is given as {match[1]}=-…"
        raise UsageError(f"{message}; --help names every option")
