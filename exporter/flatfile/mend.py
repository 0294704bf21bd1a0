"""JSON that the decoder refuses although nothing is wrong with it but one value in it.

Whoever may create events (``POST /events``, API notes, section 9.1) decides what their payloads
hold. One such payload must not hide a page of others, nor the log of what its author did next.
"""

import re

DEEPEST = 200
"""Levels of nesting that the decoder takes (jiter's limit is 201)."""

# Without a way back, and to the end of what is cut off: otherwise each escaped quote of half a
# string would be looked at as the beginning of another one.
_STRING = rb'"(?>[^"\\]*(?:\\.[^"\\]*)*)"?'
_TOKEN = re.compile(_STRING + rb"|[\[{]|[\]}]", re.DOTALL)
_ESCAPE = re.compile(
    rb"\\(?:[^u]"
    rb"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|u[dD][89a-fA-F][0-9a-fA-F]{2})",
    re.DOTALL,
)
_LONE = 6  # bytes: the length of an escaped surrogate without its other half
_STRING_OR_NUMBER = re.compile(
    _STRING + rb"|-?(?<![0-9])[0-9]{400,}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.DOTALL
)
_QUOTE = ord('"')


def mended(body: bytes) -> bytes:
    """The same JSON without what the decoder refuses; nothing is checked.

    A lone surrogate (RFC 8259, section 8.2) becomes U+FFFD, what is nested too deep becomes null,
    and so does a whole number of more than 400 digits, which is beyond every double.
    """
    body = _ESCAPE.sub(lambda found: rb"\ufffd" if len(found[0]) == _LONE else found[0], body)
    body = _STRING_OR_NUMBER.sub(lambda found: found[0] if found[0][0] == _QUOTE else b"null", body)
    return _shallow(body)


def _shallow(body: bytes) -> bytes:
    kept: list[bytes] = []
    depth = done = 0
    for token in _TOKEN.finditer(body):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == DEEPEST + 1:
                    kept += [body[done : token.start()], b"null"]
            case b"]" | b"}":
                depth -= 1
                if depth == DEEPEST:
                    done = token.end()
            case _:
                pass
    kept.append(body[done:])
    return b"".join(kept)
