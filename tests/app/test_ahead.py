"""What is asked before there is a daemon is asked once, and lost by nobody."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
import pytest

from exporter.app.ahead import Ahead, ask_ahead
from exporter.app.daemon import Daemon
from exporter.emulator import Emulator, Fault, World
from exporter.settings import Loaded, resolve
from tests.support.account import wall
from tests.support.days import ENVIRON, FLAGS, SMALL, linked

_ROOT = Path(__file__).parents[2]


def _load(**flags: str) -> Loaded:
    return resolve({**FLAGS, "events.watch": "false", **flags}, ENVIRON)


@pytest.fixture
async def emulator() -> Emulator:
    return Emulator(World(SMALL, 1, wall))


def _begun(emulator: Emulator) -> Ahead:
    return ask_ahead(_load().settings, Random(1), linked(httpx.ASGITransport(emulator)))


def _daemon(emulator: Emulator, ahead: Ahead, reread: Callable[[], Loaded] = _load) -> Daemon:
    link = linked(httpx.ASGITransport(emulator))
    daemon = Daemon(_load(), reread, wall=wall, rng=Random(1), link=link, ahead=ahead)
    daemon.listen()
    return daemon


async def _run(daemon: Daemon, seconds: float) -> None:
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(seconds)
    daemon.stop()
    await running


def _asked(emulator: Emulator, path: str) -> int:
    return sum(1 for request in emulator.requests if request.path == path)


async def test_what_was_asked_ahead_is_not_asked_again_by_the_first_rounds(
    emulator: Emulator,
) -> None:
    ahead = _begun(emulator)
    await asyncio.sleep(0.5)
    listed = _asked(emulator, "/environments")
    assert (listed > 0, _asked(emulator, "/auth"), ahead.listing.done()) == (True, 1, True)
    await _run(_daemon(emulator, ahead), 60.0)
    assert (_asked(emulator, "/environments"), _asked(emulator, "/auth")) == (listed, 1)
    assert _asked(emulator, "/agents") >= SMALL.environments


async def test_what_failed_ahead_is_asked_again_by_the_first_rounds(emulator: Emulator) -> None:
    emulator.faults.set([Fault("status", route="/environments", status=403)])
    ahead = _begun(emulator)
    await asyncio.sleep(1.0)
    assert ahead.listing.done()
    emulator.faults.clear()
    daemon = _daemon(emulator, ahead)
    await _run(daemon, 60.0)
    assert daemon._board.snapshot.records["agents"].succeeded


async def test_the_first_rounds_wait_for_what_is_still_being_asked(emulator: Emulator) -> None:
    emulator.faults.set([Fault("latency", route="/environments", delay=20.0, count=1)])
    ahead = _begun(emulator)
    daemon = _daemon(emulator, ahead)
    await _run(daemon, 60.0)
    once = _asked(emulator, "/environments")
    assert daemon._board.snapshot.records["agents"].succeeded
    other = _begun(emulator)
    await other.listing
    await other.drop()
    assert _asked(emulator, "/environments") == 2 * once


async def test_what_readiness_waits_for_is_asked_at_once_and_the_rest_a_little_later(
    emulator: Emulator,
) -> None:
    began = wall()
    await _run(_daemon(emulator, _begun(emulator)), 60.0)
    first = {request.path: request.at - began for request in reversed(emulator.requests)}
    assert first["/environments"] == first["/agents"] == 0.0
    assert min(first["/users"], first["/spaces"]) > 0.0


@pytest.mark.parametrize("when", ["stopped", "stopped at work", "reloaded"])
async def test_what_nobody_waits_for_any_more_is_given_up(emulator: Emulator, when: str) -> None:
    emulator.faults.set([Fault("hang")])
    ahead = _begun(emulator)
    daemon = _daemon(emulator, ahead)
    await asyncio.sleep(1.0)
    if when == "stopped":
        daemon.stop()
        await daemon.run()
    elif when == "stopped at work":
        await _run(daemon, 1.0)
    else:
        assert await daemon.reload() == ()
        emulator.faults.clear()
        await _run(daemon, 60.0)
        assert daemon._board.snapshot.records["agents"].succeeded
    assert ahead.listing.cancelled()


def test_the_account_is_asked_while_the_daemon_is_still_being_imported() -> None:
    code = """
import asyncio, socket, sys, threading
from importlib.abc import MetaPathFinder
from exporter.app.start import serve
from exporter.settings import load

listener = socket.create_server(("127.0.0.1", 0))
came = threading.Event()
threading.Thread(target=lambda: (listener.accept(), came.set()), daemon=True).start()

class Slow(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "exporter.app.daemon":
            print("asked" if came.wait(20.0) else "not asked", flush=True)
            sys.stdout.flush()
            import os; os._exit(0)

sys.meta_path.insert(0, Slow())
loaded = load([], {
    "FLATFILE_EXPORTER_API_URL": f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1",
    "FLATFILE_EXPORTER_AUTH_TOKEN": "pat_ahead",
    "FLATFILE_EXPORTER_STORAGE_PATH": "none",
    "FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
})
asyncio.run(serve(loaded, lambda: loaded, {}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, check=True)
    assert done.stdout.split() == [b"asked"], done.stderr.decode()
