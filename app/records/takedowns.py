"""What was taken down: content that may not come back, the campaigns that used it, the messages that may still show it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.errors import ContentBlocked
from app.model.messages import Message
from app.model.status import MessageState
from app.records.messages import message_of
from app.records.tables import assets, attempts, blocked, campaign_assets, messages, objects, renditions

_UNDER_WAY = (MessageState.SENDING.value, MessageState.UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class TakenObjects:
    """Objects of an asset: keys, the hashes of their bytes, and all assets that led to the same bytes, the first included."""

    keys: list[str]
    sha256s: list[str]
    asset_ids: list[str]


def take_objects(connection: sa.Connection, asset_id: str) -> TakenObjects:
    """Drop every rendition that has the bytes of one of this asset's, whoever uploaded it, and mark the objects *deleting*."""
    own = sa.select(renditions.c.key).where(renditions.c.asset_id == asset_id)
    query = sa.select(objects).where(objects.c.key.in_(own)).order_by(objects.c.key).with_for_update()
    rows = connection.execute(query).all()
    keys = [row.key for row in rows]
    others = connection.scalars(sa.select(renditions.c.asset_id).where(renditions.c.key.in_(keys)).distinct())
    asset_ids = sorted({asset_id, *others})
    connection.execute(sa.delete(renditions).where(renditions.c.key.in_(keys)))
    connection.execute(sa.update(objects).where(objects.c.key.in_(keys)).values(state="deleting"))
    return TakenObjects(keys, [row.sha256 for row in rows], asset_ids)


def block_content(
    connection: sa.Connection, sha256s: Iterable[str], *, asset_id: str, reason: str, created_by: str, at: datetime
) -> None:
    """Let these bytes never come in again; what is blocked already keeps its first reason."""
    wanted = set(sha256s)
    known = set(connection.scalars(sa.select(blocked.c.sha256).where(blocked.c.sha256.in_(wanted))))
    facts = {"asset_id": asset_id, "reason": reason, "created_by": created_by, "created_at": at}
    for sha256 in sorted(wanted - known):
        connection.execute(sa.insert(blocked).values(sha256=sha256, **facts))


def require_not_blocked(connection: sa.Connection, *sha256s: str) -> None:
    """Refuse bytes that were taken down.

    Raises:
        ContentBlocked: with the reason that was given then.
    """
    row = connection.execute(sa.select(blocked).where(blocked.c.sha256.in_(sha256s)).limit(1)).one_or_none()
    if row is not None:
        raise ContentBlocked(
            f"These very bytes were taken down on {row.created_at:%Y-%m-%d}, for this reason: “{row.reason}”.",
            reason=row.reason,
            taken_down_at=row.created_at.isoformat(),
        )


def blocked_hashes(connection: sa.Connection) -> set[str]:
    """Name all content that may not come back."""
    return set(connection.scalars(sa.select(blocked.c.sha256)))


def lock_assets(connection: sa.Connection, asset_ids: Iterable[str]) -> None:
    """Have these assets alone until this transaction ends, to delete them: nobody hosts, orders or deletes them meanwhile."""
    connection.execute(_assets_in_order(asset_ids).with_for_update())


def hold_assets(connection: sa.Connection, asset_ids: Iterable[str], *, alone: bool = False) -> None:
    """Keep assets from being deleted or taken down until this transaction ends; others may hold them, too, unless ``alone``.

    Look only then whether they are living: a deletion that was under way has ended.
    """
    connection.execute(_assets_in_order(asset_ids).with_for_update(read=not alone, key_share=True))


def _assets_in_order(asset_ids: Iterable[str]) -> sa.Select[tuple[str]]:
    return sa.select(assets.c.id).where(assets.c.id.in_(sorted(set(asset_ids)))).order_by(assets.c.id)


def assets_with_same_bytes(connection: sa.Connection, asset_id: str) -> list[str]:
    """Name the asset and all others that led to the bytes of one of its renditions."""
    own = sa.select(renditions.c.key).where(renditions.c.asset_id == asset_id)
    others = connection.scalars(sa.select(renditions.c.asset_id).where(renditions.c.key.in_(own)).distinct())
    return sorted({asset_id, *others})


def campaigns_of(connection: sa.Connection, asset_ids: Iterable[str]) -> list[str]:
    """Name every campaign that uses one of these assets, whatever became of it."""
    query = sa.select(campaign_assets.c.campaign_id).where(campaign_assets.c.asset_id.in_(list(asset_ids)))
    return sorted(set(connection.scalars(query)))


def messages_at_risk(
    connection: sa.Connection, campaign_ids: Iterable[str], *, since: datetime, limit: int
) -> tuple[int, list[Message]]:
    """Find messages of these campaigns that OpenMarket took since then, or may have taken: their media may still be fetched.

    Returns:
        how many there are, and the first ``limit`` of them.
    """
    recent = sa.select(attempts.c.message_id).where(attempts.c.started_at >= since, attempts.c.mt_id != "")
    at_risk = sa.and_(
        messages.c.campaign_id.in_(list(campaign_ids)),
        sa.or_(
            messages.c.id.in_(recent),
            sa.and_(messages.c.state.in_(_UNDER_WAY), messages.c.updated_at >= since),
        ),
    )
    count = connection.scalar(sa.select(sa.func.count()).select_from(messages).where(at_risk)) or 0
    rows = connection.execute(sa.select(messages).where(at_risk).order_by(messages.c.id).limit(limit))
    return count, [message_of(row) for row in rows]
