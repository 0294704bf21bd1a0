"""The controls of the emulator, under `/_control/`: JSON for tests, a page with forms for people.

There is no credential: the server listens on the loopback interface only. A page of another origin
is turned away, so that no web site can press the buttons of a running demo.
"""

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from exporter.emulator import levers, page
from exporter.emulator.calls import Answer, Call, Refusal

if TYPE_CHECKING:
    from exporter.emulator.api import Emulator

PREFIX = "/_control/"
_FORM = "application/x-www-form-urlencoded"
_SEE_OTHER = 303


def answer(emulator: "Emulator", call: Call) -> Answer:
    """A form is answered by a redirect back to the page, JSON by JSON."""
    origin = call.headers.get("origin")
    if origin is not None and origin != f"http://{call.headers.get('host')}":
        return Refusal(403, "Another origin has no business here").answer()
    path = call.path.removeprefix(PREFIX)
    if not path and call.method in {"GET", "HEAD"}:
        return Answer(raw=page.render(emulator).encode(), media="text/html; charset=utf-8")
    try:
        document = _do(emulator, call, path)
    except (Refusal, KeyError, TypeError, ValueError) as wrong:
        return _refusal(wrong).answer()
    if _is_form(call):
        return Answer({}, _SEE_OTHER, (("location", PREFIX),))
    return Answer(document)


def _refusal(wrong: Exception) -> Refusal:
    if isinstance(wrong, Refusal):
        return wrong
    if isinstance(wrong, KeyError):
        return Refusal(404, "Not found")
    return Refusal(400, str(wrong))


def _do(emulator: "Emulator", call: Call, path: str) -> Any:
    for method, pattern, pull in levers.LEVERS:
        found = re.fullmatch(pattern, path)
        if found and method == call.method:
            return pull(emulator, _values(call), *found.groups())
    raise Refusal(404, "There is no such control")


def _values(call: Call) -> Any:
    """What was sent, as JSON or by a form; of a GET: its query."""
    if call.method == "GET":
        return call.query
    if _is_form(call):
        return dict(parse_qsl(call.body.decode()))
    return json.loads(call.body) if call.body else {}


def _is_form(call: Call) -> bool:
    """JSON is taken for JSON whatever it says to be: `curl -d` calls everything a form."""
    form = call.headers.get("content-type", "").startswith(_FORM)
    return form and not call.body.startswith((b"{", b"["))
