"""Play storms in virtual time: ``python -m tests.chaos --seed 1 --hours 2 --storms 10``."""

import argparse
import asyncio
import sys

from exporter import logs
from tests.audit.soak import memory_disk
from tests.chaos.harness import Broken, play
from tests.chaos.loop import ChaosLoop


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first storm")
    parser.add_argument("--hours", type=float, default=1.0, help="that each lasts")
    parser.add_argument("--storms", type=int, default=1, help="with one seed after the other")
    parser.add_argument("--audit", action="store_true", help="with an audit log in it")
    chosen = parser.parse_args()
    logs.configure("error", "logfmt")
    broken = 0
    for seed in range(chosen.seed, chosen.seed + chosen.storms):
        with asyncio.Runner(loop_factory=ChaosLoop) as runner, memory_disk() as folder:
            audit = folder if chosen.audit else None
            try:
                print(runner.run(play(seed, chosen.hours, audit=audit)), flush=True)
            except Broken as problem:
                broken += 1
                print(f"seed {seed}: {problem}", file=sys.stderr, flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
