"""``python -m exporter.rules``: the rules with other thresholds, to standard output."""

import argparse
import sys
import textwrap
from collections.abc import Sequence

from exporter.rules.every import alerts
from exporter.rules.rendering import operator, prometheus
from exporter.rules.thresholds import Lasts, Thresholds, settable
from exporter.settings.durations import duration

_FORMATS = {"prometheus": prometheus, "operator": operator}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with a line for the first mistake."""
    parser = argparse.ArgumentParser(prog="python -m exporter.rules", description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="sets")
    parser.add_argument("--format", choices=tuple(_FORMATS), default="prometheus")
    parser.add_argument("--list", action="store_true", help="print what can be set, and why")
    given = parser.parse_args(arguments)
    try:
        thresholds = _chosen(given.sets)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(_list(thresholds) if given.list else _FORMATS[given.format](thresholds))
    return 0


def _chosen(sets: Sequence[str]) -> Thresholds:
    """Raise ValueError for the first that is wrong, with a message for whoever typed it."""
    thresholds = Thresholds()
    for one in sets:
        name, equals, text = one.partition("=")
        if not equals:
            raise ValueError(f"{one} is not NAME=VALUE")
        thresholds = thresholds.having(name, text)
    unknown = set(dict(thresholds.severities)) - {alert.name for alert in alerts()}
    if unknown:
        raise ValueError(f"there is no alert {', '.join(sorted(unknown))}")
    return thresholds


def _list(thresholds: Thresholds) -> str:
    lines = []
    for name, (_, why) in settable().items():
        value = getattr(thresholds, name)
        lines.append(f"{name} = {duration(value) if isinstance(why, Lasts) else value}")
        lines += textwrap.wrap(why.text, 96, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
