"""What authenticates a request to a sink, as its standard writes it."""

from exporter.audit.sinks.credentials import basic, bearer, listed
from tests.support.processes import spotless


def test_credentials_have_the_form_of_their_standards() -> None:
    assert basic("Aladdin", lambda: "open sesame")() == {
        "Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # RFC 7617, section 2
    }
    assert bearer(lambda: "abc")() == {"Authorization": "Bearer abc"}
    assert listed(lambda: "a=b%3D,, c = d ")() == {"a": "b=", "c": "d"}
    spotless(repr(basic("CANARY", lambda: "CANARY")))
