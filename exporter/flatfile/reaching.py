"""Reaching one of the addresses that a name has: the next one is tried while the first is silent.

As RFC 8305 has it, for names with an IPv6 address on a network that loses IPv6. Not the event
loop's own: up to Python 3.12 that forgets an open socket when it is cancelled, and tells the
failures of several addresses as one text.
"""

import asyncio
import ssl
from itertools import chain, zip_longest
from socket import SOCK_STREAM

from exporter.flatfile.stream import Stream

_AFTER = 0.25  # seconds


async def reached(host: str, port: int, trust: ssl.SSLContext | None) -> Stream:
    """Open, and with TLS if there is somebody to ``trust``. Raises OSError: the first failure."""
    addresses = await _addresses(host, port)
    if len(addresses) == 1:
        return await _opened(addresses[0], host, port, trust)
    failures: list[BaseException] = []
    attempts: set[asyncio.Task[Stream]] = set()
    try:
        while addresses or attempts:
            if addresses:
                attempt = _opened(addresses.pop(0), host, port, trust)
                attempts.add(asyncio.create_task(attempt, name="connect"))
            done, _ = await asyncio.wait(
                attempts,
                timeout=_AFTER if addresses else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                attempts.remove(task)
                if (failure := task.exception()) is None:
                    return task.result()
                failures.append(failure)
        raise failures[0]
    finally:
        await _given_up(attempts)


async def _addresses(host: str, port: int) -> list[str]:
    """Of both families in turn, the preferred one first."""
    # Bytes: for text Python loads the codec of IDNA and tables of Unicode, half a MiB. What comes
    # here has been through it.
    name = host.encode("ascii")
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=SOCK_STREAM)
    families: dict[int, dict[str, None]] = {}
    for family, _, _, _, address in found:
        families.setdefault(family, {})[str(address[0])] = None
    in_turn = chain.from_iterable(zip_longest(*families.values()))
    return [address for address in in_turn if address is not None]


async def _opened(address: str, host: str, port: int, trust: ssl.SSLContext | None) -> Stream:
    _, stream = await asyncio.get_running_loop().create_connection(
        Stream, address, port, ssl=trust, server_hostname=host if trust else None
    )
    return stream


async def _given_up(attempts: set[asyncio.Task[Stream]]) -> None:
    for attempt in attempts:
        attempt.cancel()
    for late in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(late, Stream):
            late.abort()
