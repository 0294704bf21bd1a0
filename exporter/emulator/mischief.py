"""Playing a fault: the answer altered, late, without end or never.

All waiting is `asyncio.sleep`, so that it passes in virtual time; and everything that takes long
ends at once when the client has gone or the emulator is released.
"""

import asyncio
import gzip
from collections.abc import Coroutine
from typing import Any

from exporter.emulator import asgi
from exporter.emulator.calls import Answer, Refusal
from exporter.emulator.faults import Fault

_CHUNK = 64 * 1024
_PAGE = b"<!doctype html><html><title>Please wait</title><body><h1>Maintenance</h1></body></html>"
_BEGINNING = b'{"data":['
_FILLER = b'{"id":"us_evt_0000000000000000","padding":"' + b"x" * 400 + b'"},'


async def play(
    fault: Fault, normal: Answer, receive: asgi.Receive, send: asgi.Send, released: asyncio.Event
) -> None:
    """`normal` is what would have been answered."""
    started = False

    async def noted(message: asgi.Message) -> None:
        nonlocal started
        started = True
        await send(message)

    await _until_gone(_play(fault, normal, noted), receive, released)
    if released.is_set() and not started:
        # Returning without a word would be answered by the server, as 500. So it is cut instead.
        await asgi.start(send, Answer(), length=1)


async def _until_gone(
    work: Coroutine[Any, Any, None], receive: asgi.Receive, released: asyncio.Event
) -> None:
    tasks = [
        asyncio.ensure_future(work),
        asyncio.ensure_future(_disconnected(receive)),
        asyncio.ensure_future(released.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]


async def _disconnected(receive: asgi.Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _play(fault: Fault, normal: Answer, send: asgi.Send) -> None:
    if fault.delay and fault.kind != "drip":
        await asyncio.sleep(fault.delay)
    content = asgi.encoded(normal)
    match fault.kind:
        case "hang":
            await asyncio.Event().wait()
        case "drip":
            await asgi.start(send, normal, length=len(content))
            for place in range(len(content)):
                await asgi.body(send, content[place : place + 1], more=True)
                await asyncio.sleep(fault.delay or 1.0)
            await asgi.body(send, b"")
        case "huge":
            await _much(send, fault.megabytes * 1024 * 1024)
        case "endless":
            await _much(send, None)
        case "disconnect":
            await asgi.start(send, normal, length=len(content) + 1)
            if fault.cut == "body":
                await asgi.body(send, content[: len(content) // 2 + 1], more=True)
            # Returning without the rest makes the server close the connection.
        case _:
            await asgi.reply(send, altered(fault, normal, content))


async def _much(send: asgi.Send, total: int | None) -> None:
    await asgi.start(send, Answer(), length=total)
    chunk = _FILLER * (_CHUNK // len(_FILLER))
    await asgi.body(send, _BEGINNING, more=True)
    left = None if total is None else total - len(_BEGINNING)
    while left is None or left > 0:
        part = chunk if left is None else chunk[:left]
        await asgi.body(send, part, more=True)
        left = None if left is None else left - len(part)
        # A transport without back-pressure would otherwise never let anybody else run.
        await asyncio.sleep(0)
    await asgi.body(send, b"")


def altered(fault: Fault, normal: Answer, content: bytes) -> Answer:  # noqa: C901, PLR0911 - a table
    """The answer of a fault that is only a matter of content."""
    match fault.kind:
        case "status":
            refused = Refusal(fault.status, "A fault of the emulator").answer()
            headers = tuple(("retry-after", value) for value in fault.retry_after)
            return Answer(refused.document, refused.status, headers)
        case "html":
            return Answer(raw=_PAGE, media="text/html; charset=utf-8")
        case "empty":
            return Answer(raw=b"")
        case "cut_json":
            return Answer(raw=content[: len(content) // 2])
        case "not_utf8":
            return Answer(raw=b'{"data":[{"id":"us_evt_\xff\xfe\xc3\x28"}]}')
        case "garbled":
            return Answer(raw=bytes(0xFF if at % 7 == 0 else b for at, b in enumerate(content)))
        case "cut_gzip":
            packed = gzip.compress(content)
            return Answer(raw=packed[: len(packed) // 2], headers=(("content-encoding", "gzip"),))
        case "deep_json":
            return Answer(raw=b'{"data":' + b"[" * fault.depth + b"]" * fault.depth + b"}")
        case "redirect":
            return Answer({}, fault.shown_status, (("location", fault.location),))
        case "latency":
            return normal
        case _:
            return Answer(_spoilt(fault.kind, normal.document), normal.status)


def _spoilt(kind: str, document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    if "data" not in document:  # the answer of POST /auth has its fields at the top
        return _bent(kind, document)
    if kind == "wrong_data":
        return document | {"data": "data"}
    data = document["data"]
    bent = [_bent(kind, one) for one in data] if isinstance(data, list) else _bent(kind, data)
    return document | {"data": bent}


def _bent(kind: str, thing: Any) -> Any:
    if not isinstance(thing, dict) or kind == "missing_fields":
        return {}
    if kind == "nulls":
        return dict.fromkeys(thing)
    return {key: _other(value) for key, value in thing.items()}


def _other(value: Any) -> Any:
    """A value of another type."""
    if isinstance(value, str):
        return 7
    return "seven" if isinstance(value, bool | int | float | None) else [7]
