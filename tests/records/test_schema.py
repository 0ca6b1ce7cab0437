import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade, upgrade
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.errors import CannotStart, DatabaseBusy
from app.model.media import WHOLE, Budget
from app.records.database import Database
from app.records.migrate import _config, migrate, require_current_schema
from app.records.objects import find_rendition
from app.records.tables import metadata


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(database: Database) -> None:
    with database.write() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_have_one_head() -> None:
    assert len(ScriptDirectory.from_config(_config()).get_heads()) == 1


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    require_current_schema(database)


def test_the_schema_can_be_taken_down_again(database: Database) -> None:
    config = _config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        downgrade(config, "base")
    with database.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    with pytest.raises(CannotStart, match="postcard migrate"):
        require_current_schema(database)


def test_sqlite_is_durable_and_has_foreign_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with database.read() as connection:
        told = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    database.close()
    assert told == ["wal", 2, 1]


def test_a_locked_database_says_so_and_changes_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}", busy_seconds=0.2)
    migrate(database)
    with database.write(), pytest.raises(DatabaseBusy), database.write():
        pytest.fail("two writers at once")
    database.close()


def test_a_writer_gets_its_turns_beside_one_that_writes_again_and_again(tmp_path: Path) -> None:
    database, ended = Database(f"sqlite:///{tmp_path / 'x.sqlite'}", busy_seconds=30), threading.Event()
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE turns (who TEXT)")

    def write(who: str) -> None:
        with database.write() as connection:
            connection.execute(sa.text("INSERT INTO turns VALUES (:who)"), {"who": who})
            time.sleep(0.005)  # holds the lock most of the time

    def again_and_again() -> None:
        while not ended.is_set():
            write("other")

    other = threading.Thread(target=again_and_again)
    other.start()
    for _ in range(20):
        write("ours")
    ended.set()
    other.join()
    with database.read() as connection:
        counted = connection.exec_driver_sql("SELECT count(*) FROM turns WHERE who = 'ours'").scalar()
        waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    database.close()
    assert (counted, waits) == (20, 30_000)  # what waits for anything but the lock to write waits as SQLite does


def test_a_database_that_is_away_says_so() -> None:
    database = Database("postgresql+psycopg://nobody:x@127.0.0.1:1/none", busy_seconds=1)
    with pytest.raises(DatabaseBusy), database.read():
        pytest.fail("connected to nothing")
    database.close()


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="does not exist"):
        Database(f"sqlite:///{tmp_path / 'none' / 'x.sqlite'}")


def test_renditions_from_before_choices_are_those_of_no_choice_made_at_best(database_url: str) -> None:
    database = Database(database_url, busy_seconds=5)
    config = _config()
    at = "'2026-11-22 10:00:00'"
    with database.write() as connection:
        config.attributes["connection"] = connection
        upgrade(config, "0005")
        for statement in (
            "INSERT INTO assets (id, sha256, filename, facts, state, original_key, created_at, created_by) VALUES "
            f"('ast_1', 'a', 'a.jpg', '{{}}', 'ready', 'o', {at}, 'x')",
            "INSERT INTO objects (key, sha256, content_type, bytes, state) VALUES ('k', 'b', 'image/jpeg', 5, 'hosted')",
            "INSERT INTO renditions (id, asset_id, profile, budget_bytes, side_pixels, content_types, key, width, height, "
            "untouched, quality, given_up, created_at) VALUES ('rnd_1', 'ast_1', 'universal', 10, 20, '[]', 'k', 1, 1, "
            f"{'1' if database.is_sqlite else 'true'}, '{{}}', '[]', {at})",
        ):
            connection.exec_driver_sql(statement)
    migrate(database)
    with database.read() as connection:
        kept = find_rendition(connection, "ast_1", "universal", Budget(10, 20, ()))
        assert kept is not None
        assert (kept.id, kept.choice, kept.fast) == ("rnd_1", WHOLE, False)
    database.close()
