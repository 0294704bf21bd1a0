"""The arguments of ``audit`` and its subcommands."""

import argparse
from collections.abc import Callable
from pathlib import Path

from exporter.auditor.export import CHOICES
from exporter.auditor.moments import FORM, moment

ACTIONS = {
    "export": "write records to standard output",
    "verify": "prove that nobody changed, cut or replaced the log",
    "backfill": "read events of long ago; goes on where it was stopped",
    "redact": "erase a person for good",
    "dead-letters": "list what sinks refused",
    "resend": "have dead letters sent once more",
}


def add_parsers(
    parser: argparse.ArgumentParser, add_settings: Callable[[argparse.ArgumentParser], None]
) -> None:
    """Add a parser for each subcommand; which it was becomes ``action``.

    ``add_settings`` adds the flags of the settings to one of them.
    """
    among = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
    parsers = {
        action: among.add_parser(
            action,
            # Said before each mistake: all settings by name would bury the mistake.
            usage=f"{parser.prog} {action} [options]{' PERSON' * (action == 'redact')}",
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=parser.epilog,
        )
        for action, what in ACTIONS.items()
    }
    _export(parsers["export"])
    _verify(parsers["verify"])
    parsers["backfill"].add_argument(
        "--since", type=moment, required=True, metavar="TIME", help=f"how far back: {FORM}"
    )
    redact = parsers["redact"]
    redact.add_argument("person", metavar="PERSON", help="id, or the exact name or address")
    redact.add_argument("--yes", action="store_true", help="do not ask")
    for action in ("dead-letters", "resend"):
        parsers[action].add_argument("--sink", metavar="NAME", help="of this sink only")
    for one in parsers.values():
        add_settings(one)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", type=moment, metavar="TIME", help=f"from then on: {FORM}")
    parser.add_argument("--until", type=moment, metavar="TIME", help="up to but without then")
    for flag, what in (
        ("environment", "by id, or by the name that it has or had then"),
        ("space", "likewise"),
        ("actor", "who did it: by id, by exact name or address, or an agent's slug"),
        ("topic", "such as space:deleted, or 'space:*'"),
    ):
        parser.add_argument(
            f"--{flag}",
            action="append",
            default=[],
            metavar=flag.upper(),
            help=f"{what}; repeatable",
        )
    parser.add_argument("--format", choices=CHOICES, default="native", help="default: native")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--public-key", type=Path, metavar="FILE", help="the key's public half, kept elsewhere"
    )
    parser.add_argument(
        "--head", type=Path, metavar="FILE", help="a signed head (head.json), kept elsewhere"
    )
    parser.add_argument(
        "--from-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="prove lines of format native instead of the store; repeatable, oldest file first",
    )
