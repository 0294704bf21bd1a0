"""What is answered before there is a daemon, and that nothing of it is lost when there is one."""

import asyncio
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from exporter.app.daemon import Daemon
from exporter.app.front import Front
from exporter.app.start import settled
from exporter.settings import Loaded, load
from tests.support.processes import Series, ask

_ENVIRON = {
    "FLATFILE_EXPORTER_API_URL": "http://127.0.0.1:9/api/v1",
    "FLATFILE_EXPORTER_AUTH_TOKEN": "pat_front",
    "FLATFILE_EXPORTER_STORAGE_PATH": "none",
    "FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
}
_SECURE = {"FLATFILE_EXPORTER_API_URL": "https://127.0.0.1:9/api/v1"}
_ROOT = Path(__file__).parents[2]


def _loaded(**more: str) -> Loaded:
    return load([], {**_ENVIRON, **more})


@asynccontextmanager
async def _started() -> AsyncIterator[tuple[Front, str]]:
    front = Front(_loaded().settings, {}, time.time)
    front.listen()
    await front.start()
    host, port = front.server.addresses[0]
    try:
        yield front, f"http://{host}:{port}"
    finally:
        await front.server.stop(1.0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)


async def _until(look: Callable[[], bool]) -> None:
    while not look():  # noqa: ASYNC110 - nobody sets an event for it
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/-/healthy", 200, "healthy"),
        ("/healthz", 200, "healthy"),
        ("/-/ready", 503, "starting"),
        ("/readyz", 503, "starting"),
        ("/metrics", 200, "flatfile_exporter_build_info"),
    ],
)
async def test_before_there_is_a_daemon_what_needs_none_is_answered(
    path: str, status: int, said: str
) -> None:
    async with _started() as (_, url):
        reply = await asyncio.to_thread(ask, url + path)
        head = await asyncio.to_thread(ask, url + path, "HEAD")
    assert (reply.status, head.status, head.body) == (status, status, b"")
    assert said in reply.text


async def test_a_scrape_before_there_is_a_daemon_claims_nothing_about_the_account() -> None:
    async with _started() as (_, url):
        page = Series.parse((await asyncio.to_thread(ask, f"{url}/metrics")).text)
    assert page.value("flatfile_exporter_config_last_reload_successful") == 1
    assert not page["flatfile_up"]
    assert not page["flatfile_environments"]
    assert not page["flatfile_environment_agents"]
    assert not page["flatfile_collector_success"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("POST", "/-/reload"), ("GET", "/metrics?collect[]=agents"), ("GET", "/none")],
)
async def test_what_needs_the_daemon_waits_until_it_is_there(method: str, path: str) -> None:
    async with _started() as (front, url):
        asked = asyncio.create_task(asyncio.to_thread(ask, url + path, method))
        # An answer to somebody who came later shows that this one was seen, and waits.
        await _until(lambda: front.server.connections > 0)
        await asyncio.to_thread(ask, f"{url}/-/healthy")
        assert not asked.done()
        loaded = _loaded()
        daemon = Daemon(loaded, lambda: loaded, wall=time.time, rng=Random(1), front=front)
        reply = await asked
        await daemon._session.aclose()
        await daemon._store.aclose()
    assert reply.status == (404 if path == "/none" else 200)


async def test_a_signal_that_came_before_the_daemon_stops_it_in_order() -> None:
    async with _started() as (front, _):
        os.kill(os.getpid(), signal.SIGTERM)
        await _until(lambda: bool(front.signals))
        loaded = _loaded()
        daemon = Daemon(loaded, lambda: loaded, wall=time.time, rng=Random(1), front=front)
        async with asyncio.timeout(10):
            await daemon.run()


async def test_a_hangup_before_the_daemon_reloads_the_configuration() -> None:
    reloaded = asyncio.Event()
    loop = asyncio.get_running_loop()
    loaded = _loaded()

    def reread() -> Loaded:
        loop.call_soon_threadsafe(reloaded.set)
        return loaded

    async with _started() as (front, _):
        os.kill(os.getpid(), signal.SIGHUP)
        await _until(lambda: bool(front.signals))
        daemon = Daemon(loaded, reread, wall=time.time, rng=Random(1), front=front)
        async with asyncio.timeout(10):
            running = asyncio.create_task(daemon.run())
            await reloaded.wait()
            daemon.stop()
            await running


def test_nothing_heavy_is_imported_before_the_listener_is_open() -> None:
    code = (
        "import sys, exporter.app.start, exporter.cli, exporter.settings\n"
        "exporter.settings.load([], {})\n"
        "from exporter.web.listeners import listen\n"
        "listen([exporter.settings.ListenAddress('127.0.0.1', 0)])[0].close()\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, check=True)
    imported = set(done.stdout.decode().split())
    assert "exporter.web.server" in imported
    assert not imported & {"httpx", "structlog", "prometheus_client", "yaml", "sqlite3"}
    assert not imported & {"exporter.app.daemon", "exporter.catalog", "exporter.web.guard"}
    assert "encodings.idna" not in imported


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "127.0.0.1, localhost,.example"},
        {"SSL_CERT_FILE": ""},
        {"SSL_CERT_FILE": "/none/such.pem"},  # without TLS nobody reads it
    ],
    ids=["nothing", "a-plain-proxy", "an-empty-variable", "unused-certificates"],
)
def test_the_listener_opens_first_where_nothing_can_turn_out_wrong(
    environ: Mapping[str, str],
) -> None:
    assert settled(_loaded(), environ)


@pytest.mark.parametrize(
    ("more", "environ"),
    [
        ({}, {"HTTPS_PROXY": "socks5://proxy.example"}),
        ({}, {"all_proxy": "http://[::1"}),
        ({}, {"NO_PROXY": "[::1"}),
        (_SECURE, {"SSL_CERT_FILE": "/none/such.pem"}),
        (_SECURE, {"SSL_CERT_FILE": __file__}),
        ({}, {"SSL_CERT_FILE": __file__, "http_proxy": "https://proxy.example"}),
        ({"FLATFILE_EXPORTER_API_URL": "http://ex_ample/v1"}, {}),
        ({"FLATFILE_EXPORTER_API_CA_FILE": __file__}, {}),
        ({"FLATFILE_EXPORTER_AUDIT": "true", "FLATFILE_EXPORTER_STORAGE_PATH": "data"}, {}),
    ],
    ids=[
        "socks",
        "all",
        "no-proxy",
        "no-file",
        "no-certificates",
        "proxy-with-tls",
        "host",
        "ca-file",
        "audit",
    ],
)
def test_what_may_turn_out_wrong_is_looked_at_before_the_listener_opens(
    more: Mapping[str, str], environ: Mapping[str, str]
) -> None:
    assert not settled(_loaded(**more), environ)


def test_what_was_imported_is_no_work_for_the_garbage_collector() -> None:
    code = (
        "import gc, exporter.app.daemon\n"
        "from exporter.app.start import spare_the_loop\n"
        "spare_the_loop()\n"
        "print(len(gc.get_objects()), gc.get_freeze_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, check=True)
    seen, spared = map(int, done.stdout.split())
    assert seen < spared / 100


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc parts its memory")
@pytest.mark.parametrize(
    ("environ", "parts"), [({}, 1), ({"MALLOC_ARENA_MAX": "3"}, 3)], ids=["ours", "the-operator-s"]
)
def test_all_threads_take_memory_from_one_place_unless_somebody_said_otherwise(
    environ: Mapping[str, str], parts: int
) -> None:
    code = (
        "import ctypes, os, threading\n"
        "from exporter.app.start import share_memory\n"
        "share_memory(os.environ)\n"
        "together = threading.Barrier(5)\n"
        "def work():\n"
        "    held = [bytes(1000) for _ in range(100)]\n"
        "    together.wait()\n"
        "threads = [threading.Thread(target=work) for _ in range(5)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "ctypes.CDLL(None).malloc_stats()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, env=dict(environ), capture_output=True, check=True
    )
    assert done.stderr.count(b"Arena ") == parts
