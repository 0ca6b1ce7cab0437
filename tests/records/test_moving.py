"""Every row goes to the new database as it was, from SQLite to PostgreSQL and back, whole or not at all."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.errors import CannotStart
from app.model.messages import AssetPart, TextPart
from app.pipeline import settle_report
from app.records.callbacks import Posted, add_callbacks
from app.records.database import Database
from app.records.heartbeats import begin_beating
from app.records.migrate import migrate
from app.records.moving import copy_rows
from app.records.people import make_token, use_token
from app.records.tables import metadata
from tests.media.pictures import phone_photo
from tests.path import upload, work_off

ROOT = Path(__file__).parents[2]


def all_rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.read() as connection:
        return {
            table.name: [
                dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in metadata.sorted_tables
            if table.name != "heartbeats"
        }


@pytest.fixture
def lived(post: Postcard) -> Database:
    """A database on which something was uploaded, sent, reported and answered."""
    asset = upload(post, phone_photo(640, 480))
    work_off(post)
    order = Order(
        parts=(AssetPart(asset.id), TextPart("grüße \N{WAVING HAND SIGN}")), recipients=["12515550130", "447700900765"]
    )
    create_campaign(post, order, created_by="tests")
    work_off(post)
    stop = b'{"type":"MO","moId":7,"source":"12515550199","destinations":["88600"],"subject":"STOP"}'
    with post.database.read() as connection:
        mt_id = connection.exec_driver_sql("SELECT mt_id FROM messages WHERE mt_id <> ''").scalars().first()
    told = f'{{"type":"REPORT","mtId":"{mt_id}","status":"Retrieved","outcomeId":1}}'.encode()
    with post.change() as change:
        posted = [Posted(body, "application/json", "r") for body in (told, stop, b"\xff\x00 no JSON")]
        add_callbacks(change.connection, posted, at=change.at)
    while settle_report(post, early=False):
        pass
    return post.database


def test_there_and_back_again_nothing_is_lost_or_changed(
    lived: Database, postgres: Callable[[], str], tmp_path: Path
) -> None:
    with lived.write() as connection:
        secret = make_token(connection, "shop", at=lived.now(connection))
        begin_beating(connection, "gone:1", at=lived.now(connection) - timedelta(hours=1))
    before = all_rows(lived)
    filled = {name for name, rows in before.items() if rows}
    assert filled >= {
        "assets",
        "renditions",
        "objects",
        "campaigns",
        "messages",
        "attempts",
        "reports",
        "callbacks",
        "tokens",
    }
    there, back = Database(postgres()), Database(f"sqlite:///{tmp_path / 'back.sqlite'}")
    counts = copy_rows(lived, there)
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert all_rows(there) == before
    copy_rows(there, back)
    assert all_rows(back) == before
    assert all_rows(lived) == before
    with there.read() as connection:
        assert use_token(connection, secret) is not None
        assert connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables["heartbeats"])) == 0
    there.close()
    back.close()


def test_a_database_that_is_in_use_or_not_empty_or_old_is_refused_and_nothing_changes(
    lived: Database, postgres: Callable[[], str], tmp_path: Path
) -> None:
    target = Database(postgres())
    with lived.write() as connection:
        begin_beating(connection, "busy:1", at=lived.now(connection))
    with pytest.raises(CannotStart, match=r"at work on the old database \(busy:1\)"):
        copy_rows(lived, target)
    assert not any(all_rows(target).values())
    with lived.write() as connection:
        connection.execute(sa.delete(metadata.tables["heartbeats"]))
    with target.write() as connection:
        make_token(connection, "mine", at=target.now(connection))
    with pytest.raises(CannotStart, match="not empty: there are rows in tokens"):
        copy_rows(lived, target)
    assert [name for name, rows in all_rows(target).items() if rows] == ["tokens"]
    with pytest.raises(CannotStart, match="run `postcard migrate`"):
        copy_rows(Database(f"sqlite:///{tmp_path / 'new.sqlite'}"), target)
    target.close()


def test_the_command_tells_what_it_copied_and_refuses_in_sentences(lived: Database, tmp_path: Path) -> None:
    def told(old: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "app", "migrate", "--from", old]
        new = {"POSTCARD_DATA_DIR": str(tmp_path / "new"), "PATH": os.defpath}
        done = subprocess.run(command, env=new, cwd=ROOT, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    code, words = told(str(lived.url))
    assert (code, "rows in 26 tables are in the new database; the old one is as it was" in words) == (0, True)
    assert re.search(r"^ +2  messages$", words, re.MULTILINE)
    assert "is not empty" in told(str(lived.url))[1]
    itself = os.path.relpath(tmp_path / "new" / "postcard.sqlite", ROOT)
    assert "names the database of POSTCARD_DATABASE_URL itself" in told(f"sqlite:///{itself}")[1]
    assert "must be a URL" in told("nonsense")[1]


def test_a_copy_that_breaks_in_the_middle_leaves_the_new_database_empty(
    lived: Database, postgres: Callable[[], str]
) -> None:
    target = Database(postgres())
    migrate(target)
    with target.write() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION no() RETURNS trigger AS 'BEGIN RAISE ''no room''; END' LANGUAGE plpgsql"
        )
        connection.exec_driver_sql("CREATE TRIGGER no BEFORE INSERT ON reports FOR EACH ROW EXECUTE FUNCTION no()")
    with pytest.raises(sa.exc.DBAPIError, match="no room"):
        copy_rows(lived, target)
    assert not any(all_rows(target).values())
    target.close()
