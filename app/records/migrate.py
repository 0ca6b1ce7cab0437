"""The schema: one chain of migrations for SQLite and PostgreSQL."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.errors import CannotStart
from app.records.database import Database


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "app.records:migrations")
    return config


def migrate(database: Database) -> None:
    """Bring the schema to its head; a database that is there already is left alone."""
    config = _config()
    with database.write() as connection:
        if not database.is_sqlite:
            # Two machines that migrate at once: the second waits and finds nothing to do.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7246801)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current_schema(database: Database) -> None:
    """Refuse to work on rows that this version does not understand.

    Raises:
        CannotStart: the schema is not at this version's head.
    """
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with database.read() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != head:
        raise CannotStart(
            f"The database is at schema {current or 'none'}, this version needs {head}: run `postcard migrate`.",
            current=current,
            needed=head,
        )
