"""The published schemas' requirements as JSON Schema, made of the tables beside this file."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_HERE = Path(__file__).parent
OCSF: Mapping[str, Any] = json.loads((_HERE / "ocsf-1.8.0.json").read_text(encoding="utf-8"))
ECS: Mapping[str, Any] = json.loads((_HERE / "ecs-8.17.0.json").read_text(encoding="utf-8"))

_PRIMITIVE: Mapping[str, dict[str, Any]] = {
    "string_t": {"type": "string"},
    "integer_t": {"type": "integer"},
    "long_t": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "email_t": {"type": "string", "pattern": OCSF["email_t"]},
    "json_t": {},
    "object": {"type": "object"},
}


def _of(type_: str) -> dict[str, Any]:
    if type_.endswith("[]"):
        return {"type": "array", "items": _of(type_.removesuffix("[]")), "minItems": 1}
    return _PRIMITIVE.get(type_, {"$ref": f"#/$defs/{type_}"})


def _schema(table: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {**more, **table["attributes"]}
    properties = {}
    for name, (_, type_, *details) in attributes.items():
        allowed = [v for d in details for v in d.get("enum", map(int, d.get("captions", ())))]
        properties[name] = {**_of(type_), **({"enum": allowed} if allowed else {})}
    least = [{"required": [name]} for name in table.get("at_least_one", ())]
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, row in attributes.items() if row[0] == "required"],
        "additionalProperties": False,
        **({"anyOf": least} if least else {}),
    }


_OBJECTS = {name: _schema(table, {}) for name, table in OCSF["objects"].items()}
_CLASSES = {
    int(uid): Draft202012Validator({**_schema(table, OCSF["every_class"]), "$defs": _OBJECTS})
    for uid, table in OCSF["classes"].items()
}


def ocsf_problems(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with an event by the requirements of its class."""
    uid, number = event["class_uid"], event["activity_id"]
    table = OCSF["classes"][str(uid)]
    found = [f"{e.json_path}: {e.message}" for e in _CLASSES[uid].iter_errors(event)]
    captions = table["attributes"]["activity_id"][2]["captions"]
    # Siblings: the caption by the number, or the source's own word where that is Other.
    expected = {
        "type_uid": uid * 100 + number,
        "class_name": table["name"],
        "category_uid": table["category"][0],
        "category_name": table["category"][1],
        "type_name": f"{table['name']}: {captions[str(number)]}",
    }
    if number != 99:
        expected["activity_name"] = captions[str(number)]
    found += [f"{k}: {event.get(k)!r}" for k, v in expected.items() if event.get(k) != v]
    if not event.get("activity_name"):
        found.append("an activity without a name")
    for name, row in table["attributes"].items():
        profile = next((d["profile"] for d in row[2:] if "profile" in d), None)
        if profile and name in event and profile not in event["metadata"].get("profiles", ()):
            found.append(f"{name} needs the profile {profile}")
    return found


_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")


def ecs_problems(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a document; below ``flatfile`` everything is right."""
    flat = dict(_flat({k: v for k, v in document.items() if k != "flatfile"}))
    found = [f"{name} is missing" for name in ECS["required"] if name not in flat]
    for name, value in flat.items():
        type_ = ECS["fields"].get(name)
        if type_ is None:
            found.append(f"{name} is no field that was looked up")
        elif not _fits(type_, value):
            found.append(f"{name} is not {type_}: {value!r}")
        allowed = ECS["allowed"].get(name)
        if allowed and not set(value if isinstance(value, list) else [value]) <= set(allowed):
            found.append(f"{name} may not be {value!r}")
    categories = flat.get("event.category", [])
    expected = {t for category in categories for t in ECS["expected_types"][category]}
    if not set(flat.get("event.type", [])) <= expected:
        found.append(f"{categories} with {flat['event.type']}")
    return found


def _flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in document.items():
        full = prefix + name
        if isinstance(value, dict) and full != "labels":
            found += _flat(value, f"{full}.")
        else:
            found.append((full, value))
    return found


def _fits(type_: str, value: Any) -> bool:
    if type_.endswith("[]"):
        return isinstance(value, list) and bool(value) and all(_fits(type_[:-2], v) for v in value)
    match type_:
        case "date":
            return isinstance(value, str) and bool(_INSTANT.fullmatch(value))
        case "long":
            return type(value) is int and abs(value) < 2**63
        case "object of keyword":
            return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
        case _:
            return isinstance(value, str)
