"""Senders, and what an admin changed of the operators that ship in limits/."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.model.ids import new_id
from app.model.messages import Sender, SenderKind
from app.records.tables import messages, operators, senders


def _sender(row: sa.Row[Any]) -> Sender:
    return Sender(row.id, row.country, row.source, SenderKind(row.kind), row.mt_config, row.tps)


def sync_senders(connection: sa.Connection, wanted: Iterable[Sender], *, at: datetime) -> None:
    """Make the active senders those of the settings; rows that messages refer to stay, inactive."""
    connection.execute(sa.update(senders).values(active=False))
    for sender in wanted:
        same = sa.and_(
            senders.c.country == sender.country,
            senders.c.source == sender.source,
            senders.c.mt_config == sender.mt_config,
        )
        values = {"kind": sender.kind.value, "tps": sender.tps, "active": True}
        if connection.execute(sa.update(senders).where(same).values(values)).rowcount == 0:
            row = {
                "id": new_id("snd"),
                "country": sender.country,
                "source": sender.source,
                "mt_config": sender.mt_config,
                "created_at": at,
                **values,
            }
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(senders).values(row))
            except sa.exc.IntegrityError:
                continue  # web and worker start together: the other one was first


def active_senders(connection: sa.Connection) -> dict[str, Sender]:
    """Map each country to the sender that serves it."""
    query = sa.select(senders).where(senders.c.active).order_by(senders.c.id.desc())
    return {row.country: _sender(row) for row in connection.execute(query)}


def senders_by_id(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Sender]:
    """Read senders, also such as no longer serve."""
    query = sa.select(senders).where(senders.c.id.in_(list(ids)))
    return {row.id: _sender(row) for row in connection.execute(query)}


def senders_of_campaign(connection: sa.Connection, campaign_id: str) -> list[Sender]:
    """List the senders that the messages of a campaign use."""
    used = sa.select(messages.c.sender_id).where(messages.c.campaign_id == campaign_id).distinct()
    return [_sender(row) for row in connection.execute(sa.select(senders).where(senders.c.id.in_(used)))]


def ensure_sender(connection: sa.Connection, sender: Sender, *, at: datetime) -> Sender:
    """Find or make the row of a source that a campaign names itself; it does not serve other campaigns."""
    same = sa.and_(
        senders.c.country == sender.country,
        senders.c.source == sender.source,
        senders.c.mt_config == sender.mt_config,
    )
    row = connection.execute(sa.select(senders).where(same)).one_or_none()
    if row is not None:
        return _sender(row)
    connection.execute(
        sa.insert(senders).values(
            id=new_id("snd"),
            country=sender.country,
            source=sender.source,
            kind=sender.kind.value,
            mt_config=sender.mt_config,
            tps=sender.tps,
            active=False,
            created_at=at,
        )
    )
    return _sender(connection.execute(sa.select(senders).where(same)).one())


def operator_edits(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """Read what was edited: id -> the fields that override the shipped row."""
    return {row.id: dict(row.facts) for row in connection.execute(sa.select(operators))}


def edit_operator(
    connection: sa.Connection, operator_id: str, facts: dict[str, Any], *, updated_by: str, at: datetime
) -> None:
    """Override the shipped row of an operator, or add one."""
    values = {"facts": facts, "updated_by": updated_by, "updated_at": at}
    if connection.execute(sa.update(operators).where(operators.c.id == operator_id).values(values)).rowcount == 0:
        connection.execute(sa.insert(operators).values(id=operator_id, **values))
