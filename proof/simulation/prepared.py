"""An engine for runs: statements that the service keeps are compiled by SQLAlchemy once and then given to the driver.

SQLAlchemy spends five times as long on a statement as SQLite does. Rules: what reaches SQLite is what SQLAlchemy would
send, but that rows which are inserted together and give something back go one by one; results are made of its own
`Row`s; a statement is prepared when it is met the second time, so one that is built for a single use goes through
SQLAlchemy itself, and so does all that is unusual. That a run is the same on either engine,
byte for byte, is tested (tests/proof/simulation/test_prepared.py).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Executable, Row, RowMapping, create_engine
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.pool import StaticPool

from db.engine import READ_ONLY


class Hooks(Protocol):
    """What is done around a transaction; each may raise."""

    def begin(self, read_only: bool) -> None:
        """It is about to begin."""
        ...

    def commit(self, commit: Callable[[], None]) -> None:
        """A writer's is about to be committed, by `commit`."""
        ...


# Where a value of a statement comes from: the parameter's name (None: the constant), the place in an expanded list
# (None: it is none), the constant, and what makes it fit for the driver.
_Slot = tuple[str | None, int | None, Any, Callable[[Any], Any] | None]


@dataclass(slots=True)
class _Plan:
    """A statement as the driver takes it."""

    compiled: Any
    # Names of lists among the parameters; their lengths -> the SQL and its values.
    lists: tuple[str, ...]
    # Columns of ours that are not among the parameters -> what they become then.
    defaults: Mapping[str, Any]
    forms: dict[tuple[int, ...], tuple[str, tuple[_Slot, ...]]] = field(default_factory=dict)
    # Of the rows, as soon as some came.
    metadata: SimpleResultMetaData | None = None
    converters: tuple[Any, ...] | None = None


class _Count:
    """The result of a statement without rows."""

    __slots__ = ("rowcount",)

    def __init__(self, rowcount: int) -> None:
        self.rowcount = rowcount


class _Rows:
    """The result of a statement with rows: what orders_svc asks of SQLAlchemy's Result."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[Row[Any]]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row[Any]]:
        return iter(self._rows)

    def all(self) -> list[Row[Any]]:
        """All rows."""
        return self._rows

    def scalars(self) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self._rows]

    def mappings(self) -> list[RowMapping]:
        """All rows, by the names of their columns."""
        return [row._mapping for row in self._rows]

    def one_or_none(self) -> Row[Any] | None:
        """The only row. Raises MultipleResultsFound."""
        if len(self._rows) > 1:
            raise MultipleResultsFound("more than one row")
        return self._rows[0] if self._rows else None

    def one(self) -> Row[Any]:
        """The only row. Raises NoResultFound or MultipleResultsFound."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("no row")
        return row

    def scalar(self) -> Any:
        """The first column of the first row, or None."""
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        """The first column of the only row. Raises NoResultFound or MultipleResultsFound."""
        return self.one()[0]


class PreparedEngine:
    """What orders_svc asks of an Engine, on one connection. `execution_options` gives a variant of the same."""

    def __init__(self, raw: sqlite3.Connection, hooks: Hooks) -> None:
        plain = create_engine("sqlite+pysqlite://", creator=lambda: raw, poolclass=StaticPool)
        self._connection = PreparedConnection(raw, plain.connect())
        self._hooks = hooks
        self._read_only = False

    @property
    def dialect(self) -> Dialect:
        """SQLite's."""
        return self._connection.dialect

    def execution_options(self, **options: Any) -> "PreparedEngine":
        """The same engine; the only option is READ_ONLY."""
        variant = object.__new__(PreparedEngine)
        variant._connection, variant._hooks = self._connection, self._hooks
        variant._read_only = bool(options.pop(READ_ONLY))
        if options:
            raise TypeError(f"unknown options: {', '.join(options)}")
        return variant

    def begin(self) -> "_Transaction":
        """A transaction, for a `with` statement."""
        return _Transaction(self._connection, self._hooks, self._read_only)


class _Transaction:
    __slots__ = ("_connection", "_hooks", "_read_only")

    def __init__(self, connection: "PreparedConnection", hooks: Hooks, read_only: bool) -> None:
        self._connection = connection
        self._hooks = hooks
        self._read_only = read_only

    def __enter__(self) -> "PreparedConnection":
        self._hooks.begin(self._read_only)
        self._connection.raw.execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raw = self._connection.raw
        if kind is not None:
            raw.rollback()
        elif self._read_only:
            raw.commit()
        else:
            try:
                self._hooks.commit(raw.commit)
            except BaseException:
                raw.rollback()
                raise


class PreparedConnection:
    """What orders_svc asks of a Connection. `raw` is the driver's; `plain` is SQLAlchemy's own on the same."""

    def __init__(self, raw: sqlite3.Connection, plain: Connection) -> None:
        self.raw = raw
        self.dialect = plain.dialect
        self._plain = plain
        # Statement -> (names of its parameters, one or many) -> its plan; None: SQLAlchemy is to run it.
        self._plans: WeakKeyDictionary[Executable, dict[Any, _Plan | None]] = WeakKeyDictionary()

    def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        """The first column of the first row, or None."""
        return self.execute(statement, parameters).scalar()

    def execute(self, statement: Executable, parameters: Any = None) -> Any:
        """As Connection.execute."""
        plans = self._plans.get(statement)
        if plans is None:
            self._plans[statement] = {}
            return self._plain.execute(statement, parameters)
        many = isinstance(parameters, list)
        if many and len(parameters) == 1:
            parameters, many = parameters[0], False
        first: Mapping[str, Any] = (parameters[0] if many else parameters) or {}
        key = (*first, many)
        try:
            plan = plans[key]
        except KeyError:
            plan = plans[key] = self._plan(statement, list(first), many)
        if plan is None:
            return self._plain.execute(statement, parameters)
        try:
            return self._run(plan, parameters, first, many)
        except sqlite3.Error as error:
            raise DBAPIError.instance(
                str(plan.compiled), parameters, error, sqlite3.Error, dialect=self.dialect
            ) from error

    def _plan(self, statement: Any, names: list[str], many: bool) -> _Plan | None:
        compiled = statement.compile(dialect=self.dialect, column_keys=names)
        defaults = {column.key: column.default for column in compiled.insert_prefetch}
        unusual = (
            compiled.isplaintext
            or compiled.update_prefetch
            or compiled.implicit_returning
            or not all(default.is_scalar for default in defaults.values())
        )
        lists = tuple(name for name, bind in compiled.binds.items() if bind.expanding and name in names)
        if unusual or (many and lists):
            return None
        plan = _Plan(compiled, lists, {key: default.arg for key, default in defaults.items()})
        columns = list(statement.exported_columns)
        if columns:
            kinds = [column.type.dialect_impl(self.dialect) for column in columns]
            converters = [kind.result_processor(self.dialect, None) for kind in kinds]
            plan.converters = tuple(converters) if any(converters) else None
            plan.metadata = SimpleResultMetaData([column.key for column in columns])
        return plan

    def _run(self, plan: _Plan, parameters: Any, first: Mapping[str, Any], many: bool) -> Any:
        lengths = tuple(len(first[name]) for name in plan.lists)
        form = plan.forms.get(lengths)
        if form is None:
            form = plan.forms[lengths] = self._form(plan, first)
        sql, slots = form
        if plan.metadata is None:
            if many:
                return _Count(self.raw.executemany(sql, [_values(slots, row) for row in parameters]).rowcount)
            return _Count(self.raw.execute(sql, _values(slots, first)).rowcount)
        rows: list[Any] = []
        for row in parameters if many else (first,):
            rows += self.raw.execute(sql, _values(slots, row)).fetchall()
        metadata, converters, places = plan.metadata, plan.converters, plan.metadata._key_to_index
        return _Rows([Row(metadata, converters, places, row) for row in rows])

    def _form(self, plan: _Plan, first: Mapping[str, Any]) -> tuple[str, tuple[_Slot, ...]]:
        """The SQL for lists of these lengths, and where its values come from."""
        state = plan.compiled.construct_expanded_state(first, escape_names=False)
        source = {
            part: (name, index) for name, parts in state.parameter_expansion.items() for index, part in enumerate(parts)
        }
        slots: list[_Slot] = []
        for part in state.positiontup:
            name, index = source.get(part, (part, None))
            kind = plan.compiled.binds[name].type
            to = kind.dialect_impl(self.dialect).bind_processor(self.dialect)
            if name in first:
                slots.append((name, index, None, to))
            else:
                value = plan.defaults.get(part, state.parameters[part])
                slots.append((None, None, value if to is None else to(value), None))
        return state.statement, tuple(slots)


def _values(slots: tuple[_Slot, ...], row: Mapping[str, Any]) -> list[Any]:
    """What the driver is given for a row's values."""
    values = []
    for name, index, constant, to in slots:
        value = constant if name is None else row[name] if index is None else row[name][index]
        values.append(value if to is None else to(value))
    return values
