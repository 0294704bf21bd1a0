"""`python -m exporter.emulator`: the emulated account as a server of its own."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from exporter.emulator.api import Emulator
from exporter.emulator.quirks import Quirks
from exporter.emulator.scale import DEMO, Scale
from exporter.emulator.server import serve
from exporter.emulator.world import World


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m exporter.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--environments", type=int, default=DEMO.environments)
    parser.add_argument("--spaces", type=int, default=DEMO.spaces)
    parser.add_argument("--users", type=int, default=DEMO.users)
    parser.add_argument("--guests", type=int, default=DEMO.guests)
    parser.add_argument("--events-per-minute", type=float, default=DEMO.events_per_minute)
    parser.add_argument("--rare", type=float, default=DEMO.rare, help="share of changing events")
    parser.add_argument("--token-lifetime", type=float, default=Quirks.token_lifetime)
    return parser.parse_args(given)


async def _run(chosen: argparse.Namespace) -> None:
    scale = Scale(
        environments=chosen.environments,
        spaces=chosen.spaces,
        users=chosen.users,
        guests=chosen.guests,
        events_per_minute=chosen.events_per_minute,
        rare=chosen.rare,
    )
    emulator = Emulator(World(scale, chosen.seed), Quirks(token_lifetime=chosen.token_lifetime))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(emulator, chosen.port) as url:
        # How the caller learns the port.
        sys.stdout.write(f"listening on {url}\n")
        sys.stdout.flush()
        await stop.wait()


def main(given: Sequence[str] | None = None) -> None:
    asyncio.run(_run(_arguments(given)))


if __name__ == "__main__":
    main()
