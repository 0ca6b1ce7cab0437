"""Rows of hosted objects, on SQLite and PostgreSQL: what refers to them, what is deleted, what stays."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import StoreUnavailable
from app.model.media import Asset, Budget, Facts, Fitted, Kind, Quality, Spooled
from app.records.assets import add_asset, mark_asset_deleted
from app.records.database import Connection, Database
from app.records.objects import (
    discard_object,
    find_object,
    forget_object,
    objects_being_deleted,
    require_not_being_deleted,
    reserve_rendition,
)

FIRST, SECOND = "a" * 64, "b" * 64


def add(connection: Connection, database: Database, sha256: str) -> Asset:
    upload = Spooled(Path("none"), sha256, 10, "a.jpg", "image/jpeg")
    key = f"originals/{sha256}.jpg"
    facts = Facts(Kind.STILL, "image/jpeg", 10)
    return add_asset(connection, upload, facts, original_key=key, created_by="test", at=database.now(connection))[0]


def _reserve(connection: Connection, database: Database, asset: Asset, sha256: str) -> str:
    key = f"m/{sha256}.jpg"
    fitted = Fitted(Path("none"), "image/jpeg", 10, sha256, 1, 1, untouched=False, quality=Quality())
    reserve_rendition(
        connection,
        asset_id=asset.id,
        profile="universal",
        budget=Budget(100, 10),
        fitted=fitted,
        key=key,
        at=database.now(connection),
    )
    return key


def _discard(connection: Connection, database: Database, key: str) -> bool:
    at = database.now(connection)
    return discard_object(connection, key, sha256=FIRST, content_type="image/jpeg", size=10, at=at)


def _deleting(connection: Connection) -> list[str]:
    return [each.key for each in objects_being_deleted(connection)]


def test_what_was_reserved_and_is_fitted_otherwise_now_is_deleted(database: Database) -> None:
    with database.write() as connection:
        asset = add(connection, database, FIRST)
        old = _reserve(connection, database, asset, "c" * 64)
        new = _reserve(connection, database, asset, "d" * 64)
        assert _deleting(connection) == [old]
        assert find_object(connection, new)


def test_what_was_reserved_stays_as_long_as_another_asset_leads_to_it(database: Database) -> None:
    with database.write() as connection:
        first, second = (add(connection, database, sha256) for sha256 in (FIRST, SECOND))
        for asset in (first, second):
            _reserve(connection, database, asset, "c" * 64)
        _reserve(connection, database, first, "d" * 64)
        assert _deleting(connection) == []


def test_what_a_rendition_or_a_living_asset_needs_is_not_discarded(database: Database) -> None:
    with database.write() as connection:
        asset = add(connection, database, FIRST)
        key = _reserve(connection, database, asset, "c" * 64)
        assert not _discard(connection, database, key)
        assert _deleting(connection) == []
        mark_asset_deleted(connection, asset.id, database.now(connection))
        assert _discard(connection, database, asset.original_key)
        assert _deleting(connection) == [asset.original_key]


def test_the_original_of_a_living_asset_is_not_discarded(database: Database) -> None:
    with database.write() as connection:
        asset = add(connection, database, FIRST)
        assert not _discard(connection, database, asset.original_key)
        assert find_object(connection, asset.original_key) is None


def test_what_was_discarded_again_is_not_forgotten_by_the_deletion_before(database: Database) -> None:
    key = f"m/{FIRST}.jpg"
    with database.write() as connection:
        assert _discard(connection, database, key)
        (before,) = objects_being_deleted(connection)
    with database.write() as connection:
        at = database.now(connection) + timedelta(seconds=1)
        assert discard_object(connection, key, sha256=FIRST, content_type="image/jpeg", size=10, at=at)
        forget_object(connection, before)
        (again,) = objects_being_deleted(connection)
        forget_object(connection, again)
        assert _deleting(connection) == []


def test_nothing_counts_on_bytes_that_are_being_deleted(database: Database) -> None:
    with database.write() as connection:
        asset = add(connection, database, SECOND)
        _discard(connection, database, f"m/{FIRST}.jpg")
        with pytest.raises(StoreUnavailable):
            require_not_being_deleted(connection, f"m/{FIRST}.jpg")
        with pytest.raises(StoreUnavailable):
            _reserve(connection, database, asset, FIRST)
        require_not_being_deleted(connection, asset.original_key)
