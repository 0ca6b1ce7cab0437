from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.errors import CannotStart, DatabaseBusy
from app.records.database import Database
from app.records.migrate import _config, migrate, require_current_schema
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


def test_a_database_that_is_away_says_so() -> None:
    database = Database("postgresql+psycopg://nobody:x@127.0.0.1:1/none", busy_seconds=1)
    with pytest.raises(DatabaseBusy), database.read():
        pytest.fail("connected to nothing")
    database.close()


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="does not exist"):
        Database(f"sqlite:///{tmp_path / 'none' / 'x.sqlite'}")
