"""What is answered where, in virtual time and without a socket."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.board import Board, Outcome, Record, Snapshot, ended
from exporter.errors import ServerFailed
from exporter.exposition import Exposition
from exporter.families import Kind, Measured
from exporter.precedence import Precedence
from exporter.web.answers import Answer, reply
from exporter.web.app import App, Parts
from exporter.web.asgi import Message
from exporter.web.status import EnvironmentStatus, Status
from tests.support.turning import turning
from tests.web.stages import a_status, no_mistake

HEALTHY = ("/-/healthy", "/healthz", "/livez")
READY = ("/-/ready", "/readyz")
AGENTS = Measured(
    name="flatfile_environment_agents",
    help="Agents.",
    kind=Kind.GAUGE,
    labels=("environment_id",),
    samples=((("us_env_1",), 0.0),),
)


@dataclass
class Stage:
    """The application with a board on which two essential collectors are switched on."""

    board: Board = field(default_factory=Board)
    reload: Callable[[], Awaitable[tuple[str, ...]]] = no_mistake
    status: Callable[[], Status] = a_status
    telemetry_path: str = "/metrics"
    max_requests: int = 0
    precedence: Precedence = field(default_factory=lambda: Precedence(lambda: 0.0))

    def __post_init__(self) -> None:
        record = Record(interval=60, retain=600, essential=True)
        other = replace(record, essential=False)
        records = {"environments": record, "agents": record, "users": other}
        self.board.snapshot = Snapshot(records=records)

    def round(self, name: str, *measured: Measured) -> None:
        outcome = Outcome(now=0, started=1, ended=2, duration=1, measured=measured)
        self.board.swap(ended(name, outcome))

    def failed(self, name: str, problem: str) -> None:
        outcome = Outcome(now=0, started=1, ended=2, duration=1, error=ServerFailed(problem))
        self.board.swap(ended(name, outcome))

    def app(self) -> App:
        exposition = Exposition(self.board, tuple, lambda: 0.0)
        return App(
            Parts(
                board=self.board,
                exposition=exposition,
                status=self.show,
                reload=self.reload,
                telemetry_path=self.telemetry_path,
                max_requests=lambda: self.max_requests,
                precedence=self.precedence,
            )
        )

    def show(self) -> Status:
        return self.status()

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app())
        return httpx.AsyncClient(transport=transport, base_url="http://exporter.test")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        async with self.client() as client:
            return await client.get(path, headers={"accept-encoding": "identity", **headers})

    async def post(self, path: str, **headers: str) -> httpx.Response:
        async with self.client() as client:
            return await client.post(path, headers=headers)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_metrics_are_served_in_both_formats_and_encodings(stage: Stage) -> None:
    stage.round("agents", AGENTS)
    answer = await stage.get("/metrics")
    line = 'flatfile_environment_agents{environment_id="us_env_1"} 0\n'
    assert answer.text.endswith(line)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in answer.headers
    answer = await stage.get(
        "/metrics", **{"accept": "application/openmetrics-text", "accept-encoding": "gzip"}
    )
    assert answer.text.endswith(line + "# EOF\n")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"


async def test_a_header_that_comes_twice_counts_twice(stage: Stage) -> None:
    async with stage.client() as client:
        accept = [("accept", "text/plain;q=0.1"), ("accept", "application/openmetrics-text")]
        answer = await client.get("/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")


async def test_the_path_of_the_metrics_can_be_another() -> None:
    stage = Stage(telemetry_path="/prometheus")
    assert (await stage.get("/prometheus")).status_code == 200
    assert (await stage.get("/metrics")).status_code == 404


async def test_metrics_can_be_restricted_to_some_collectors(stage: Stage) -> None:
    stage.round("agents", AGENTS)
    stage.round("users", replace(AGENTS, name="flatfile_users"))
    for query in ("collect[]=users", "collect%5B%5D=users", "collect[]=users&collect[]=users"):
        text = (await stage.get(f"/metrics?{query}")).text
        assert "flatfile_users{" in text
        assert "flatfile_environment_agents" not in text


async def test_an_unknown_collector_is_a_bad_request_that_lists_the_known(stage: Stage) -> None:
    answer = await stage.get("/metrics?collect[]=<b>")
    assert answer.status_code == 400
    assert "environments, agents, users" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize("path", ["/", "/metrics", *HEALTHY, *READY])
async def test_head_gives_the_headers_of_get_and_no_body(stage: Stage, path: str) -> None:
    async with stage.client() as client:
        get, head = await client.get(path), await client.head(path)
    assert head.status_code == get.status_code
    assert head.headers == get.headers
    assert int(head.headers["content-length"]) > 0
    assert not head.content


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/metrics", "GET, HEAD"),
        ("DELETE", "/-/healthy", "GET, HEAD"),
        ("OPTIONS", "/readyz", "GET, HEAD"),
        ("GET", "/-/reload", "POST"),
        ("HEAD", "/-/reload", "POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    stage: Stage, method: str, path: str, allowed: str
) -> None:
    async with stage.client() as client:
        answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/nothing", "/metrics/", "/-/", "/x/", "/Metrics", "/%00", "/-/quit"]
)
async def test_there_is_nothing_elsewhere(stage: Stage, path: str) -> None:
    async with stage.client() as client:
        for method in ("GET", "HEAD", "POST", "BREW"):
            assert (await client.request(method, path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/nothing"])
async def test_every_answer_has_a_length_and_is_neither_stored_nor_guessed_at(
    stage: Stage, path: str
) -> None:
    answer = await stage.get(path)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", HEALTHY)
async def test_an_outage_of_flatfile_does_not_make_it_unhealthy(stage: Stage, path: str) -> None:
    for name in ("environments", "agents"):
        stage.failed(name, "500")
    assert (await stage.get(path)).status_code == 200


@pytest.mark.parametrize("path", READY)
async def test_it_is_ready_after_a_round_of_every_essential_collector(
    stage: Stage, path: str
) -> None:
    answer = await stage.get(path)
    assert answer.status_code == 503
    assert answer.text == (
        "Waiting for the first complete round of environments.\n"
        "Waiting for the first complete round of agents.\n"
    )
    stage.round("environments")
    stage.failed("agents", "GET /agents answered 502")
    answer = await stage.get(path)
    assert answer.status_code == 503
    assert answer.text == (
        "Waiting for the first complete round of agents. "
        "The last one failed: GET /agents answered 502\n"
    )
    stage.round("agents")
    assert (await stage.get(path)).status_code == 200
    stage.failed("agents", "500")
    assert (await stage.get(path)).status_code == 200


async def test_before_the_collectors_are_known_it_is_not_ready(stage: Stage) -> None:
    stage.board.snapshot = Snapshot(records={})
    answer = await stage.get("/-/ready")
    assert (answer.status_code, answer.text) == (503, "The exporter is starting.\n")


async def test_a_reload_says_that_the_configuration_is_in_force(stage: Stage) -> None:
    answer = await stage.post("/-/reload")
    assert (answer.status_code, answer.text) == (200, "The configuration is in force.\n")


async def test_a_reload_with_mistakes_gives_a_line_for_each(stage: Stage) -> None:
    async def two_mistakes() -> tuple[str, ...]:
        await asyncio.sleep(60)
        return ("api.timeout (flag): no duration", "log.level (file x): unknown")

    stage.reload = two_mistakes
    answer = await stage.post("/-/reload")
    assert answer.status_code == 500
    assert answer.text.splitlines()[1:] == [
        "api.timeout (flag): no duration",
        "log.level (file x): unknown",
    ]


@pytest.mark.parametrize(
    "header",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
    ],
)
async def test_a_browser_cannot_reload(stage: Stage, header: dict[str, str]) -> None:
    called = []

    async def reload() -> tuple[str, ...]:
        called.append(True)
        return ()

    stage.reload = reload
    assert (await stage.post("/-/reload", **header)).status_code == 403
    assert not called


async def test_a_bug_is_an_answer_without_details_and_one_line_in_the_log(stage: Stage) -> None:
    def broken() -> Status:
        raise KeyError("pat_secret")

    stage.status = broken
    async with stage.client() as client:
        with capture_logs() as logs:
            answers = [await client.get("/") for _ in range(3)]
            assert (await client.get("/-/healthy")).status_code == 200
            stage.status = a_status
            assert (await client.get("/")).status_code == 200
            stage.status = broken
            await client.get("/")
    assert {answer.status_code for answer in answers} == {500}
    assert {answer.headers["content-type"] for answer in answers} == {"text/plain; charset=utf-8"}
    assert not any("secret" in answer.text or "KeyError" in answer.text for answer in answers)
    assert [(log["event"], log["path"], log["error"]) for log in logs] == [
        ("request_failed", "/", "KeyError")
    ] * 2
    assert "test_app:" in logs[0]["at"]
    assert "secret" not in str(logs)


async def test_the_page_is_html_that_allows_nothing_from_elsewhere(stage: Stage) -> None:
    stage.status = lambda: a_status(environments=(EnvironmentStatus(id="us_env_1", name="<i>"),))
    answer = await stage.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "<i>" not in answer.text


@pytest.mark.parametrize(
    ("query", "refreshes"),
    [("", False), ("?refresh=30", True), ("?refresh=1", False), ("?refresh=99999", False),
     ("?refresh=-30", False), ("?refresh=30%3Burl=x", False), ("?refresh=%C2%B2%C2%B2", False)],
)  # fmt: skip
async def test_the_page_refreshes_only_when_asked(
    stage: Stage, query: str, refreshes: bool
) -> None:
    assert ("http-equiv" in (await stage.get(f"/{query}")).text) is refreshes


async def called(app: App, method: str, path: str, query: bytes) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("the body was read")

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(b"accept-encoding", b"gzip")],
    }
    await app(scope, receive, send)
    start, *bodies = sent
    return start["status"], b"".join(each["body"] for each in bodies)


@pytest.mark.parametrize("path", ["/", "/metrics"])
async def test_a_query_with_thousands_of_fields_is_not_read(stage: Stage, path: str) -> None:
    status, _ = await called(stage.app(), "GET", path, b"a=1&" * 5000)
    assert status == (400 if path == "/metrics" else 200)


@settings(max_examples=50)
@given(query=st.one_of(st.binary(max_size=60), st.text(max_size=20).map(str.encode)))
def test_no_query_breaks_anything(query: bytes) -> None:
    async def check() -> None:
        stage = Stage()
        for path in ("/", "/metrics", "/-/ready", "/nothing"):
            status, _ = await called(stage.app(), "GET", path, query)
            assert status in {200, 400, 404, 503}

    with capture_logs() as logs:
        asyncio.run(check())
    assert not logs


async def test_what_is_sent_compressed_can_be_read(stage: Stage) -> None:
    stage.round("agents", AGENTS)
    _, body = await called(stage.app(), "GET", "/metrics", b"")
    assert gzip.decompress(body).startswith(b"# HELP flatfile_environment_agents")


async def scraping(app: App, release: asyncio.Event, path: str = "/metrics") -> list[Message]:
    """What is sent to a client that reads nothing before ``release``."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        await release.wait()

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return sent


async def status_of(app: App, path: str = "/metrics") -> tuple[int, bytes]:
    release = asyncio.Event()
    release.set()
    first, *rest = await scraping(app, release, path)
    return first["status"], b"".join(message["body"] for message in rest)


async def test_one_scrape_more_than_may_be_gets_503_and_other_paths_do_not(stage: Stage) -> None:
    stage.max_requests = 2
    app, release = stage.app(), asyncio.Event()
    slow = [asyncio.create_task(scraping(app, release)) for _ in range(2)]
    await asyncio.sleep(1)
    status, body = await status_of(app)
    assert status == 503
    assert body == b"Limit of concurrent requests reached (2), try again later.\n"
    for path in ("/-/healthy", "/"):
        assert (await status_of(app, path))[0] == 200
    stage.max_requests = 3  # by a reload
    assert (await status_of(app))[0] == 200
    stage.max_requests = 2
    release.set()
    await asyncio.gather(*slow)
    assert (await status_of(app))[0] == 200


async def test_a_scraper_that_goes_away_frees_its_place(stage: Stage) -> None:
    stage.max_requests = 1
    app = stage.app()
    gone = asyncio.create_task(scraping(app, asyncio.Event()))
    await asyncio.sleep(1)
    assert (await status_of(app))[0] == 503
    gone.cancel()
    await asyncio.wait({gone})
    assert (await status_of(app))[0] == 200


async def test_without_a_limit_any_number_is_answered(stage: Stage) -> None:
    app, release = stage.app(), asyncio.Event()
    slow = [asyncio.create_task(scraping(app, release)) for _ in range(200)]
    await asyncio.sleep(1)
    assert (await status_of(app))[0] == 200
    release.set()
    assert {(await one)[0]["status"] for one in slow} == {200}


async def test_a_scrape_goes_before_other_work_until_it_is_answered(stage: Stage) -> None:
    app, release = stage.app(), asyncio.Event()
    assert stage.precedence.left == 0.0
    slow = asyncio.create_task(scraping(app, release))
    await asyncio.sleep(1)
    assert stage.precedence.left > 0.0
    release.set()
    await slow
    assert stage.precedence.left == 0.0


async def test_others_get_their_turn_while_a_long_page_is_sent() -> None:
    async def send(_: Message) -> None:
        """To a client that keeps up: there is nothing to wait for."""

    async with turning() as turns:
        await asyncio.sleep(0)
        before = turns()
        await reply(Answer(chunks=(b"x",) * 40), send, body=True)
        assert turns() - before >= 10
