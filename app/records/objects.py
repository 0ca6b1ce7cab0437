"""Hosted objects and the renditions that refer to them.

One row per key serialises put, renew and delete of that key: who wants to change it locks the row first. A rendition's row
is written before its bytes are put, so a deletion that runs at the same time sees the reference; an object in state
*deleting* takes no new ones. An original that is deleted has such a row, too, until its bytes are gone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound, StoreUnavailable
from app.model.ids import new_id
from app.model.media import WHOLE, Budget, Choice, Fitted, HostedObject, ObjectState, Quality, Rendition
from app.model.ports import Stored
from app.records.choices import choice_from_text, choice_to_text
from app.records.tables import assets, objects, renditions


def _object(row: sa.Row[Any]) -> HostedObject:
    return HostedObject(
        key=row.key,
        sha256=row.sha256,
        content_type=row.content_type,
        bytes=row.bytes,
        state=ObjectState(row.state),
        stored_at=row.stored_at,
        last_requested_at=row.last_requested_at,
        verified_at=row.verified_at,
        verified=row.verified,
    )


def _rendition(row: sa.Row[Any]) -> Rendition:
    return Rendition(
        id=row.rendition_id,
        asset_id=row.asset_id,
        profile=row.profile,
        budget=Budget(row.budget_bytes, row.side_pixels, tuple(row.content_types)),
        key=row.key,
        content_type=row.content_type,
        bytes=row.bytes,
        sha256=row.sha256,
        width=row.width,
        height=row.height,
        untouched=row.untouched,
        quality=Quality(**row.quality),
        given_up=tuple(row.given_up),
        created_at=row.created_at,
        choice=choice_from_text(row.choice),
        fast=row.fast,
        object=_object(row),
    )


def _select_renditions() -> sa.Select[Any]:
    columns = [column for column in renditions.c if column.name not in {"id", "key"}]
    return sa.select(renditions.c.id.label("rendition_id"), *columns, *objects.c).join(
        objects, objects.c.key == renditions.c.key
    )


def renditions_of(connection: sa.Connection, asset_ids: Iterable[str]) -> Sequence[Rendition]:
    """List hosted renditions of these assets, oldest first."""
    query = (
        _select_renditions()
        .where(renditions.c.asset_id.in_(list(asset_ids)), objects.c.state == ObjectState.HOSTED.value)
        .order_by(renditions.c.id)
    )
    return [_rendition(row) for row in connection.execute(query)]


def get_rendition(connection: sa.Connection, rendition_id: str) -> Rendition:
    """Read one hosted rendition.

    Raises:
        NotFound: no such rendition, or its bytes are gone.
    """
    query = _select_renditions().where(renditions.c.id == rendition_id, objects.c.state == ObjectState.HOSTED.value)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no rendition {rendition_id[:60]}.", id=rendition_id[:60])
    return _rendition(row)


def _same(asset_id: str, profile: str, budget: Budget, choice: Choice) -> sa.ColumnElement[bool]:
    """Tell one rendition from all others."""
    return sa.and_(
        renditions.c.asset_id == asset_id,
        renditions.c.profile == profile,
        renditions.c.budget_bytes == budget.max_bytes,
        renditions.c.side_pixels == budget.side_pixels,
        renditions.c.choice == choice_to_text(choice),
    )


def find_rendition(
    connection: sa.Connection, asset_id: str, profile: str, budget: Budget, choice: Choice = WHOLE
) -> Rendition | None:
    """Find the hosted rendition of an asset for one budget and choice."""
    query = _select_renditions().where(
        _same(asset_id, profile, budget, choice), objects.c.state == ObjectState.HOSTED.value
    )
    rows = [_rendition(row) for row in connection.execute(query)]
    return next((each for each in rows if each.budget.content_types == budget.content_types), None)


def rendition_of_object(connection: sa.Connection, key: str) -> Rendition | None:
    """Find a rendition that led to this object, to restore it from its original."""
    query = (
        _select_renditions()
        .join(assets, assets.c.id == renditions.c.asset_id)
        .where(renditions.c.key == key, assets.c.deleted_at.is_(None))
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return _rendition(row) if row else None


def find_object(connection: sa.Connection, key: str) -> HostedObject | None:
    """Read an object as it stands now; None = no row knows it."""
    row = connection.execute(sa.select(objects).where(objects.c.key == key)).one_or_none()
    return _object(row) if row else None


def _lock(connection: sa.Connection, key: str) -> HostedObject | None:
    row = connection.execute(sa.select(objects).where(objects.c.key == key).with_for_update()).one_or_none()
    return _object(row) if row else None


def reserve_rendition(
    connection: sa.Connection,
    *,
    asset_id: str,
    profile: str,
    budget: Budget,
    fitted: Fitted,
    key: str,
    at: datetime,
    choice: Choice = WHOLE,
    fast: bool = False,
) -> str:
    """Write the reference before the bytes are put; ``fast`` is the setting that ``fitted`` was made at.

    Returns:
        the rendition's id.

    Raises:
        StoreUnavailable: the object is being deleted at this moment; try again.
    """
    lasting = _lock(connection, key)
    if lasting is None:
        values = {"key": key, "sha256": fitted.sha256, "content_type": fitted.content_type, "bytes": fitted.bytes}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(objects).values(**values, state=ObjectState.PENDING.value))
        except sa.exc.IntegrityError:
            # Another process reserved the same bytes first: the reference below joins its row.
            lasting = _lock(connection, key)
    if lasting is not None and lasting.state is ObjectState.DELETING:
        raise StoreUnavailable("The same bytes are being deleted at this moment; try again.", key=key)
    same = _same(asset_id, profile, budget, choice)
    facts = {
        "key": key,
        "content_types": list(budget.content_types),
        "width": fitted.width,
        "height": fitted.height,
        "untouched": fitted.untouched,
        "quality": asdict(fitted.quality),
        "given_up": list(fitted.given_up),
        "fast": fast,
    }
    known = connection.execute(sa.select(renditions.c.id, renditions.c.key).where(same)).one_or_none()
    if known is not None:
        connection.execute(sa.update(renditions).where(renditions.c.id == known.id).values(facts))
        if known.key != key:
            _abandon(connection, known.key)
        return str(known.id)
    rendition_id = new_id("rnd")
    connection.execute(
        sa.insert(renditions).values(
            id=rendition_id,
            asset_id=asset_id,
            profile=profile,
            budget_bytes=budget.max_bytes,
            side_pixels=budget.side_pixels,
            choice=choice_to_text(choice),
            created_at=at,
            **facts,
        )
    )
    return rendition_id


def _abandon(connection: sa.Connection, key: str) -> None:
    """Mark an object *deleting* that was never hosted, or is lost, and that no rendition leads to any more."""
    _lock(connection, key)
    needed = sa.exists().where(renditions.c.key == objects.c.key)
    connection.execute(
        sa.update(objects)
        .where(objects.c.key == key, objects.c.state == ObjectState.PENDING.value, ~needed)
        .values(state=ObjectState.DELETING.value)
    )


def settle_object(connection: sa.Connection, stored: Stored, *, put: bool = False) -> None:
    """Write down what the store says of an object after a put, a renewal or a look: it is hosted since ``stored_at``.

    What was just ``put`` must be verified before its next send, whatever stood at its address before.
    """
    values: dict[str, Any] = {"state": ObjectState.HOSTED.value, "stored_at": stored.stored_at}
    connection.execute(
        sa.update(objects)
        .where(objects.c.key == stored.key, objects.c.state != ObjectState.DELETING.value)
        .values({**values, "verified": sa.null()} if put else values)
    )


def lose_object(connection: sa.Connection, key: str) -> None:
    """Say that an object's bytes are gone and do not come back: whoever needs its rendition makes it anew."""
    connection.execute(
        sa.update(objects)
        .where(objects.c.key == key, objects.c.state == ObjectState.HOSTED.value)
        .values(state=ObjectState.PENDING.value)
    )


def settle_verification(connection: sa.Connection, key: str, result: dict[str, Any], at: datetime) -> None:
    """Keep the result of a self-test."""
    connection.execute(sa.update(objects).where(objects.c.key == key).values(verified=result, verified_at=at))


def note_requested(connection: sa.Connection, keys: Iterable[str], at: datetime) -> None:
    """Restart the lease of these objects: a request that names them begins now."""
    connection.execute(sa.update(objects).where(objects.c.key.in_(list(keys))).values(last_requested_at=at))


def objects_of_asset(connection: sa.Connection, asset_id: str) -> list[HostedObject]:
    """List the objects that an asset refers to."""
    query = sa.select(objects).where(
        objects.c.key.in_(sa.select(renditions.c.key).where(renditions.c.asset_id == asset_id))
    )
    return [_object(row) for row in connection.execute(query)]


def all_objects(connection: sa.Connection) -> list[HostedObject]:
    """List every object that a row knows, whatever its state."""
    return [_object(row) for row in connection.execute(sa.select(objects))]


def release_objects(connection: sa.Connection, asset_id: str) -> list[str]:
    """Drop the renditions of an asset and mark what nobody else refers to as *deleting*.

    Returns:
        the keys to delete from the store; each is forgotten by :func:`forget_object` after that.
    """
    keys = sorted(each.key for each in objects_of_asset(connection, asset_id))
    for key in keys:
        _lock(connection, key)
    connection.execute(sa.delete(renditions).where(renditions.c.asset_id == asset_id))
    still_needed = set(connection.scalars(sa.select(renditions.c.key).where(renditions.c.key.in_(keys))))
    free = [key for key in keys if key not in still_needed]
    connection.execute(sa.update(objects).where(objects.c.key.in_(free)).values(state=ObjectState.DELETING.value))
    return free


def discard_object(
    connection: sa.Connection, key: str, *, sha256: str, content_type: str, size: int, at: datetime
) -> bool:
    """Mark what lies at ``key`` *deleting*, with a row or without, unless a rendition or a living asset needs it.

    ``at`` is kept as its time: a deletion under way, which began before this call, does not forget the row.

    Returns:
        whether it is *deleting* now.
    """
    values = {"state": ObjectState.DELETING.value, "stored_at": at}
    original = sa.select(assets.c.id).where(assets.c.original_key == key, assets.c.deleted_at.is_(None)).limit(1)
    if connection.scalar(original) is not None:
        return False
    if _lock(connection, key) is None:
        facts = {"key": key, "sha256": sha256, "content_type": content_type, "bytes": size}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(objects).values(**facts, **values))
        except sa.exc.IntegrityError:
            _lock(connection, key)  # reserved meanwhile: its reference counts
    needed = sa.select(renditions.c.key).where(renditions.c.key == key).limit(1)
    if connection.scalar(needed) is not None:
        return False
    connection.execute(sa.update(objects).where(objects.c.key == key).values(values))
    return True


def objects_being_deleted(connection: sa.Connection) -> list[HostedObject]:
    """List objects whose deletion began; a crash in between leaves them here for the sweeper."""
    query = sa.select(objects).where(objects.c.state == ObjectState.DELETING.value).order_by(objects.c.key)
    return [_object(row) for row in connection.execute(query)]


def require_not_being_deleted(connection: sa.Connection, key: str) -> None:
    """Refuse to count on bytes that a deletion under way may take at any moment.

    Raises:
        StoreUnavailable: try again.
    """
    there = _lock(connection, key)
    if there is not None and there.state is ObjectState.DELETING:
        raise StoreUnavailable("The same bytes are being deleted at this moment; try again.", key=key)


def forget_object(connection: sa.Connection, gone: HostedObject) -> None:
    """Drop the row of an object that the store no longer has, unless it was put and discarded again meanwhile."""
    connection.execute(
        sa.delete(objects).where(
            objects.c.key == gone.key,
            objects.c.state == ObjectState.DELETING.value,
            objects.c.stored_at.is_not_distinct_from(gone.stored_at),
        )
    )
