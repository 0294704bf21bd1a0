"""Sockets that systemd opened for us: ``LISTEN_FDS``, by sd_listen_fds(3).

They survive a restart of this program, so that nobody who connects meanwhile is turned away, and
they may be of ports that this program has no right to.
"""

import socket
from collections.abc import Mapping
from contextlib import ExitStack

from exporter.errors import ConfigurationError, Mistake
from exporter.web.listeners import bound_what_is_unsent

_FIRST = 3  # SD_LISTEN_FDS_START: after standard input, output and error
_MOST = 64  # nobody has more; a wrong number must not make us look at every descriptor
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
_SETTING = "web.systemd-socket"
_START = "start the program by a .socket unit, or leave web.systemd-socket out"


def inherited(environ: Mapping[str, str], pid: int) -> tuple[socket.socket, ...]:
    """Take over all of them; ``pid`` is ours, for the variables may be meant for a parent.

    Raises ConfigurationError if there is none, or one that does not listen for streams.
    """
    if environ.get("LISTEN_PID") != str(pid):
        raise _mistake("LISTEN_PID", f"systemd passed no socket to this process; {_START}")
    number = environ.get("LISTEN_FDS", "")
    if not number.isdecimal() or not 1 <= int(number[:4]) <= _MOST:
        raise _mistake("LISTEN_FDS", f"systemd passed no possible number of sockets; {_START}")
    with ExitStack() as undo:
        sockets = tuple(
            undo.enter_context(_listening(descriptor))
            for descriptor in range(_FIRST, _FIRST + int(number))
        )
        undo.pop_all()
    return sockets


def _listening(descriptor: int) -> socket.socket:
    with ExitStack() as undo:
        try:
            one = undo.enter_context(socket.socket(fileno=descriptor))
            listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError:
            raise _mistake("LISTEN_FDS", f"descriptor {descriptor} is not a socket") from None
        if one.family not in _FAMILIES or one.type != socket.SOCK_STREAM or not listens:
            message = f"descriptor {descriptor} does not listen; write ListenStream= in the unit"
            raise _mistake("LISTEN_FDS", message)
        one.set_inheritable(False)
        one.setblocking(False)
        if one.family != socket.AF_UNIX:
            bound_what_is_unsent(one)
        undo.pop_all()
        return one


def _mistake(variable: str, message: str) -> ConfigurationError:
    return ConfigurationError(Mistake(_SETTING, f"environment variable {variable}", message))
