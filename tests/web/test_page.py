"""The page for people, read as a parser reads it."""

import base64
import hashlib
import math
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.board import Board, Outcome, Record, Snapshot, ended
from exporter.errors import Unauthorized
from exporter.families import Kind, Measured
from exporter.web import style
from exporter.web.environments import ROWS
from exporter.web.headline import headlines
from exporter.web.page import page
from exporter.web.status import (
    ApiStatus,
    CollectorStatus,
    EnvironmentStatus,
    Status,
    TokenStatus,
    collectors,
)
from tests.web.stages import NOW, a_status

OK = CollectorStatus(
    name="agents", interval=60, rounds=3, series=12, duration=0.31, last_success=NOW - 120
)
FAILING = CollectorStatus(
    name="users",
    interval=300,
    rounds=4,
    failures=2,
    last_success=NOW - 3_600,
    problem="GET /users answered 502",
    problem_since=NOW - 600,
)
WAITING = CollectorStatus(name="spaces", interval=300)
LOST = EnvironmentStatus(id="us_env_9", name="zebra", agents=0, agent_last_seen=NOW - 7_200)


class Read(HTMLParser):
    """Elements with their attributes, text by element, tags that were not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str = "") -> str:
        return "".join(data for of, data in self.texts if tag in {"", of} and of != "style")


def read(status: Status) -> Read:
    return Read(page(status))


def first(status: Status) -> str:
    return headlines(status)[0].text


def test_the_first_sentence_says_the_state_of_everything() -> None:
    assert first(a_status(collectors=(OK,))) == "Everything is being collected."
    assert first(a_status(collectors=(OK, FAILING))) == "1 collector is failing: users."
    two = (FAILING, CollectorStatus(name="guests", interval=1, problem="x"))
    assert first(a_status(collectors=two)) == "2 collectors are failing: users and guests."
    assert first(a_status(collectors=(OK, WAITING))) == "Waiting for the first round of spaces."
    assert first(a_status()) == "No collector is switched on."
    refused = TokenStatus(kind="x", valid=False)
    assert first(a_status(collectors=(FAILING,), token=refused)) == "The credential is refused."


def test_further_sentences_say_what_else_needs_somebody() -> None:
    status = a_status(
        collectors=(CollectorStatus(name="spaces", interval=1, last_success=1, truncated=True),),
        environments=(LOST,),
        reload_successful=False,
    )
    assert [sentence.text for sentence in headlines(status)] == [
        "Everything is being collected.",
        "1 environment has lost its agent.",
        "A limit cut off part of what was seen: spaces.",
        "The configuration was read again with mistakes; the old one is in force.",
    ]


def test_everything_that_is_known_is_on_the_page() -> None:
    text = read(
        a_status(
            account="Acme",
            collectors=(OK, FAILING, WAITING),
            environments=(LOST, EnvironmentStatus(id="us_env_1", name="prod", production=True)),
            documentation="https://docs.example/exporter",
        )
    ).text()
    for words in (
        "Account Acme",
        "2 minutes ago",
        "(2027-01-15 07:58:00 UTC)",
        "0.31 seconds",
        "failing since 10 minutes ago",
        "GET /users answered 502",
        "waiting for its first round",
        "0: lost its agent",
        "never, as far as is known",
        "unknown",
        "client id and secret",
        "accepted",
        "in 2 hours",
        "platform.flatfile.com",
        "10 requests a second",
        "1,234",
        "1.2.3",
        "0123abc",
        "3.11.9",
        "1 hour 2 minutes",
        "Documentation",
    ):
        assert words in text, words


def test_a_page_of_a_part_says_which_part_it_is() -> None:
    assert "Shard" not in read(a_status()).text()
    assert "Shard 1/3: one part of the environments" in read(a_status(shard="1/3")).text()


def test_the_page_is_well_formed_and_can_be_read_aloud() -> None:
    html = read(a_status(collectors=(OK, FAILING), environments=(LOST,)))
    assert len(html.all("h1")) == 1
    assert len(html.all("h2")) == 5
    assert html.all("html") == [{"lang": "en"}]
    assert len(html.all("caption")) == len(html.all("table")) == 2
    assert all(cell.get("scope") in {"col", "row"} for cell in html.all("th"))
    assert all((time["datetime"] or "").endswith("Z") for time in html.all("time"))
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in html.all(
        "meta"
    )


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    html = read(a_status(collectors=(OK,), environments=(LOST,)))
    assert not html.all("script")
    assert not any(name.startswith("on") for _, found in html.elements for name in found)
    assert not any("style" in found for _, found in html.elements)
    assert [link["href"] for link in html.all("link")] == ["data:,"]
    hrefs = [link["href"] for link in html.all("a")]
    assert hrefs == ["/metrics", "/-/ready", "/-/healthy", "/?refresh=30"]


def test_the_policy_allows_the_very_style_sheet_of_the_page() -> None:
    html = page(a_status())
    sheet = html.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in style.POLICY


HOSTILE = "</title></style><script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"


def test_no_text_from_outside_becomes_markup() -> None:
    status = a_status(
        account=HOSTILE,
        revision=HOSTILE,
        telemetry_path=f"/{HOSTILE}",
        collectors=(CollectorStatus(name=HOSTILE, interval=1, problem=HOSTILE, plan=HOSTILE),),
        environments=(EnvironmentStatus(id=HOSTILE, name=HOSTILE),),
        token=TokenStatus(kind=HOSTILE),
        api=ApiStatus(host=HOSTILE, budget=1.0),
        documentation=HOSTILE,
    )
    html = read(status)
    assert not html.all("script")
    assert not html.all("img")
    assert html.text().count(HOSTILE) >= 9


@settings(max_examples=30)
@given(text=st.text(max_size=30), number=st.floats())
def test_any_text_and_any_number_can_be_shown(text: str, number: float) -> None:
    status = a_status(
        account=text,
        now=number,
        collectors=(
            CollectorStatus(
                name=text, interval=number, duration=number, last_success=number, problem=text
            ),
        ),
        environments=(EnvironmentStatus(id=text, name=text, agent_last_seen=number),),
        api=ApiStatus(host=text, budget=number, throttled=number),
    )
    plain = a_status(account="x", collectors=(FAILING,), environments=(LOST,))
    shown = {tag for tag, _ in read(status).elements}
    assert shown <= {tag for tag, _ in read(plain).elements}


def test_a_round_that_began_late_is_said() -> None:
    late = CollectorStatus(name="agents", interval=60, last_success=NOW, lateness=140.2)
    assert "ok, began 2 minutes 20 seconds late" in read(a_status(collectors=(late,))).text()
    assert "late" not in read(a_status(collectors=(OK,))).text()


def test_environments_that_lost_their_agent_come_first_and_stand_out() -> None:
    known = (
        EnvironmentStatus(id="us_env_1", name="alpha", agents=0),
        EnvironmentStatus(id="us_env_2", name="beta", agents=1, production=True),
        EnvironmentStatus(
            id="us_env_3", name="gamma", agents=0, agent_last_seen=NOW, maintenance=True
        ),
        LOST,
    )
    html = read(a_status(environments=known))
    assert [data for of, data in html.texts if of == "code"] == [
        "us_env_9", "us_env_2", "us_env_1", "us_env_3",
    ]  # fmt: skip
    assert len([row for row in html.all("tr") if row.get("class") == "alarm"]) == 1
    assert "0 (maintenance)" in html.text()


def test_a_large_account_shows_the_first_and_says_how_many_more() -> None:
    many = tuple(EnvironmentStatus(id=f"us_env_{n}", name=f"n{n:04}") for n in range(ROWS + 1_000))
    html = read(a_status(environments=(*many, LOST)))
    assert len(html.all("tr")) == ROWS + 2 - 1 + 1
    assert "1,001 more environments not shown here" in html.text()
    assert "us_env_9" in html.text("code")


@pytest.mark.parametrize(
    ("environments", "words"), [(None, "Not listed yet."), ((), "The account has no environment.")]
)
def test_no_environments_is_said_in_words(
    environments: tuple[EnvironmentStatus, ...] | None, words: str
) -> None:
    assert words in read(a_status(environments=environments)).text()


def test_a_refused_credential_and_a_token_without_end_are_said() -> None:
    text = read(a_status(token=TokenStatus(kind="personal access token", valid=False))).text()
    assert "refused" in text
    assert "never, as far as is known" in text
    assert "none yet" in text


def test_the_board_fills_the_table_of_collectors() -> None:
    board = Board()
    record = Record(interval=60, retain=600, essential=True)
    board.snapshot = Snapshot(records={"agents": record, "users": record})
    samples = tuple(((f"us_env_{n}",), 1.0) for n in range(3))
    seen = Measured(
        name="flatfile_x", help="X.", kind=Kind.GAUGE, labels=("environment_id",), samples=samples
    )
    good = Outcome(
        now=10,
        started=100,
        ended=101,
        duration=1,
        lateness=7,
        measured=(seen,),
        plan="account-wide",
    )
    bad = Outcome(
        now=70, started=160, ended=162, duration=2, lateness=3, error=Unauthorized("GET /x: 401")
    )
    board.swap(ended("agents", good))
    board.swap(ended("agents", bad))
    agents, users = collectors(board.snapshot, 80)
    assert agents == CollectorStatus(
        name="agents",
        interval=60,
        essential=True,
        rounds=2,
        failures=1,
        series=3,
        duration=2,
        lateness=3,
        last_attempt=160,
        last_success=101,
        problem="GET /x: 401",
        problem_since=162,
        plan="account-wide",
    )
    assert (users.rounds, users.series, users.last_success) == (0, None, None)
    assert collectors(board.snapshot, 611)[0].series is None


def test_nonsense_times_are_unknown_and_not_a_failure() -> None:
    for odd in (math.inf, math.nan, 1e300, -1e300):
        assert "unknown" in read(a_status(collectors=(FAILING,), now=odd)).text()
