"""The base URL, as people write it."""

import pytest

from exporter.errors import ConfigurationError
from exporter.flatfile.address import base_url


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://platform.flatfile.com/api/v1", "https://platform.flatfile.com/api/v1"),
        ("https://platform.flatfile.com/api/v1/", "https://platform.flatfile.com/api/v1"),
        ("https://platform.eu.flatfile.com/api", "https://platform.eu.flatfile.com/api/v1"),
        ("platform.uk.flatfile.com/api", "https://platform.uk.flatfile.com/api/v1"),
        ("https://api.x.flatfile.com", "https://api.x.flatfile.com/v1"),
        (" http://127.0.0.1:8080/ ", "http://127.0.0.1:8080/v1"),
    ],
)
def test_slash_and_version_are_put_right(written: str, meant: str) -> None:
    assert base_url(written) == meant
    assert base_url(meant) == meant


@pytest.mark.parametrize(
    "written",
    ["", "ftp://x", "https://", "https://u:CANARY@x/", "https://x/?CANARY", "https://x/#a", "http://[",
     "https://x:port"],
)  # fmt: skip
def test_what_is_no_base_url_is_a_mistake_that_does_not_repeat_it(written: str) -> None:
    with pytest.raises(ConfigurationError, match=r"api\.url") as caught:
        base_url(written)
    assert "CANARY" not in str(caught.value)
