"""The last belt against secrets and addresses in logs.

The first is that nobody logs them. This one knows them by the name of their key and by their
looks; it would rather hide too much. It cannot know a person's name, or a secret that looks like
any other identifier and stands alone in a sentence.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

_LONGEST = 8192
"""Characters of one value. An answer of the API that ends up in an exception may be megabytes."""
_FRAYED = 256  # the end of a cut text may be the beginning of a secret, too short to be known
_DEEPEST = 6

_SECRET_KEY = re.compile(
    r"(secret|token|password|passwd|passphrase|authorization|cookie|credentials?|signature"
    r"|(api|raw|private|access)key|bearer|jwt|guestlink|e?mails?|emailaddress)$"
)

_ASSIGNED = (
    r"((?:secret|password|passwd|(?:api|raw|private)[_-]?key|(?:access|refresh|id)[_-]?token)"
    r"(?:[\"']\s*:\s*|\s*=\s*|:\s+)[\"']?)[^\s\"',;&}]+"
)
_ADDRESS = (  # of e-mail, also as it stands in a URL
    r"(?:(?<![\w.+!#$&'*/=?^`{|}~%-])|(?<=%40))(?:[\w.+!#$&'*/=?^`{|}~-]|%(?!40))++(?:@|%40)"
    r"\[?[\w:-]++(?:\.[\w-]++)*\]?"
)

# Each is linear in the text: what repeats is possessive or cannot begin again within itself.
_LOOKS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\b(bearer\s+)[^\s\"',;]+", rf"\1{REDACTED}"),
        (r"\b(authorization[\"']?\s*[:=]\s*[\"']?)(?:basic\s+)?[^\s\"',;]+", rf"\1{REDACTED}"),
        (r"(?<![a-z0-9])eyj[\w-]{8,}+(?:\.[\w-]*+)*+", REDACTED),
        (r"(?<![a-z0-9])(?:pat|sk|pk)_[\w-]{4,}+", REDACTED),
        (r"(://)[^\s/@]++@", rf"\1{REDACTED}@"),
        (_ASSIGNED, rf"\1{REDACTED}"),
        (r"([?&](?:token|key|code|sig|signature)=)[^\s\"'&]+", rf"\1{REDACTED}"),
        (_ADDRESS, REDACTED),
    )
)


def redacted(value: Any, key: str = "", depth: int = 0) -> Any:
    """Return the value as plain data (text, numbers, lists, dicts) without secrets.

    Under a key that names a secret only numbers, truth values and None stay.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if _names_a_secret(key) or depth > _DEEPEST:
        return REDACTED
    if isinstance(value, Mapping):
        return {_text(name): redacted(item, _text(name), depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(item, key, depth + 1) for item in value]
    return _text(value)


def _names_a_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(re.sub(r"[^a-z]", "", key[-64:].lower())))


def _text(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else _str(value)
    cut = len(text) > _LONGEST
    if cut:
        text = text[:_LONGEST]
    for pattern, replacement in _LOOKS:
        text = pattern.sub(replacement, text)
    return text[:_LONGEST][:-_FRAYED] + "…" if cut else text


def _str(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a strange object must not stop the line that mentions it
        return f"<{type(value).__name__}>"
