"""A handshake without a network: two ends of TLS that hand each other their bytes."""

import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Ends:
    server: ssl.SSLObject
    client: ssl.SSLObject


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> Ends:
    """Raises ssl.SSLError, of the side that gives up first."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = Ends(
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=name),
    )
    waiting = [ends.client, ends.server]
    for _ in range(10):
        for end in tuple(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
        if not waiting:
            return ends
    raise AssertionError("the handshake came to no end")


def plain_client(**changes: object) -> ssl.SSLContext:
    """A client that trusts anybody, with these attributes of a context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for attribute, value in changes.items():
        setattr(context, attribute, value)
    return context
