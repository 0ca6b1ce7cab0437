"""Uploads: one living row for the same bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.errors import NotFound
from app.model.ids import new_id
from app.model.media import Asset, AssetState, Facts, Kind, Spooled
from app.model.status import UNFINISHED
from app.records.tables import assets, campaign_assets, campaigns

OTHER_NAMES = 5
"""How many earlier names of the same bytes are remembered."""


def _asset(row: sa.Row[Any]) -> Asset:
    facts = dict(row.facts)
    return Asset(
        id=row.id,
        sha256=row.sha256,
        filename=row.filename,
        facts=Facts(**{**facts, "kind": Kind(facts["kind"])}),
        state=AssetState(row.state),
        failure=row.failure,
        original_key=row.original_key,
        created_at=row.created_at,
        created_by=row.created_by,
        other_names=tuple(row.other_names),
    )


def find_asset_by_sha256(connection: sa.Connection, sha256: str) -> Asset | None:
    """Find the living asset with these bytes."""
    row = connection.execute(
        sa.select(assets).where(assets.c.sha256 == sha256, assets.c.deleted_at.is_(None))
    ).one_or_none()
    return _asset(row) if row else None


def get_asset(connection: sa.Connection, asset_id: str, *, or_deleted: bool = False) -> Asset:
    """Read one living asset, or one that was deleted as well.

    Raises:
        NotFound: no such asset, or it was deleted.
    """
    query = sa.select(assets).where(assets.c.id == asset_id)
    row = connection.execute(query if or_deleted else query.where(assets.c.deleted_at.is_(None))).one_or_none()
    if row is None:
        raise NotFound(f"There is no asset {asset_id[:60]}.", id=asset_id[:60])
    return _asset(row)


def missing_assets(connection: sa.Connection, asset_ids: Iterable[str]) -> list[str]:
    """Name those of these assets that are not there, or not any more."""
    wanted = set(asset_ids)
    living = sa.select(assets.c.id).where(assets.c.id.in_(wanted), assets.c.deleted_at.is_(None))
    return sorted(wanted - set(connection.scalars(living)))


def list_assets(connection: sa.Connection, *, before: str = "", limit: int = 50) -> Sequence[Asset]:
    """List living assets, newest first; ``before`` is the id of the last one of the page above."""
    query = sa.select(assets).where(assets.c.deleted_at.is_(None)).order_by(assets.c.id.desc()).limit(limit)
    if before:
        query = query.where(assets.c.id < before)
    return [_asset(row) for row in connection.execute(query)]


def add_asset(
    connection: sa.Connection, upload: Spooled, facts: Facts, *, original_key: str, created_by: str, at: datetime
) -> tuple[Asset, bool]:
    """Insert an asset that still has to be fitted; the same bytes give the row that is there.

    Returns:
        the asset, and whether it is new.
    """
    # The write transaction of SQLite is exclusive; on PostgreSQL the partial unique index decides a race.
    known = find_asset_by_sha256(connection, upload.sha256)
    if known is not None:
        return known, False
    row: dict[str, Any] = {
        "id": new_id("ast"),
        "sha256": upload.sha256,
        "filename": upload.filename,
        "facts": asdict(facts),
        "state": AssetState.FITTING.value,
        "failure": None,
        "original_key": original_key,
        "created_at": at,
        "created_by": created_by,
        "other_names": [],
    }
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(assets).values(row))
    except sa.exc.IntegrityError:
        return _living(connection, upload.sha256), False
    return get_asset(connection, str(row["id"])), True


def _living(connection: sa.Connection, sha256: str) -> Asset:
    """Read the asset that won the race for these bytes."""
    return _asset(
        connection.execute(sa.select(assets).where(assets.c.sha256 == sha256, assets.c.deleted_at.is_(None))).one()
    )


def settle_asset(
    connection: sa.Connection, asset_id: str, state: AssetState, failure: dict[str, Any] | None = None
) -> None:
    """Say that fitting succeeded or failed."""
    connection.execute(sa.update(assets).where(assets.c.id == asset_id).values(state=state.value, failure=failure))


def rename_asset(connection: sa.Connection, asset_id: str, filename: str) -> Asset:
    """Call an asset as its bytes were called last; the names before that stay beside it, the newest five."""
    asset = get_asset(connection, asset_id)
    if filename == asset.filename:
        return asset
    before = [asset.filename, *(name for name in asset.other_names if name not in {filename, asset.filename})]
    connection.execute(
        sa.update(assets).where(assets.c.id == asset_id).values(filename=filename, other_names=before[:OTHER_NAMES])
    )
    return get_asset(connection, asset_id)


def unfinished_campaigns_of(connection: sa.Connection, asset_id: str) -> list[str]:
    """Name the drafts and campaigns under way that need this asset."""
    query = (
        sa.select(campaigns.c.id)
        .join(campaign_assets, campaign_assets.c.campaign_id == campaigns.c.id)
        .where(campaign_assets.c.asset_id == asset_id, campaigns.c.state.in_([state.value for state in UNFINISHED]))
    )
    return list(connection.scalars(query))


def original_keys(connection: sa.Connection) -> dict[str, datetime]:
    """Tell the keys of the originals of living assets, and since when."""
    query = sa.select(assets.c.original_key, assets.c.created_at).where(assets.c.deleted_at.is_(None))
    return {row.original_key: row.created_at for row in connection.execute(query)}


def mark_asset_deleted(connection: sa.Connection, asset_id: str, at: datetime) -> None:
    """Take the asset out of the library; campaigns that are done keep their history."""
    connection.execute(
        sa.update(assets).where(assets.c.id == asset_id, assets.c.deleted_at.is_(None)).values(deleted_at=at)
    )
