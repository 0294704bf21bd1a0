"""The command line: which command, with which settings, ending with which exit code.

0: stopped in order, or all is well. 1: a check failed, or the run ended in an error. 2: the
configuration is wrong, one line for each mistake.

What a command stands on is imported when it is chosen: the daemon answers before most of it.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

from exporter import __version__
from exporter.errors import ConfigurationError, RoundError
from exporter.settings import add_flags, asks_for_help, from_namespace, resolve, unknown
from exporter.settings.loading import Loaded

Load = Callable[[Mapping[str, str]], Loaded]

_ABOUT = "Prometheus exporter for Flatfile accounts."
_COMMANDS = {
    "demo": "the same daemon against an emulated account, without a credential",
    "check": "validate the configuration, log in, ask one question for each collector",
    "inventory": "print environments, their Spaces and their agents, once",
    "audit": "export, verify, backfill or redact the audit log",
}
_FAILED, _MISCONFIGURED = 1, 2


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; its exit code."""
    command = argv[0] if argv and argv[0] in _COMMANDS else ""
    # Descriptions of settings are read from our source: not unless somebody asks.
    flags = partial(add_flags, described=asks_for_help(argv))
    chosen, rest = _parser(command, flags).parse_known_args(argv[1:] if command else argv)
    load = partial(resolve, from_namespace(chosen), mistakes=unknown(rest))
    try:
        return _run(command, chosen, load, environ)
    except ConfigurationError as error:
        for mistake in error.mistakes:
            _complain(str(mistake))
        return _MISCONFIGURED
    except BrokenPipeError:
        # Whoever read our output has seen enough (`inventory | head`); say so to nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except Exception:  # noqa: BLE001 - the outermost there is: it ends the process, loudly
        import structlog  # noqa: PLC0415 - 20 ms, for what never happens

        structlog.get_logger().critical("crashed", exc_info=True)
        return _FAILED


def _parser(
    command: str, flags: Callable[[argparse.ArgumentParser], None]
) -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<10} {what}" for name, what in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=f"flatfile-exporter {command}".rstrip(),
        description=f"{_COMMANDS[command]}." if command else f"{_ABOUT}\n\ncommands:\n{listed}",
        epilog="A secret is never a flag: see the environment variables, or the -file settings.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"flatfile-exporter {__version__}")
    if command == "inventory":
        from exporter.inventory.formats import FORMATS  # noqa: PLC0415 - imported by the command that needs it

        parser.add_argument("--format", choices=sorted(FORMATS), default="table")
    if command in {"check", ""}:
        parser.add_argument(
            "--offline" if command else "--config.check",
            dest="offline",
            action="store_true",
            help="read the configuration, ask nothing of Flatfile",
        )
    if command == "audit":
        from exporter.auditor.arguments import add_parsers  # noqa: PLC0415 - heavy, see _audit

        add_parsers(parser, flags)
    else:
        flags(parser)
    return parser


def _run(command: str, chosen: argparse.Namespace, load: Load, environ: Mapping[str, str]) -> int:
    if command == "demo":
        from exporter import demo  # noqa: PLC0415 - imported by the command that needs it

        asyncio.run(demo.run(load, environ, _say))
        return 0
    loaded = load(environ)
    if not command and not chosen.offline:
        from exporter.app.start import serve  # noqa: PLC0415 - imported by the command that needs it

        asyncio.run(serve(loaded, lambda: load(environ), environ))
        return 0
    return _once(command, chosen, loaded)


def _once(command: str, chosen: argparse.Namespace, loaded: Loaded) -> int:
    from exporter import check, logs  # noqa: PLC0415 - imported by the command that needs it

    logs.configure(loaded.settings.log.level, loaded.settings.log.format)
    if command == "inventory":
        return asyncio.run(_inventory(loaded, chosen.format))
    if command == "audit":
        return _audit(chosen, loaded)
    if chosen.offline:
        return check.offline(loaded, _say)
    return asyncio.run(check.online(loaded, _say))


def _audit(chosen: argparse.Namespace, loaded: Loaded) -> int:
    # Signatures and their like are for this command only: the others start without them.
    from exporter.audit.place import place  # noqa: PLC0415 - imported by the command that needs it
    from exporter.auditor.backfill import backfill  # noqa: PLC0415 - imported by the command that needs it
    from exporter.auditor.command import run  # noqa: PLC0415 - imported by the command that needs it
    from exporter.auditor.moments import Moment  # noqa: PLC0415 - imported by the command that needs it
    from exporter.auditor.streams import Streams  # noqa: PLC0415 - imported by the command that needs it

    where = place(loaded.settings)
    streams = Streams.standard(_say, _complain)

    async def fill(since: Moment) -> int:
        return await backfill(loaded.settings, where, since, streams)

    return run(chosen, where, streams, fill, now=time.time())


async def _inventory(loaded: Loaded, form: str) -> int:
    from exporter.app.link import open_session  # noqa: PLC0415 - imported by the command that needs it
    from exporter.inventory import take  # noqa: PLC0415 - imported by the command that needs it

    session = open_session(loaded.settings, wall=time.time, rng=Random())
    try:
        await take.run(session.flatfile, loaded.settings, form)
    except RoundError as error:
        _complain(f"{error.reason}: {error}")
        return _FAILED
    finally:
        await session.aclose()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _complain(message: str) -> None:
    sys.stderr.write(f"flatfile-exporter: {message}\n")
