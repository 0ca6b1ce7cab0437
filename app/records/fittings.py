"""What is being fitted at this moment, in whichever process: how far it is, and whether somebody wants it to stop."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.model.ids import new_id
from app.model.media import Choice
from app.records.choices import choice_from_text, choice_to_text
from app.records.tables import fittings

LEASE = timedelta(seconds=20)
"""A killed process leaves its row; this long after its last sign of life it counts no more."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """One fitting under way; ``progress`` is 0 to 1."""

    id: str
    asset_id: str
    profile: str
    choice: Choice
    progress: float
    started_at: datetime


def begin_fitting(
    connection: sa.Connection, asset_id: str, profile: str, choice: Choice, *, progress: float, at: datetime
) -> str:
    """Write down that an asset is being fitted, and forget rows that killed processes left of it."""
    connection.execute(sa.delete(fittings).where(fittings.c.asset_id == asset_id, fittings.c.until < at))
    fitting_id = new_id("fit")
    connection.execute(
        sa.insert(fittings).values(
            id=fitting_id,
            asset_id=asset_id,
            profile=profile,
            choice=choice_to_text(choice),
            progress=progress,
            cancelled=False,
            started_at=at,
            until=at + LEASE,
        )
    )
    return fitting_id


def go_on_fitting(connection: sa.Connection, fitting_id: str, *, progress: float, at: datetime) -> bool:
    """Write down how far it is; False = somebody cancelled it."""
    wanted = connection.scalar(
        sa.update(fittings)
        .where(fittings.c.id == fitting_id)
        .values(progress=progress, until=at + LEASE)
        .returning(fittings.c.cancelled)
    )
    return wanted is False


def end_fitting(connection: sa.Connection, fitting_id: str) -> None:
    """Forget a fitting that has ended."""
    connection.execute(sa.delete(fittings).where(fittings.c.id == fitting_id))


def cancel_fittings(connection: sa.Connection, asset_id: str, *, at: datetime) -> int:
    """Ask every process that fits this asset to stop; tell how many were asked."""
    asked = connection.execute(
        sa.update(fittings)
        .where(fittings.c.asset_id == asset_id, fittings.c.until >= at, fittings.c.cancelled.is_(False))
        .values(cancelled=True)
    )
    return asked.rowcount


def fittings_of(connection: sa.Connection, asset_ids: Iterable[str], *, at: datetime) -> list[Fitting]:
    """List what is being fitted of these assets, the oldest first; what was cancelled counts no more."""
    query = (
        sa.select(fittings)
        .where(fittings.c.asset_id.in_(list(asset_ids)), fittings.c.until >= at, fittings.c.cancelled.is_(False))
        .order_by(fittings.c.id)
    )
    return [
        Fitting(row.id, row.asset_id, row.profile, choice_from_text(row.choice), row.progress, row.started_at)
        for row in connection.execute(query)
    ]
