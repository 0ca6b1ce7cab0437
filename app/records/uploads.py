"""Uploads that go straight to the store: what was announced, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound
from app.model.ids import new_id
from app.records.tables import uploads


@dataclass(frozen=True, slots=True)
class Upload:
    """One announced upload. ``state`` is open, arrived (whole in the store), done (``asset_id``) or failed (``failure``).

    ``sha256`` is empty for one in parts; ``multipart_id`` is empty for one that is a single PUT.
    """

    id: str
    filename: str
    declared_type: str
    bytes: int
    sha256: str
    multipart_id: str
    state: str
    asset_id: str | None
    failure: dict[str, Any] | None
    created_at: datetime
    created_by: str


def add_upload(connection: sa.Connection, upload_id: str, *, at: datetime, **facts: Any) -> Upload:
    """Write down an upload that is announced; ``facts`` are filename, declared_type, bytes, sha256, multipart_id, created_by."""
    connection.execute(sa.insert(uploads).values(id=upload_id, state="open", created_at=at, **facts))
    return get_upload(connection, upload_id)


def new_upload_id() -> str:
    """Make the id that is also its name in the store."""
    return new_id("upl")


def get_upload(connection: sa.Connection, upload_id: str, *, lock: bool = False) -> Upload:
    """Read one upload.

    Raises:
        NotFound: no such upload.
    """
    query = sa.select(uploads).where(uploads.c.id == upload_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no upload {upload_id[:60]}.", id=upload_id[:60])
    return Upload(**row._asdict())


def settle_upload(
    connection: sa.Connection,
    upload_id: str,
    state: str,
    *,
    asset_id: str | None = None,
    failure: dict[str, Any] | None = None,
) -> None:
    """Say where an upload stands now."""
    connection.execute(
        sa.update(uploads).where(uploads.c.id == upload_id).values(state=state, asset_id=asset_id, failure=failure)
    )
