"""What a database says of its own tables, to compare two ways of making them."""

from sqlalchemy import Connection, Engine, text

POSTGRESQL_CATALOGUE = {
    "columns": """
        select table_name, ordinal_position, column_name, data_type, character_maximum_length, is_nullable,
            column_default
        from information_schema.columns where table_schema = 'public'""",
    "constraints": """
        select conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = 'public'::regnamespace""",
    "indexes": "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public'",
    "sequences": "select sequencename, data_type::text, start_value from pg_sequences where schemaname = 'public'",
}


def describe(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every column, constraint, index and sequence, in the database's own words."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            return _sqlite(connection)
        return {
            what: sorted(
                (tuple(row) for row in connection.execute(text(query)) if "alembic_version" not in row[0]), key=str
            )
            for what, query in POSTGRESQL_CATALOGUE.items()
        }


def _sqlite(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    rows = connection.execute(text("select type, name, sql from sqlite_master where sql is not null"))
    statements = [(type_, name, _parts(sql)) for type_, name, sql in rows if name != "alembic_version"]
    return {"statements": sorted(statements, key=str)}


def _parts(sql: str) -> tuple[str, ...]:
    """A CREATE statement's lines; the constraints, whose order says nothing, sorted."""
    return tuple(sorted(line.strip().rstrip(",") for line in sql.splitlines()))
