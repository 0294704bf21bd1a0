"""The gate before an application, in virtual time and without a socket."""

import asyncio
import base64
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import httpx
import pytest

from exporter.web.answers import plain, reply
from exporter.web.asgi import Receive, Scope, Send
from exporter.web.guard.gate import Gate
from exporter.web.guard.guard import Guard
from exporter.web.guard.passwords import WAITING
from tests.web.guard.authority import web_config

HASH = bcrypt.hashpw("rïght:one".encode(), bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"
PATHS = ("/", "/metrics", "/-/healthy", "/healthz", "/-/ready", "/-/reload", "/nothing")


@dataclass
class Stage:
    """An application that answers everything with a header of its own."""

    folder: Path
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, _: Receive, send: Send, /) -> None:
        self.asked.append(f"{scope['method']} {scope['path']}")
        own = ("content-security-policy", "default-src 'none'")
        await reply(plain("inside", 200, own), send, body=True)

    def client(self, text: str) -> httpx.AsyncClient:
        gate = Gate(self, Guard(web_config(self.folder, text)))
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(gate), base_url="http://exporter.test"
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


async def test_without_users_everybody_comes_in(stage: Stage) -> None:
    async with stage.client("") as client:
        assert (await client.get("/")).text == "inside\n"


async def test_every_path_asks_for_the_password_health_and_reload_too(stage: Stage) -> None:
    async with stage.client(USERS) as client:
        for path in PATHS:
            for method in ("GET", "HEAD", "POST"):
                answer = await client.request(method, path)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Basic"
                assert (answer.content == b"") is (method == "HEAD")
        assert stage.asked == []
        for path in PATHS:
            assert (await client.post(path, headers=basic("alice:rïght:one"))).status_code == 200
        assert stage.asked == [f"POST {path}" for path in PATHS]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YWxpY2U",  # not padded
        "Basic YWxpY2U=",  # without a colon
        "Bearer YWxpY2U6cmlnaHQ=",
        "Basicx YWxpY2U6cmlnaHQ=",
        "Digest username=alice",
        "Basic Og==",  # empty user and empty password
    ],
)
async def test_what_is_no_user_and_password_is_refused(stage: Stage, authorization: str) -> None:
    async with stage.client(USERS) as client:
        answer = await client.get("/", headers={"authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Basic"
    assert stage.asked == []


async def test_the_name_of_the_scheme_is_in_any_case(stage: Stage) -> None:
    async with stage.client(USERS) as client:
        value = basic("alice:rïght:one")["authorization"].replace("Basic", "bAsIc")
        assert (await client.get("/", headers={"authorization": value})).status_code == 200
        assert (await client.get("/", headers=basic("alice:wrong"))).status_code == 401
        assert (await client.get("/", headers=basic("bob:rïght:one"))).status_code == 401


async def test_of_two_credentials_the_first_counts(stage: Stage) -> None:
    good, bad = (basic(text)["authorization"] for text in ("alice:rïght:one", "alice:wrong"))
    async with stage.client(USERS) as client:
        for first, second, status in ((good, bad, 200), (bad, good, 401)):
            headers = [("authorization", first), ("authorization", second)]
            assert (await client.get("/", headers=headers)).status_code == status


async def test_users_who_are_changed_count_at_once(stage: Stage) -> None:
    async with stage.client(USERS) as client:
        alice, bob = basic("alice:rïght:one"), basic("bob:rïght:one")
        assert (await client.get("/", headers=alice)).status_code == 200
        web_config(stage.folder, USERS.replace("alice", "bob"))
        assert (await client.get("/", headers=alice)).status_code == 401
        assert (await client.get("/", headers=bob)).status_code == 200


async def test_headers_go_with_every_answer_and_replace_the_own_ones(stage: Stage) -> None:
    text = """
        http_server_config:
          headers: {X-Frame-Options: deny, Content-Security-Policy: "default-src 'self'"}
    """
    async with stage.client(text) as client:
        answer = await client.get("/")
        assert answer.headers["x-frame-options"] == "deny"
        assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
        assert answer.headers["content-type"].startswith("text/plain")
    web_config(stage.folder, text)
    path = stage.folder / "web.yml"
    path.write_text(path.read_text() + USERS)
    async with stage.client(path.read_text()) as client:
        assert (await client.get("/")).headers["x-frame-options"] == "deny"


async def test_more_than_the_rate_is_told_so_before_any_password(stage: Stage) -> None:
    async with stage.client("rate_limit: {interval: 1s, burst: 2}\n" + USERS) as client:
        found = [(await client.get(path)).status_code for path in ("/", "/-/healthy", "/metrics")]
        assert found == [401, 401, 429]
        await asyncio.sleep(1)
        answer = await client.get("/", headers=basic("alice:rïght:one"))
        assert answer.status_code == 200
        answer = await client.head("/", headers=basic("alice:rïght:one"))
        assert (answer.status_code, answer.content) == (429, b"")


async def test_another_rate_begins_anew_and_none_lets_all_through(stage: Stage) -> None:
    async with stage.client("rate_limit: {interval: 1h, burst: 1}") as client:
        assert [(await client.get("/")).status_code for _ in range(2)] == [200, 429]
        web_config(stage.folder, "rate_limit: {interval: 1h, burst: 2}")
        assert [(await client.get("/")).status_code for _ in range(3)] == [200, 200, 429]
        web_config(stage.folder, "")
        assert [(await client.get("/")).status_code for _ in range(3)] == [200, 200, 200]


async def test_too_many_guesses_at_once_are_turned_away_and_a_known_client_is_not(
    stage: Stage,
) -> None:
    async with stage.client(USERS) as client:
        known = basic("alice:rïght:one")
        assert (await client.get("/", headers=known)).status_code == 200
        guesses = [
            asyncio.create_task(client.get("/", headers=basic(f"alice:{guess}")))
            for guess in range(WAITING + 20)
        ]
        # One of them is turned away, so that the others fill the queue now.
        await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)
        assert (await client.get("/", headers=known)).status_code == 200
        found = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert set(found) == {401, 503}
