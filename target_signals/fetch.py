"""Get recorded files that have a public address, and say which are there.

    python -m target_signals.fetch --list
    python -m target_signals.fetch DIV2K DIV2K_HR Dragon

Names are those of catalogue.SOURCES. What is downloaded goes to the cache, where signals look for it
(recorded/local_files.py).
"""

import sys
from collections.abc import Sequence

from common.errors import UsageError, suggest
from common.exits import EXIT_FAILED, EXIT_OK, guarded
from common.parser import Parser
from target_signals.recorded.catalogue import MB, SOURCES, Source
from target_signals.recorded.download import FetchError, obtain
from target_signals.recorded.inventory import take_inventory
from target_signals.recorded.local_files import cache_folder, local, looked_in, missing


def listing() -> str:
    """What is there and what is missing, with sizes, licences and addresses."""
    lines = [f"looked in {looked_in()}"]
    for name, source in SOURCES.items():
        inventory = take_inventory(source)
        lines += ["", f"{name}: {inventory.count()}; {source.licence}"]
        if source.archive:
            lines.append(f"  from {source.archive.url} ({source.archive.size / MB:,.0f} MB)")
        for file, state in inventory.states.items():
            size = f"{file.size / MB:.2f} MB" if file.size else "size unknown"
            lines.append(f"  {file.path:28} {size:>12}  {state}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all is there, 1 a download failed, 2 a mistake in what was asked for."""
    return guarded(lambda: run(arguments), resume="run the same command again to resume")


def run(arguments: Sequence[str] | None) -> int:
    """As `main`, but for a UsageError, which is raised."""
    parser = Parser(prog="python -m target_signals.fetch", description="Download recorded signals into the cache.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(SOURCES))
    parser.add_argument("--list", action="store_true", help="say what is there and what is missing, and stop")
    parser.add_argument("--keep", action="store_true", help="keep the archives after extracting from them")
    options = parser.parse_args(arguments)
    sources = {name: _source(name) for name in options.names}
    if options.list:
        print(listing())
        return EXIT_OK
    if not sources:
        raise UsageError(f"name what to fetch: {', '.join(SOURCES)}; or give --list")
    try:
        for name, source in sources.items():
            _obtain(name, source, options.keep)
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise UsageError(f"nothing is called '{name}'{suggest(name, SOURCES)}; known: {', '.join(SOURCES)}")
    return SOURCES[name]


def _obtain(name: str, source: Source, keep: bool) -> None:
    wanted = source.archive.members.values() if source.archive else [file.path for file in source.files]
    if missing(wanted) is None:
        for path in wanted:
            local(path)
        print(f"{name}: all there already")
    elif source.archive is None:
        raise UsageError(f"{name} cannot be downloaded: {missing(wanted)}")
    else:
        obtain(source, cache_folder(), keep)
        print(f"{name}: {len(wanted)} files in {cache_folder()} ({source.licence})")


if __name__ == "__main__":
    sys.exit(main())
