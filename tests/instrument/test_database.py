"""Queries are measured by their first keyword, on real drivers, and behave as without."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import orm

import agentgauge as ag
from agentgauge.errors import UsageError
from agentgauge.instrument.database import operation_of
from agentgauge.testing import assert_recorded, recorded_of

QUERIES = "agentgauge_db_query_duration_seconds"


@pytest.mark.parametrize(
    ("statement", "operation"),
    [
        ("SELECT 1", "SELECT"),
        ("  \n insert into t values ('SELECT')", "INSERT"),
        ("-- who asks\n/* and\n why */ (select 1)", "SELECT"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH"),
        (b"UPDATE t SET a = 1", "UPDATE"),
        ("PRAGMA user_version", "PRAGMA"),
        ("SELECTED", "other"),
        ("a secret", "other"),
        ("", "other"),
        ("/* never closed", "other"),
        (None, "other"),
        ("/**/" * 20_000 + "1", "other"),
    ],
)
def test_the_operation_is_the_first_keyword(statement: object, operation: str) -> None:
    assert operation_of(statement) == operation


@given(st.text() | st.binary())
def test_nothing_of_a_statement_but_a_known_keyword_is_kept(statement: str | bytes) -> None:
    operation = operation_of(statement)
    assert operation == "other" or (operation.isupper() and 3 <= len(operation) <= 9)


def test_a_dbapi_connection_is_measured_and_behaves_as_before(tmp_path: Path) -> None:
    plain = sqlite3.connect(tmp_path / "db.sqlite")
    connection = ag.instrument_dbapi(plain, database="orders")
    connection.row_factory = sqlite3.Row
    assert plain.row_factory is sqlite3.Row
    with connection as same:
        assert same is connection
        cursor = same.cursor()
        assert cursor.execute("CREATE TABLE t (a)") is cursor
        cursor.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
        assert cursor.rowcount == 3
        cursor.arraysize = 2
    rows = connection.execute("SELECT a FROM t ORDER BY a")
    assert next(rows)["a"] == 1
    assert [row["a"] for row in rows] == [2, 3]
    assert connection.total_changes == 3
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        connection.execute("SELECT * FROM missing")
    connection.executescript("DELETE FROM t; DROP TABLE t")
    connection.close()
    for operation, count in {"CREATE": 1, "INSERT": 1, "SELECT": 2, "DELETE": 1}.items():
        assert_recorded(QUERIES, count=count, database="orders", operation=operation)
    assert_recorded(QUERIES, count=5)
    assert_recorded("agentgauge_in_flight", count=0, kind="db_query", name="orders")


def test_a_procedure_is_a_call() -> None:
    class Cursor:
        def callproc(self, name: str) -> list[str]:
            return [name]

        def fetchone(self) -> None: ...

    class Connection:
        def cursor(self) -> Cursor:
            return Cursor()

    connection = ag.instrument_dbapi(Connection(), database="procedures")
    assert connection.cursor().callproc("secret_name") == ["secret_name"]
    assert_recorded(QUERIES, count=1, database="procedures", operation="CALL")


class Base(orm.DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


def test_an_sqlalchemy_engine_is_measured_once() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    assert ag.instrument_sqlalchemy(engine, database="users") is engine
    ag.instrument_sqlalchemy(engine, database="users")
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all([User(name="a"), User(name="b")])
        session.commit()
        assert len(session.scalars(sqlalchemy.select(User)).all()) == 2
        with pytest.raises(sqlalchemy.exc.OperationalError):
            session.execute(sqlalchemy.text("UPDATE nothing SET a = 1"))
    engine.dispose()
    assert_recorded(QUERIES, count=1, database="users", operation="CREATE")
    assert_recorded(QUERIES, count=1, database="users", operation="SELECT")
    assert_recorded(QUERIES, count=1, database="users", operation="UPDATE")
    assert recorded_of(QUERIES, database="users", operation="INSERT").count > 0
    assert_recorded("agentgauge_in_flight", count=0, kind="db_query", name="users")


def test_a_query_that_is_interrupted_is_over() -> None:
    engine = ag.instrument_sqlalchemy(sqlalchemy.create_engine("sqlite://"))

    def interrupt() -> None:
        raise KeyboardInterrupt

    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.create_function("interrupt", 0, interrupt)
        with pytest.raises((KeyboardInterrupt, sqlalchemy.exc.OperationalError)):
            connection.execute(sqlalchemy.text("SELECT interrupt()"))
    engine.dispose()
    assert_recorded(QUERIES, count=1, database="sqlite", operation="SELECT")
    assert_recorded("agentgauge_in_flight", count=0, kind="db_query", name="sqlite")


def test_an_async_engine_is_measured_by_its_sync_engine() -> None:
    class AsyncEngine:  # what sqlalchemy.ext.asyncio's has; its drivers are not needed for this
        sync_engine = sqlalchemy.create_engine("sqlite://")

    engine = ag.instrument_sqlalchemy(AsyncEngine(), database="async")

    async def use() -> Any:
        with engine.sync_engine.connect() as connection:
            return connection.execute(sqlalchemy.text("SELECT 1")).scalar()

    assert asyncio.run(use()) == 1
    engine.sync_engine.dispose()
    assert_recorded(QUERIES, count=1, database="async", operation="SELECT")


class AsyncCursor:
    """As aiosqlite's and psycopg's, above sqlite3."""

    def __init__(self, inner: sqlite3.Cursor) -> None:
        self._inner = inner

    async def execute(self, statement: str) -> "AsyncCursor":
        await asyncio.sleep(0)
        self._inner.execute(statement)
        return self

    async def fetchone(self) -> Any:
        return self._inner.fetchone()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        for row in self._inner:
            return row
        raise StopAsyncIteration

    async def __aenter__(self) -> "AsyncCursor":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._inner.close()


class Pending:
    """As aiosqlite's: to be awaited, or entered."""

    def __init__(self, query: Coroutine[Any, Any, AsyncCursor]) -> None:
        self._query = query

    def __await__(self) -> Generator[Any, Any, AsyncCursor]:
        return self._query.__await__()

    async def __aenter__(self) -> AsyncCursor:
        return await self._query

    async def __aexit__(self, *_: object) -> None: ...


class AsyncConnection:
    def __init__(self) -> None:
        self._inner = sqlite3.connect(":memory:")

    def cursor(self) -> AsyncCursor:
        return AsyncCursor(self._inner.cursor())

    def execute(self, statement: str) -> Pending:
        return Pending(self.cursor().execute(statement))

    async def fetchrow(self, query: str) -> Any:  # as asyncpg's
        return await (await self.cursor().execute(query)).fetchone()

    async def __aenter__(self) -> "AsyncConnection":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._inner.close()


def test_an_async_connection_is_measured_while_it_is_awaited() -> None:
    async def use() -> None:
        async with ag.instrument_dbapi(AsyncConnection(), database="async") as connection:
            await connection.execute("CREATE TABLE t (x)")
            await asyncio.create_task(connection.cursor().execute("INSERT INTO t VALUES (1), (2)"))
            async with connection.execute("SELECT x FROM t") as cursor:
                assert [row async for row in cursor] == [(1,), (2,)]
            async with connection.cursor() as cursor:
                await cursor.execute("UPDATE t SET x = 3")
            assert await connection.fetchrow("SELECT count(*) FROM t") == (2,)
            never_awaited = connection.execute("DELETE FROM t")
            with pytest.raises(sqlite3.OperationalError):
                await connection.execute("DROP TABLE missing")
            assert_recorded("agentgauge_in_flight", count=0, kind="db_query", name="async")
            await never_awaited

    asyncio.run(use())
    for operation, count in {"CREATE": 1, "INSERT": 1, "SELECT": 2, "UPDATE": 1, "DROP": 1, "DELETE": 1}.items():
        assert_recorded(QUERIES, count=count, database="async", operation=operation)


def test_wrong_use_fails_at_once_with_a_clear_line() -> None:
    with pytest.raises(UsageError, match="str is no engine; give what create_engine returns"):
        ag.instrument_sqlalchemy("sqlite://")
    with pytest.raises(UsageError, match="object is no DB-API connection"):
        ag.instrument_dbapi(object(), database="x")
    with pytest.raises(UsageError, match="database must be a string, not int"):
        ag.instrument_dbapi(sqlite3, database=3)  # type: ignore[arg-type]
