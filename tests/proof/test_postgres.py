"""A PostgreSQL of one's own that is killed and comes back."""

from contextlib import closing

import psycopg2
import pytest

from proof.postgres import PostgresServer
from tests.waiting import wait_until


def come_back(server: PostgresServer) -> None:
    def answers() -> bool:
        if not server.alive:
            server.launch()
        return server.answers()

    wait_until(answers, "the server answers again", 60)


def test_what_was_committed_is_there_after_a_kill() -> None:
    with PostgresServer(durable=True) as server:
        name = server.create_database()
        dsn = server.url(name).replace("+psycopg2", "")
        with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("create table kept (id int)")
            cursor.execute("insert into kept values (7)")
            connection.commit()
            server.kill()
            assert not server.alive
            come_back(server)
            with pytest.raises(psycopg2.OperationalError):
                cursor.execute("select 1")
        with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("select id from kept")
            assert cursor.fetchall() == [(7,)]
