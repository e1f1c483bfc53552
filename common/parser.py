"""How every command reads its words."""

import argparse
import re
from typing import NoReturn

from common.errors import UsageError, suggest


class Parser(argparse.ArgumentParser):
    """Raises a mistake in the words as a UsageError, which is one line as every other one."""

    def error(self, message: str) -> NoReturn:
        if match := re.search(r"invalid choice: '(.*)'( \(choose from (.*)\))", message):
            given, allowed, names = match.groups()
            message = message.replace(allowed, suggest(given, re.findall(r"[\w-]+", names)) + allowed)
        if match := re.fullmatch(r"argument (?:.*/)?(--[\w-]+): expected (one|at least one) argument", message):
            message += f"; one that begins with - is given as {match[1]}=-…"
        raise UsageError(f"{message}; --help names every option")
