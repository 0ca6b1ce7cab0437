"""Rows of a takedown, on SQLite and PostgreSQL: what goes, what is blocked, who is at risk, and races."""

import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.errors import ContentBlocked
from app.model.media import Asset, Budget, Facts, Fitted, Kind, Quality, Spooled
from app.records.assets import add_asset, find_asset_by_sha256, mark_asset_deleted
from app.records.audit import add_audit, list_audit
from app.records.database import Connection, Database
from app.records.objects import objects_being_deleted, renditions_of, reserve_rendition
from app.records.tables import attempts, messages
from app.records.takedowns import (
    block_content,
    blocked_hashes,
    lock_assets,
    messages_at_risk,
    require_not_blocked,
    take_objects,
)
from tests.records.rows import running_campaign

FIRST, SECOND, HOSTED = "a" * 64, "b" * 64, "c" * 64
KEY = f"m/{HOSTED}.jpg"


def _add(connection: Connection, database: Database, sha256: str) -> Asset:
    upload = Spooled(Path("none"), sha256, 10, "a.jpg", "image/jpeg")
    facts = Facts(Kind.STILL, "image/jpeg", 10)
    key = f"originals/{sha256}.jpg"
    return add_asset(connection, upload, facts, original_key=key, created_by="test", at=database.now(connection))[0]


def _host(connection: Connection, database: Database, asset: Asset) -> None:
    fitted = Fitted(Path("none"), "image/jpeg", 10, HOSTED, 1, 1, untouched=False, quality=Quality())
    at = database.now(connection)
    budget = Budget(100, 10)
    reserve_rendition(connection, asset_id=asset.id, profile="universal", budget=budget, fitted=fitted, key=KEY, at=at)


def _block(connection: Connection, database: Database, *sha256s: str, reason: str = "A face.") -> None:
    at = database.now(connection)
    block_content(connection, sha256s, asset_id="ast_x", reason=reason, created_by="mia", at=at)


def test_objects_go_with_every_upload_that_led_to_them(database: Database) -> None:
    with database.write() as connection:
        first, second = (_add(connection, database, sha256) for sha256 in (FIRST, SECOND))
        for asset in (first, second):
            _host(connection, database, asset)
        taken = take_objects(connection, first.id)
        assert (taken.keys, taken.sha256s, taken.asset_ids) == ([KEY], [HOSTED], sorted([first.id, second.id]))
        assert [each.key for each in objects_being_deleted(connection)] == [KEY]
        assert renditions_of(connection, [first.id, second.id]) == []


def test_content_is_blocked_once_with_its_first_reason(database: Database) -> None:
    with database.write() as connection:
        _block(connection, database, FIRST)
        _block(connection, database, FIRST, SECOND, reason="Another.")
        require_not_blocked(connection, HOSTED)
        assert blocked_hashes(connection) == {FIRST, SECOND}
        with pytest.raises(ContentBlocked, match="A face"):
            require_not_blocked(connection, HOSTED, FIRST)


def test_at_risk_is_what_was_taken_lately_or_may_have_been(database: Database) -> None:
    campaign_id, _ = running_campaign(database, numbers=5)
    with database.write() as connection:
        now = database.now(connection)
        ids = list(connection.scalars(sa.select(messages.c.id).order_by(messages.c.number)))
        accepted, old, refused, unknown, pending = ids
        for message_id, mt_id, age in ((accepted, "1", 1), (old, "2", 4), (refused, "", 1), (unknown, "", 1)):
            connection.execute(
                sa.insert(attempts).values(
                    id=f"att_{message_id}",
                    message_id=message_id,
                    state="accepted",
                    endpoint="",
                    started_at=now - timedelta(days=age),
                    http_status=0,
                    request_id="",
                    mt_id=mt_id,
                    code=0,
                    description="",
                    answer="",
                )
            )
        connection.execute(sa.update(messages).where(messages.c.id == unknown).values(state="unknown"))
        since = now - timedelta(days=3)
        count, found = messages_at_risk(connection, [campaign_id], since=since, limit=10)
        assert (count, {each.id for each in found}) == (2, {accepted, unknown})
        assert messages_at_risk(connection, [campaign_id], since=since, limit=1)[0] == 2
        assert messages_at_risk(connection, ["cmp_other"], since=since, limit=1) == (0, [])
        assert pending not in {each.id for each in found}


def test_whatever_was_reported_since_what_was_accepted_lately_is_at_risk(database: Database) -> None:
    states = ("rejected", "expired", "unreachable", "not_supported", "retrieved", "no_report")
    campaign_id, _ = running_campaign(database, numbers=len(states))
    with database.write() as connection:
        now = database.now(connection)
        ids = list(connection.scalars(sa.select(messages.c.id).order_by(messages.c.number)))
        for number, (message_id, state) in enumerate(zip(ids, states, strict=True)):
            connection.execute(
                sa.insert(attempts).values(
                    id=f"att_{message_id}",
                    message_id=message_id,
                    state=state,
                    endpoint="",
                    started_at=now,
                    http_status=0,
                    request_id="",
                    mt_id=str(number),
                    code=0,
                    description="",
                    answer="",
                )
            )
            connection.execute(sa.update(messages).where(messages.c.id == message_id).values(state=state))
        count, found = messages_at_risk(connection, [campaign_id], since=now - timedelta(days=3), limit=10)
    assert count == len(states)
    assert {each.id: each.state.value for each in found} == dict(zip(ids, states, strict=True))


def test_deeds_are_listed_newest_first(database: Database) -> None:
    with database.write() as connection:
        at = database.now(connection)
        ids = [
            add_audit(connection, who="mia", action="takedown", subject="ast_x", reason=reason, facts={"n": 1}, at=at)
            for reason in ("one", "two", "three")
        ]
        assert [each.id for each in list_audit(connection, limit=2)] == sorted(ids, reverse=True)[:2]
        assert [each.id for each in list_audit(connection, before=sorted(ids)[1])] == sorted(ids)[:1]


def test_an_upload_that_races_with_a_takedown_of_the_same_bytes_never_brings_it_back(database: Database) -> None:
    with database.write() as connection:
        asset = _add(connection, database, FIRST)
    begun, ended = threading.Event(), threading.Event()

    def take_down() -> None:
        with database.write() as connection:
            lock_assets(connection, [asset.id])
            mark_asset_deleted(connection, asset.id, database.now(connection))
            _block(connection, database, FIRST)
            begun.set()
            ended.wait(0.3)  # the upload below runs into this open transaction

    thread = threading.Thread(target=take_down)
    thread.start()
    begun.wait(5)
    with suppress(ContentBlocked), database.write() as connection:
        _add(connection, database, FIRST)
        require_not_blocked(connection, FIRST)
    thread.join()
    with database.read() as connection:
        assert find_asset_by_sha256(connection, FIRST) is None
