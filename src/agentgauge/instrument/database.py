"""Databases: durations of queries, by their first keyword; the statement itself is never kept."""

import inspect
import re
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any, Final, TypeVar

from agentgauge.cells import CELLS, Cell
from agentgauge.errors import UsageError
from agentgauge.instrument.meter import checked_label, count_success

C = TypeVar("C")
T = TypeVar("T")

_OPERATIONS: Final = re.compile(
    r"ALTER|ANALYZE|ATTACH|BEGIN|CALL|COMMIT|COPY|CREATE|DELETE|DROP|EXEC|EXECUTE|EXPLAIN|GRANT|INSERT|LOCK|MERGE|PRAGMA"
    r"|REFRESH|RELEASE|REPLACE|RESET|REVOKE|ROLLBACK|SAVEPOINT|SELECT|SET|SHOW|START|TRUNCATE|UPDATE|USE|VACUUM|VALUES"
    r"|WITH"
)
_FIRST_WORD: Final = re.compile(r"(?>--[^\n]*|/\*(?s:.*?)\*/|[\s(;]+)*+([A-Za-z]+)")


def operation_of(statement: object) -> str:
    """Return the first keyword of an SQL statement, in capitals; ``other`` where it is none known."""
    if isinstance(statement, bytes):
        statement = statement[:10_000].decode("utf-8", "replace")
    found = _FIRST_WORD.match(statement) if isinstance(statement, str) else None
    word = found[1].upper() if found else ""
    return word if _OPERATIONS.fullmatch(word) else "other"


class Queries:
    """Measures the queries to one database: ``agentgauge_db_query_duration_seconds``.

    Args:
        database: the ``database`` label.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._cells: dict[str, Cell] = {}

    def begin(self, statement: object) -> tuple[Cell, float]:
        """Note that a query began."""
        operation = operation_of(statement)
        cell = self._cells.get(operation)
        if cell is None:
            labels = {"database": self._database, "operation": operation}
            cell = self._cells.setdefault(operation, CELLS.cell("db_query", self._database, labels))
        return cell, cell.begin()

    def end(self, token: tuple[Cell, float]) -> None:
        """Note that it ended, well or not."""
        count_success(*token)

    def drop(self, token: tuple[Cell, float]) -> None:
        """Note that it has not begun yet, after all."""
        cell, start = token
        cell.end(start)

    async def measured(self, statement: object, query: Awaitable[T]) -> T:
        """Measure a query that runs when it is awaited."""
        token = self.begin(statement)
        try:
            return await query
        finally:
            self.end(token)


_instrumented: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


def instrument_sqlalchemy(engine: C, /, *, database: str | None = None) -> C:
    """Measure the queries of an SQLAlchemy engine, sync or async, and return it.

    Args:
        engine: an ``Engine`` or ``AsyncEngine``; a second call with it changes nothing.
        database: the ``database`` label; the dialect's name, for instance postgresql, where it is left out.

    Raises:
        UsageError: it is no engine, or the label is not a string.
    """
    try:
        from sqlalchemy import Engine, event
    except ImportError:
        raise UsageError("instrument_sqlalchemy: SQLAlchemy 2 is not installed: pip install 'sqlalchemy>=2'") from None
    target = getattr(engine, "sync_engine", engine)
    if not isinstance(target, Engine):
        raise UsageError(
            f"instrument_sqlalchemy: {type(engine).__name__} is no engine; give what create_engine returns"
        )
    name = target.dialect.name if database is None else checked_label("instrument_sqlalchemy", "database", database)
    if target in _instrumented:
        return engine
    _instrumented.add(target)
    queries = Queries(name)

    # Under the execution context, of which there is one for each query.
    def before(_conn: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if context is not None:
            context.agentgauge_query = queries.begin(statement)

    def after(_conn: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        close(context)

    def failed(exception_context: Any) -> None:
        close(exception_context.execution_context)

    def close(context: Any) -> None:
        token = getattr(context, "agentgauge_query", None)
        if token is not None:
            context.agentgauge_query = None
            queries.end(token)

    event.listen(target, "before_cursor_execute", before)
    event.listen(target, "after_cursor_execute", after)
    event.listen(target, "handle_error", failed)
    return engine


def instrument_dbapi(connection: C, /, *, database: str) -> C:
    """Return a DB-API 2.0 connection (PEP 249) that measures its queries, and is the given one otherwise.

    Args:
        connection: of sqlite3, psycopg, PyMySQL or any other driver; an async one's (aiosqlite, asyncpg, psycopg)
            queries are measured while they are awaited.
        database: the ``database`` label.

    Raises:
        UsageError: it has no ``cursor``, or the label is not a string.
    """
    checked_label("instrument_dbapi", "database", database)
    if not callable(getattr(connection, "cursor", None)):
        raise UsageError(f"instrument_dbapi: {type(connection).__name__} is no DB-API connection; it has no cursor()")
    return _Connection(connection, Queries(database))  # type: ignore[return-value]


_EXECUTE: Final = frozenset({"execute", "executemany", "executescript", "execute_insert", "execute_fetchall"})
_FETCH: Final = frozenset({"fetch", "fetchrow", "fetchval"})
"""asyncpg's, which are given the statement."""


class _Measured:
    """What stands for a connection or a cursor: the same, but for the methods that run statements."""

    __slots__ = ("_inner", "_queries")

    def __init__(self, inner: Any, queries: Queries) -> None:
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_queries", queries)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in _EXECUTE or name in _FETCH:
            return self._measured(found, None, with_statement=name in _FETCH)
        return self._measured(found, "CALL") if name == "callproc" else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._inner, name)

    def __enter__(self) -> Any:
        return self._wrapped(self._inner.__enter__())

    def __exit__(self, *details: Any) -> Any:
        return self._inner.__exit__(*details)

    async def __aenter__(self) -> Any:
        return self._wrapped(await self._inner.__aenter__())

    async def __aexit__(self, *details: Any) -> Any:
        return await self._inner.__aexit__(*details)

    def __await__(self) -> Generator[Any, Any, Any]:
        result = yield from self._inner.__await__()
        return self._wrapped(result)

    def _measured(
        self, execute: Callable[..., Any], operation: str | None, *, with_statement: bool = False
    ) -> Callable[..., Any]:
        queries = self._queries

        def call(*args: Any, **kwargs: Any) -> Any:
            statement = operation or (args[0] if args else None)
            if with_statement and not isinstance(statement, str):
                return execute(*args, **kwargs)
            token = queries.begin(statement)
            try:
                result = execute(*args, **kwargs)
            except BaseException:
                queries.end(token)
                raise
            if not inspect.isawaitable(result):
                queries.end(token)
                return self._wrapped(result)
            queries.drop(token)
            if inspect.iscoroutine(result):
                return later(statement, result)
            return _Pending(result, lambda query: later(statement, query))

        async def later(statement: object, query: Awaitable[Any]) -> Any:
            return self._wrapped(await queries.measured(statement, query))

        return call

    def _wrapped(self, result: Any) -> Any:
        """Return this for what it stands for, and a measured cursor for a cursor."""
        if result is self._inner:
            return self
        return _Cursor(result, self._queries) if hasattr(result, "fetchone") else result


class _Pending:
    """Stands for a query that can be awaited or entered: aiosqlite's."""

    __slots__ = ("_inner", "_later")

    def __init__(self, inner: Any, later: Callable[[Awaitable[Any]], Coroutine[Any, Any, Any]]) -> None:
        self._inner = inner
        self._later = later

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._later(self._inner).__await__()

    async def __aenter__(self) -> Any:
        return await self._later(self._inner.__aenter__())

    async def __aexit__(self, *details: Any) -> Any:
        return await self._inner.__aexit__(*details)


class _Connection(_Measured):
    __slots__ = ()

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        return _Cursor(self._inner.cursor(*args, **kwargs), self._queries)


class _Cursor(_Measured):
    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inner)

    def __next__(self) -> Any:
        return next(self._inner)

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self._inner)
