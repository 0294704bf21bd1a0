import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings import ListenAddress


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":10042", "", 10042),
        (":0", "", 0),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("localhost:65535", "localhost", 65535),
        ("[::1]:9", "::1", 9),
        ("[::]:10042", "::", 10042),
    ],
)
def test_each_form_is_read_and_written_back(text: str, host: str, port: int) -> None:
    assert ListenAddress.parse(text) == ListenAddress(host, port)
    assert str(ListenAddress(host, port)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10042",
        "host",
        "host:",
        ":65536",
        "::1:80",
        "[::1]",
        "[no]:1",
        "a b:1",
        ":-1",
        ":\u0668",
    ],
)
def test_anything_else_is_a_mistake_that_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|not an IPv6 address"):
        ListenAddress.parse(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_ip_address_makes_the_round_trip(ip: object, port: int) -> None:
    written = f"[{ip}]:{port}" if ":" in str(ip) else f"{ip}:{port}"
    address = ListenAddress.parse(written)
    assert ListenAddress.parse(str(address)) == address
