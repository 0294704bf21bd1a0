"""The sink ``postgresql``: a table, the place for several machines and years of history."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from exporter.audit.record import Entry
from exporter.audit.sinks import table
from exporter.audit.sinks.contract import Rejected
from exporter.audit.sinks.sifting import sift
from exporter.errors import ConfigurationError, DeliveryFailed, SinkRefused, SinkUnavailable

if TYPE_CHECKING:
    from asyncpg import Connection

REFUSED = "refused"
"""Reason of the dead letters: a value that the table cannot hold."""

_MOST = 200  # records in one statement: asyncpg encodes it on the loop, 2 ms for a hundred
_CONNECT = 10.0  # seconds
_CLOSE = 3.0  # seconds for the farewell

# Classes of SQLSTATE (PostgreSQL documentation, appendix A).
_ROW = ("22", "54")  # a value is wrong or too large: it will be tomorrow, too
_OPERATOR = {
    "28": "the user or the password is not accepted; check audit.sink.postgresql.dsn",
    "3D": "there is no such database; check audit.sink.postgresql.dsn",
    "3F": "there is no such schema; make it, or correct audit.sink.postgresql.table",
    "42501": "the user lacks a right; it needs INSERT, SELECT and UPDATE on the table, and CREATE on"
    " the schema unless the table is there",
    "42": "the table is not the one that is documented; name another in audit.sink.postgresql.table",
    "23": "a constraint that is not ours forbids it; drop that",
    "0A": "it is too old or not PostgreSQL; 12 or newer will do",
}


class PostgresqlSink:
    """One connection, one statement and transaction for each lot of a batch.

    Repeated records are no error and no second row.
    """

    name = "postgresql"
    reasons: Collection[str] = (REFUSED,)

    def __init__(
        self,
        dsn: Callable[[], str],
        *,
        name: str = "flatfile_audit",
        timeout: float = 30.0,
    ) -> None:
        """``dsn`` is asked at each connection. ``timeout`` is seconds for a statement.

        Raises ValueError if ``name`` is no name of a table.
        """
        self._dsn = dsn
        self._table = table.quoted(name)
        self._timeout = timeout
        self._connection: Connection[Any] | None = None

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        rejected: dict[int, str] = {}
        done = False
        try:
            for first in range(0, len(entries), _MOST):
                rejected |= await sift(entries[first : first + _MOST], self._attempt)
            done = True
        except ImportError:
            raise SinkRefused(
                "the package asyncpg is not installed; install flatfile-exporter[audit]"
            ) from None
        finally:
            if not done:
                self._drop()  # also when cancelled: who knows in which state it is
        return rejected

    async def aclose(self) -> None:
        import asyncpg  # noqa: PLC0415 - only whoever uses this sink needs it

        connection, self._connection = self._connection, None
        if connection is not None:
            # Without a farewell it is gone as well, and nothing is lost: all of it was committed.
            with contextlib.suppress(DeliveryFailed, asyncpg.PostgresError), _told():
                await connection.close(timeout=_CLOSE)

    async def _attempt(self, entries: Sequence[Entry]) -> str | None:
        import asyncpg  # noqa: PLC0415 - only whoever uses this sink needs it

        loop = asyncio.get_running_loop()
        connection = await self._connected()
        arrays = await loop.run_in_executor(None, table.columns, entries)
        people = table.redacted(entries)
        try:
            with _told():
                transaction = connection.transaction()  # says so if the connection has gone
                await transaction.start()
                try:
                    await self._insert(connection, arrays, people)
                except asyncpg.PostgresError as error:
                    if not _state(error).startswith(_ROW):
                        raise
                    # Only where the server has just spoken. On the way out of anything else this
                    # would be one more question to a server that may not answer, and its failure
                    # would take the place of the cancellation that ends the process.
                    await transaction.rollback()
                    return REFUSED
                await transaction.commit()
        except asyncpg.PostgresError as error:
            raise _failed(error) from None
        return None

    async def _insert(
        self, connection: "Connection[Any]", arrays: Sequence[Sequence[Any]], people: Sequence[str]
    ) -> None:
        # Somebody may have made commits that a crash forgets the default.
        await connection.execute(
            "SELECT set_config('synchronous_commit', 'on', true)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        await connection.execute(table.insertion(self._table), *arrays)
        if people:
            await connection.execute(table.redaction(self._table), people)

    async def _connected(self) -> "Connection[Any]":
        connection = self._connection
        if connection is not None and not connection.is_closed():
            return connection
        import asyncpg  # noqa: PLC0415 - only whoever uses this sink needs it

        try:
            dsn = self._dsn()
        except ConfigurationError as error:
            raise SinkRefused(str(error)) from None
        try:
            with _told():
                try:
                    connection = await asyncpg.connect(
                        dsn,
                        timeout=_CONNECT,
                        command_timeout=self._timeout,
                        # PgBouncer in front of it may hand each transaction to another server.
                        statement_cache_size=0,
                        server_settings={"application_name": "flatfile-exporter"},
                    )
                except (ValueError, LookupError, AttributeError):
                    # asyncpg reads some parts of a DSN, and of what a server says of itself, with
                    # no care for what else may stand there. Around nothing else: a mistake of ours
                    # is no DSN that cannot be read.
                    raise _unreadable() from None
                self._connection = connection
                await self._prepare(connection)
        except asyncpg.PostgresError as error:
            raise _failed(error) from None
        return connection

    async def _prepare(self, connection: "Connection[Any]") -> None:
        """Make the table if it is not there; raises SinkRefused if it is another one."""
        import asyncpg  # noqa: PLC0415 - only whoever uses this sink needs it

        if await connection.fetchval("SELECT to_regclass($1)", self._table) is None:
            # Not IF NOT EXISTS: that asks for the right to create also where nothing is created.
            with contextlib.suppress(asyncpg.DuplicateTableError, asyncpg.UniqueViolationError):
                await connection.execute(table.creation(self._table))  # or another was faster
        found = await connection.fetch(
            "SELECT attname, format_type(atttypid, atttypmod) AS kind FROM pg_attribute"
            " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            self._table,
        )
        kinds = {row["attname"]: row["kind"] for row in found}
        wrong = [name for name, kind in table.COLUMNS.items() if kinds.get(name) != kind]
        if wrong:
            raise SinkRefused(
                f"the table {self._table} has not the documented columns ({', '.join(wrong)});"
                " name another in audit.sink.postgresql.table"
            )
        if not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
            " AND attnum = ANY(indkey) WHERE indrelid = to_regclass($1) AND indisunique"
            " AND attname = 'uid')",
            self._table,
        ):
            raise SinkRefused(
                f"the table {self._table} has no unique index on uid, so that records could stand"
                " there twice; make one"
            )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


class _told(contextlib.AbstractContextManager[None]):  # noqa: N801 - used like a function
    """What is not said by the server becomes one of our errors; what is, passes through.

    Nothing of its own words goes into ours: they may hold the DSN or a value.
    """

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        import asyncpg  # noqa: PLC0415 - only whoever uses this sink needs it

        match error:
            case asyncpg.ClientConfigurationError():
                raise _unreadable() from None
            case asyncpg.InterfaceError() | asyncpg.InternalClientError():
                raise SinkUnavailable("the connection to PostgreSQL broke; tried again") from None
            case ssl.SSLCertVerificationError():
                raise SinkRefused(
                    "PostgreSQL's certificate is not trusted; give sslrootcert in the DSN"
                ) from None
            case OSError():
                raise SinkUnavailable(f"no connection to PostgreSQL: {_why(error)}") from None
            case _:
                return


def _unreadable() -> SinkRefused:
    return SinkRefused(
        "the DSN cannot be read, or what answers there is no PostgreSQL; write"
        " postgresql://user:password@host/database"
    )


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    # asyncio puts the address into the text; without a number, none of several addresses answered.
    return os.strerror(error.errno).lower() if error.errno else "no address of it answers"


def _state(error: Exception) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _failed(error: Exception) -> DeliveryFailed:
    state = _state(error)
    for start in (state, state[:2]):
        if start in _OPERATOR:
            return SinkRefused(f"PostgreSQL refuses ({state}): {_OPERATOR[start]}")
    return SinkUnavailable(f"PostgreSQL cannot right now ({state}); tried again")
