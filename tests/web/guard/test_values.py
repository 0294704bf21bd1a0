"""What a good file is read as."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConfigurationError
from exporter.web.guard.document import RateLimit
from exporter.web.guard.intervals import seconds
from exporter.web.guard.protection import Protection, load
from tests.web.guard.authority import Authority, web_config

ROOT = Path(__file__).parents[3]
HASH = "$2y$10$" + "." * 53


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "{}", "null", "tls_server_config:\nbasic_auth_users: {}\n", "\ufeff{}"],
)
def test_an_empty_file_asks_for_nothing(tmp_path: Path, text: str) -> None:
    assert load(web_config(tmp_path, text)).protection == Protection()


def test_headers_are_those_that_are_not_blank_as_they_are_written(tmp_path: Path) -> None:
    text = """
        http_server_config:
          headers:
            X-Frame-Options: sameorigin
            X-Content-Type-Options: nosniff
            X-XSS-Protection: 1
            Content-Security-Policy: "default-src 'self' *.example.org"
            Strict-Transport-Security: ""
    """
    assert dict(load(web_config(tmp_path, text)).protection.headers) == {
        b"x-frame-options": b"sameorigin",
        b"x-content-type-options": b"nosniff",
        b"x-xss-protection": b"1",
        b"content-security-policy": b"default-src 'self' *.example.org",
    }


def test_users_have_hashes_that_are_not_shown(tmp_path: Path) -> None:
    path = web_config(
        tmp_path, f"basic_auth_users:\n  alice: {HASH}\n  Änne: {HASH}\n  7: {HASH}\n"
    )
    protection = load(path).protection
    assert protection.users == dict.fromkeys((b"alice", "Änne".encode(), b"7"), HASH.encode())
    assert HASH not in repr(protection)


def test_a_hash_that_takes_seconds_is_spoken_of(tmp_path: Path) -> None:
    slow = HASH.replace("$10$", "$18$")
    (note,) = load(web_config(tmp_path, f"basic_auth_users: {{a: {slow}}}")).protection.notes
    assert note.startswith("basic_auth_users (")
    assert "cost 18 takes seconds" in note


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("{interval: 0, burst: 0}", None),
        ("{interval: 0s, burst: 9}", None),
        ("{burst: 9}", None),
        ("{interval: 1s, burst: 5}", RateLimit(1.0, 5)),
        ("{interval: 100ms, burst: 20}", RateLimit(0.1, 20)),
        ("{interval: '1s'}", RateLimit(1.0, 0)),
    ],
)
def test_a_rate_limit_has_an_interval_and_a_burst(
    tmp_path: Path, text: str, limit: RateLimit | None
) -> None:
    protection = load(web_config(tmp_path, f"rate_limit: {text}")).protection
    assert protection.rate_limit == limit
    assert bool(protection.notes) is (limit is not None and not limit.burst)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1s", 1), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("5us", 5e-6), ("5µs", 5e-6)],
)
def test_durations_are_those_of_go(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "1", "s", "1 s", "-1s", "1d", "1sx", "1.s", "1e3s", "ms1"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)


def mistakes_of(path: Path) -> list[str]:
    try:
        load(path)
    except ConfigurationError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []


@given(st.text())
def test_any_text_is_a_file_or_a_mistake(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "web.yml"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        assert all(line.isprintable() for line in mistakes_of(path))


def test_the_example_in_deploy_is_a_good_one(authority: Authority) -> None:
    text = (ROOT / "deploy/web-config.example.yml").read_text(encoding="utf-8")
    authority.pem.rename(authority.folder / "clients.pem")
    protection = load(web_config(authority.folder, text)).protection
    assert protection.tls
    assert protection.clients.names == frozenset({"prometheus.example.org"})
    assert protection.rate_limit == RateLimit(0.1, 50)
    assert protection.notes == ()
