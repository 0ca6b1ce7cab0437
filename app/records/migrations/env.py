"""Alembic's entry: the connection comes from records.migrate, or from POSTCARD_DATABASE_URL for alembic's own commands."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from app.records.database import Database, UtcDateTime
from app.records.tables import metadata
from app.settings import read_settings


def _render(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    """Write our time type as the plain one, so that migrations need nothing of ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, UtcDateTime) else False


def _run(connection: sa.Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, render_item=_render)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    database = Database(read_settings()[0].database.url)
    with database.write() as opened:
        _run(opened)
