"""The payloads of events, and a steady chance for what a quirk does to some of them.

Payloads are as section 9.3 of the API notes has them, and beside what is documented there stand
canaries: what a payload may hold besides is documented nowhere.
"""

from collections.abc import Callable
from typing import Any
from zlib import crc32

from exporter.emulator import names
from exporter.emulator.things import Agent, Environment, Event, Space

Json = dict[str, Any]

_DEEP, _DEEPER = 40, 400


def share(id_: str, salt: str) -> float:
    """A number from 0 to 1 that belongs to the id, so that a quirk hits the same things again."""
    return crc32(f"{salt} {id_}".encode()) / 2**32


def payload(event: Event, prefix: str) -> Json:
    """For an event that nobody gave one."""
    documented, planted = _DOCUMENTED.get(prefix), _PLANTED.get(prefix, _text)
    told = documented(event) if documented else {}
    mail = f"{names.SECRET}{event.subject}@{names.MAIL_DOMAIN}"
    return told | planted(f"{names.PERSON} {event.subject}", mail)


_DOCUMENTED: dict[str, Callable[[Event], Json]] = {
    "agent": lambda e: {"agentId": e.subject, "environmentId": e.environment_id},
    "commit": lambda e: {"versionId": e.subject, "sheetSlug": "contacts"},
    "environment": lambda e: {"environmentId": e.environment_id},
    "job": lambda e: {
        "job": "workbook:submitAction",
        "status": e.topic.partition(":")[2],
        "isPart": False,
    },
    "records": lambda e: {"sheetId": e.subject, "recordCount": 1},
    "secret": lambda e: {"secretId": e.subject, "environmentId": e.environment_id},
    "space": lambda e: {"spaceId": e.space_id, "environmentId": e.environment_id},
}


def _text(who: str, mail: str) -> Json:
    """Threads, canvases, data clips, and whatever nobody knows."""
    return {"content": who, "messages": [mail], "canvas": {"body": who}, "token": mail}


def _change(who: str, mail: str) -> Json:
    return {"changes": [{"field": "contact", "previousValue": who, "newValue": mail}]}


def _author(who: str, mail: str) -> Json:
    return {"label": who, "createdBy": {"name": who, "email": mail}}


def _settings(who: str, mail: str) -> Json:
    return {"metadata": {"owner": mail}, "constraints": [{"value": who}]}


_PLANTED: dict[str, Callable[[str, str], Json]] = {
    "action": _settings,
    "agent": lambda who, _: {"source": names.SOURCE, "deployedBy": who},
    "commit": _author,
    "document": lambda who, mail: {"title": who, "body": mail},
    "environment": _change,
    "file": lambda who, mail: {"name": f"{who}.csv", "uploadedBy": mail, "url": names.TOKEN},
    "flag": _settings,
    "job": lambda who, mail: {"info": f"To {mail}", "input": {"email": mail}, "by": who},
    "layer": _author,
    "program": lambda _, mail: {"accessToken": names.TOKEN, "rules": [{"value": mail}]},
    "records": lambda who, mail: _change(who, mail) | {"records": [{"values": {"n": who}}]},
    "secret": lambda _, mail: {"name": "api-key", "value": mail},
    "sheet": _settings,
    "snapshot": _author,
    "space": lambda who, mail: _space_secrets(mail) | {"guest": {"name": who, "email": mail}},
    "workbook": _settings,
}
"""Secrets and personal data by the kind of thing, of a person's name and address."""


def agent(one: Agent) -> Json:
    return {
        "agentId": one.id,
        "environmentId": one.environment_id,
        "source": f"{names.SOURCE}{one.id}",
        "deployedBy": {"name": names.PERSON, "email": f"deployer@{names.MAIL_DOMAIN}"},
    }


def environment(one: Environment) -> Json:
    return {
        "environmentId": one.id,
        "name": one.name,
        "slug": one.name,
        "isProd": one.is_prod,
        "secretKey": f"sk_{names.SECRET}environment",
    }


def space(one: Space) -> Json:
    plain = {"spaceId": one.id, "environmentId": one.environment_id, "name": one.name}
    return plain | _space_secrets(one.id)


def _space_secrets(id_: str) -> Json:
    return {
        "accessToken": f"{names.SECRET}space-{id_}",
        "guestLink": f"https://spaces.example/{id_}?token={names.SECRET}guest-link",
        "createdByUserName": names.PERSON,
        "guest": {"name": names.PERSON, "email": f"guest@{names.MAIL_DOMAIN}"},
    }


def strange() -> dict[str, Any]:
    """Payloads that are JSON and yet hard to hold, by what is strange about them."""
    secret = f"{names.SECRET}strange"
    return {
        "nested": _nested(_DEEP, secret),
        "nested deeper than decoders go": _nested(_DEEPER, secret),
        "floats": {"values": [0.1, 1e300, 5e-324, -0.0, 1e21, 1e-7, 123456789.12345678]},
        "whole numbers": {"values": [2**53, 2**53 + 1, -(2**70), int("9" * 600)]},
        "keys": {
            "ключ": 1,
            "鍵": 2,
            "é": 3,
            "e\u0301": 4,
            "\u2028": 5,
            "": 6,
            "😀": 7,
            "\ufffd": 8,
        },
        "half a character": {"half": "a\ud800b", "\udfff": secret, "whole": "😀"},
        "control characters": {"text": "\x00\x01\x1f\x7f\n\u2029", "\x00": secret},
        "huge": {"text": secret * 40_000},
        "many": {f"key {number}": number for number in range(20_000)},
        "a list": [secret, {"newValue": secret}],
        "a text": secret,
        "the names of other fields": {"id": "x", "topic": "y", "sequence": 1, "hash": secret},
    }


def _nested(depth: int, inner: str) -> Json:
    value: Any = inner
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return {"in": value}
