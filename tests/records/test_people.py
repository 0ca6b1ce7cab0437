from datetime import timedelta

import pytest

from app.errors import InvalidRequest
from app.records.database import Database
from app.records.people import (
    list_tokens,
    make_sign_in_link,
    make_token,
    revoke_token,
    save_user,
    use_sign_in_link,
    use_token,
)
from tests.records.rows import MovableClock


def test_a_link_signs_in_once_and_not_after_its_time(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        user = save_user(connection, "owner", "", admin=True, at=clock.now())
        first = make_sign_in_link(connection, user, at=clock.now(), lifetime=timedelta(hours=1))
        late = make_sign_in_link(connection, user, at=clock.now(), lifetime=timedelta(hours=1))
        assert use_sign_in_link(connection, first, at=clock.now()) == user
        assert use_sign_in_link(connection, first, at=clock.now()) is None
        assert use_sign_in_link(connection, "guess", at=clock.now()) is None
        clock.move(hours=2)
        assert use_sign_in_link(connection, late, at=clock.now()) is None


def test_a_token_works_until_it_is_revoked_and_only_its_hash_is_kept(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        secret = make_token(connection, "shop", at=clock.now())
        found = use_token(connection, secret)
        assert found is not None
        assert found.name == "shop"
        with pytest.raises(InvalidRequest, match="already"):
            make_token(connection, "shop", at=clock.now())
        rows = connection.exec_driver_sql("SELECT * FROM tokens").fetchall()
        assert secret not in repr(rows)
        revoke_token(connection, found.id, at=clock.now())
        assert use_token(connection, secret) is None
        assert list_tokens(connection) == []


def test_a_new_password_begins_a_new_epoch(database: Database) -> None:
    clock = database.clock = MovableClock()
    with database.write() as connection:
        first = save_user(connection, "ann", "hash1", admin=False, at=clock.now())
        second = save_user(connection, "ann", "hash2", admin=False, at=clock.now())
    assert (first.id, first.epoch + 1) == (second.id, second.epoch)
