"""The record of what cannot be undone: who did what, when and why. Rows are only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.model.ids import new_id
from app.records.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One deed: ``action`` on ``subject`` (an id), with its reason in words and what came of it."""

    id: str
    at: datetime
    who: str
    action: str
    subject: str
    reason: str
    facts: dict[str, Any]


def add_audit(
    connection: sa.Connection, *, who: str, action: str, subject: str, reason: str, facts: dict[str, Any], at: datetime
) -> str:
    """Write down a deed in the transaction that does it; tell the entry's id."""
    entry_id = new_id("aud")
    connection.execute(
        sa.insert(audit).values(id=entry_id, at=at, who=who, action=action, subject=subject, reason=reason, facts=facts)
    )
    return entry_id


def list_audit(connection: sa.Connection, *, before: str = "", limit: int = 50) -> Sequence[AuditEntry]:
    """List deeds, newest first; ``before`` is the id of the last one of the page above."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before:
        query = query.where(audit.c.id < before)
    return [AuditEntry(**row._asdict()) for row in connection.execute(query)]
