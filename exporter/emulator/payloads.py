"""The payloads of events, and a steady chance for what a quirk does to some of them."""

from typing import Any
from zlib import crc32

from exporter.emulator import names
from exporter.emulator.things import Event

Json = dict[str, Any]


def share(id_: str, salt: str) -> float:
    """A number from 0 to 1 that belongs to the id, so that a quirk hits the same things again."""
    return crc32(f"{salt} {id_}".encode()) / 2**32


def payload(event: Event, prefix: str) -> Json:
    """Payloads as section 9.3 has them; changed records carry values of customers' data."""
    match prefix:
        case "job":
            status = event.topic.partition(":")[2]
            return {"job": "workbook:submitAction", "status": status, "isPart": False}
        case "records":
            value = {
                "field": "email",
                "newValue": f"{names.SECRET}{event.subject}@{names.MAIL_DOMAIN}",
            }
            return {"sheetId": event.subject, "recordCount": 1, "changes": [value]}
        case "commit":
            return {"versionId": event.subject, "sheetSlug": "contacts"}
        case "environment":
            return {"environmentId": event.environment_id}
        case _:
            return {}
