import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from exporter.logs import REDACTED, configure, redacted

FORMATS = ["logfmt", "json", "console"]
NOON = datetime(2026, 1, 2, 14, 0, 0, 5678, tzinfo=timezone(timedelta(hours=2)))
PAIR = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')


class Log:
    """What was written, as text and as parsed lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def __call__(self, log_format: str = "logfmt", level: str = "info") -> Any:
        configure(level, log_format, self.stream, lambda: NOON)
        return structlog.get_logger()

    @property
    def lines(self) -> list[str]:
        text = self.stream.getvalue()
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]

    @property
    def line(self) -> str:
        (line,) = self.lines
        return line


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def log() -> Log:
    return Log()


def parse(line: str) -> dict[str, str]:
    """Read logfmt as its users do; a line that is anything else fails."""
    end, found = 0, {}
    while end < len(line):
        match = PAIR.match(line, end)
        assert match, line[end:]
        key, value = match.groups()
        found[key] = json.loads(value) if value.startswith('"') else value
        end = match.end()
    return found


def test_a_line_has_time_level_and_message_first_and_then_what_was_said(log: Log) -> None:
    log().warning("collector failed", collector="agents", failures=3, up=False, reason=None)
    assert log.line == (
        'time=2026-01-02T12:00:00.005Z level=warning msg="collector failed"'
        " collector=agents failures=3 up=false reason=null"
    )


def test_the_same_line_in_json(log: Log) -> None:
    log("json").warning("collector failed", collector="agents", failures=3, ratio=float("inf"))
    assert list(json.loads(log.line).items()) == [
        ("time", "2026-01-02T12:00:00.005Z"),
        ("level", "warning"),
        ("msg", "collector failed"),
        ("collector", "agents"),
        ("failures", 3),
        ("ratio", "inf"),
    ]


def test_the_same_line_for_a_console_has_no_colours_off_a_terminal(log: Log) -> None:
    log("console").warning("collector failed", collector="agents")
    assert log.line == "12:00:00.005Z warning  collector failed collector=agents"


def test_a_terminal_gets_colours(log: Log) -> None:
    log.stream.isatty = lambda: True  # type: ignore[method-assign] # a stream that is one
    log("console").error("x")
    assert log.line == "12:00:00.005Z \x1b[31merror   \x1b[0m x"


@pytest.mark.parametrize("log_format", FORMATS)
@given(text=st.text())
def test_any_text_stays_one_printable_line(log_format: str, text: str) -> None:
    log = Log()
    log(log_format).error(text, **{"value": text, "nested": {text: [text]}, text or "_": 1})
    assert log.line.isprintable()
    assert len(log.stream.getvalue().splitlines()) == 1


@given(st.text())
def test_any_text_in_logfmt_parses_back(text: str) -> None:
    log = Log()
    log().info(text, value=text, tail="end")
    found = parse(log.line)
    assert found["msg"] == found["value"] == redacted(text)
    assert found["tail"] == "end"


@given(st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.text(), max_size=4))
def test_json_parses_back_with_every_field(fields: dict[str, str]) -> None:
    fields = {key: value for key, value in fields.items() if key not in {"event", "level"}}
    log = Log()
    log("json").info("x", **{f"k_{key}": value for key, value in fields.items()})
    found = json.loads(log.line)
    assert {k: v for k, v in found.items() if k[:2] == "k_"} == {
        f"k_{key}": redacted(value, key) for key, value in fields.items()
    }


def test_a_new_line_from_outside_cannot_forge_a_line(log: Log) -> None:
    log().error("no\ntime=2026-01-01T00:00:00.000Z level=info msg=forged", name="a\r\nb\x1b[2J")
    assert set(parse(log.line)) == {"time", "level", "msg", "name"}
    assert parse(log.line)["level"] == "error"


def test_a_field_cannot_pose_as_the_time_or_the_level(log: Log) -> None:
    log().info("x", level="critical", time="never", msg="other")
    found = parse(log.line)
    assert (found["level"], found["msg"], found["level_"]) == ("info", "x", "critical")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Bearer abc.def-ghi", "abc.def"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNl"),
        ("pat_0123456789abcdef", "0123"),
        ("sk_live0123456789", "0123"),
        ("pk_0123456789", "0123"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2ln"),
        ("eyJhbGciOiJIUzI1NiJ9", "hbGci"),
        ("ada.lovelace+x@example.com", "lovelace"),
        ("ada%40example.com", "ada"),
        ("ada@localhost", "ada"),
        ("o'brien@example.com", "brien"),
        ("ж@пример.рф", "пример"),
        ("https://user:hunter2@host/", "hunter2"),
        ('{"clientId": "x", "secret": "hunter2"}', "hunter2"),
        ("accessToken=hunter2", "hunter2"),
        ("https://host/x?token=hunter2&page=1", "hunter2"),
    ],
)
@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize(
    "say",
    [
        lambda log, text: log.info(text),
        lambda log, text: log.info("x", value=f"before {text} after"),
        lambda log, text: log.info("x", value={"deep": [{"er": (text,)}]}),
        lambda log, text: log.info("x", value={text: 1}),
        lambda log, text: log.info("x", value=text.encode()),
        lambda log, text: log.info("x", value=ValueError(text)),
        lambda log, text: log.error("x", exc_info=ValueError(text)),
        lambda _, text: logging.getLogger("some.library").warning("it says %s", text),
    ],
    ids=["message", "value", "nested", "key", "bytes", "exception", "traceback", "library"],
)
def test_what_looks_like_a_secret_or_an_address_is_hidden(
    text: str, hidden: str, log_format: str, say: Callable[[Any, str], None], log: Log
) -> None:
    say(log(log_format), text)
    assert text not in log.line
    assert hidden not in log.line
    assert REDACTED in log.line


@given(st.emails())
def test_every_address_is_hidden_and_nothing_beside_it(address: str) -> None:
    assert redacted(f"(for {address}, too)") == f"(for {REDACTED}, too)"


@pytest.mark.parametrize(
    "key",
    [
        "token", "access_token", "accessToken", "client_secret", "Authorization", "password",
        "api_key", "rawKey", "guestLink", "credential", "email", "emails", "Set-Cookie",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["hunter2", b"hunter2", ["hunter2"], {"a": "hunter2"}])
def test_what_stands_under_the_name_of_a_secret_is_hidden(
    key: str, value: object, log: Log
) -> None:
    log().info("x", **{key: value})
    log().info("x", nested={key: value})
    assert "hunter2" not in log.stream.getvalue()
    assert log.stream.getvalue().count(REDACTED) == 2


@pytest.mark.parametrize(
    "text",
    [
        "topic secret:created",
        "us_env_0123456789 and us_sp_abcdefgh",
        "the token expires in 5m",
        "https://platform.flatfile.com/api/v1/events",
        "basic authentication is off",
        "compat_mode_is_on",
        "auth.client-secret (file /run/secrets/x): is given without auth.client-id",
    ],
)
def test_what_is_harmless_stays(text: str) -> None:
    assert redacted(text) == text


def test_numbers_under_a_secret_name_stay() -> None:
    assert redacted({"token": 3, "secret": True, "password": None}) == {
        "token": 3,
        "secret": True,
        "password": None,
    }


def test_a_huge_value_is_cut_and_costs_little(log: Log) -> None:
    log().info("x", body="a@" * 5_000_000, exc_info=ValueError("%41" * 5_000_000))
    assert len(log.line) < 20_000


def test_a_structure_without_end_ends(log: Log) -> None:
    endless: list[Any] = []
    endless.append(endless)
    log().info("x", value=endless)
    assert REDACTED in log.line


def test_an_object_that_cannot_be_shown_is_named(log: Log) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    log().info("x", value=Broken())
    assert parse(log.line)["value"] == "<Broken>"


@pytest.mark.parametrize("log_format", FORMATS)
def test_an_exception_is_one_line_with_its_innermost_frames(log_format: str, log: Log) -> None:
    def deep(rest: int) -> None:
        if not rest:
            raise ValueError("in\nthe\ndepth")
        deep(rest - 1)

    logger = log(log_format)
    try:
        deep(100)
    except ValueError:
        logger.exception("failed")
    assert "ValueError: in\\nthe\\ndepth" in log.line
    assert "Traceback" in log.line
    assert len(log.line) < 9000


def test_an_exception_counts_as_an_error(log: Log) -> None:
    log().exception("failed", exc_info=KeyError())
    assert parse(log.line)["level"] == "error"


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_only_what_is_severe_enough_is_written(level: str, written: list[str], log: Log) -> None:
    logger = log(level=level)
    for method in ("debug", "info", "warning", "error"):
        getattr(logger, method)("x")
        if method != "debug":
            getattr(logging.getLogger("library"), method)("x")
    libraries = [name for name in written if name in {"warning", "error"}]
    assert sorted(parse(line)["level"] for line in log.lines) == sorted(written + libraries)


def test_the_request_lines_of_httpx_never_appear(log: Log) -> None:
    library = logging.getLogger("httpx")
    library.setLevel(logging.DEBUG)
    log(level="debug")
    library.info("HTTP Request: GET https://host/events?search=ada")
    library.setLevel(logging.NOTSET)
    assert log.lines == []


def test_a_library_logs_under_its_name_even_with_a_broken_format(log: Log) -> None:
    log()
    record = logging.LogRecord("uvicorn.error", 30, "x.py", 1, "%d of %d", ("secret-value",), None)
    logging.getLogger().handlers[-1].handle(record)
    found = parse(log.line)
    assert (found["logger"], found["level"]) == ("uvicorn.error", "warning")
    assert "could not be formatted" in found["msg"]
    assert "secret-value" not in log.line


def test_a_logger_made_before_follows_a_new_configuration(log: Log) -> None:
    logger = log("logfmt", "error")
    logger.info("not seen")
    log("json", "info")
    logger.info("seen")
    logging.getLogger("library").error("once")
    assert [json.loads(line)["msg"] for line in log.lines] == ["seen", "once"]


def test_the_time_is_utc_in_milliseconds_without_a_clock() -> None:
    stream = io.StringIO()
    before = datetime.now(UTC).replace(microsecond=0)
    configure(stream=stream)
    structlog.get_logger().info("x")
    time = parse(stream.getvalue().rstrip("\n"))["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert before <= datetime.fromisoformat(time) <= datetime.now(UTC)


def test_a_stream_that_is_gone_does_not_stop_the_program(log: Log) -> None:
    logger = log()
    log.stream.close()
    logger.error("nobody hears this")


def test_a_narrow_encoding_escapes_what_it_lacks() -> None:
    raw = io.BytesIO()
    configure(stream=io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    structlog.get_logger().info("café")
    assert b"msg=caf\\xe9" in raw.getvalue()


@pytest.mark.parametrize(("level", "log_format"), [("loud", "logfmt"), ("info", "xml")])
def test_an_unknown_level_or_format_is_refused(level: str, log_format: str) -> None:
    with pytest.raises(ValueError, match="no log level"):
        configure(level, log_format)
