"""What is old loses its bytes or its row, batch by batch; what was made of it stays, and what is young is not touched."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.model.ids import Prefix
from app.records import forgetting, tables
from app.records.database import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=91), NOW - timedelta(days=89)
BEFORE = NOW - timedelta(days=90)


def id_of(prefix: Prefix, at: datetime, number: int = 0) -> str:
    """Make an id as it was made then."""
    return f"{prefix}_{int(at.timestamp() * 1000):012x}{number:012x}"


def posted(connection: sa.Connection, at: datetime, number: int = 0, state: str = "settled") -> str:
    row_id = id_of("rpt", at, number)
    connection.execute(
        sa.insert(tables.callbacks).values(
            id=row_id, received_at=at, content_type="application/json", request_id="", body=b"{}", state=state, problem="",
            mt_id="",
        )
    )  # fmt: skip
    return row_id


def in_batches(database: Database, forget: forgetting.Forget, limit: int = 2) -> list[int]:
    """Forget until nothing is left; tell the size of each batch."""
    counts: list[int] = []
    while not counts or counts[-1] == limit:
        with database.write() as connection:
            counts.append(forget(connection, BEFORE, limit))
    return counts


def test_old_posts_lose_their_bytes_once_and_what_nobody_worked_on_keeps_them(database: Database) -> None:
    with database.write() as connection:
        old = [posted(connection, OLD, number) for number in range(5)]
        waiting, young = posted(connection, OLD, 9, "new"), posted(connection, YOUNG)
    assert in_batches(database, forgetting.empty_callbacks) == [2, 2, 2, 0]
    with database.read() as connection:
        bodies = {row.id: row.body for row in connection.execute(sa.select(tables.callbacks))}
    assert bodies == {**dict.fromkeys(old, b""), waiting: b"{}", young: b"{}"}
    # What is done is not looked at again; what has grown old since is.
    assert in_batches(database, forgetting.empty_callbacks) == [0]
    with database.write() as connection:
        assert forgetting.empty_callbacks(connection, NOW, 10) == 1


def test_old_answers_lose_their_text_and_keep_what_was_read_from_it(database: Database) -> None:
    with database.write() as connection:
        connection.execute(
            sa.insert(tables.senders).values(
                id="snd_1",
                country="US",
                source="1",
                kind="short_code",
                mt_config="m",
                tps=0,
                active=True,
                created_at=OLD,
            )
        )
        connection.execute(
            sa.insert(tables.campaigns).values(
                id="cmp_1", name="", subject="", source="", mt_config="", profile="auto", parts=[], state="finished",
                pause_reason="", created_at=OLD, created_by="me",
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(tables.messages).values(
                id="msg_1", campaign_id="cmp_1", number="1", country="US", sender_id="snd_1", profile="max", side_pixels=0,
                state="retrieved", attempts=3, mt_id="7", request_id="", problem="", updated_at=OLD,
            )
        )  # fmt: skip
        for number, at in enumerate([OLD, OLD, YOUNG]):
            connection.execute(
                sa.insert(tables.attempts).values(
                    id=id_of("att", at, number), message_id="msg_1", state="accepted", endpoint="e", started_at=at,
                    http_status=202, request_id="", mt_id="7", code=10001, description="Success", answer="<long/>",
                )
            )  # fmt: skip
    assert in_batches(database, forgetting.empty_answers) == [2, 0]
    with database.read() as connection:
        rows = connection.execute(sa.select(tables.attempts).order_by(tables.attempts.c.id)).all()
    assert [row.answer for row in rows] == ["", "", "<long/>"]
    assert {(row.http_status, row.mt_id, row.code, row.description) for row in rows} == {(202, "7", 10001, "Success")}


def test_old_keys_go_but_for_those_still_at_work(database: Database) -> None:
    facts = {"who": "me", "request_sha256": "a" * 64, "status": 201, "answer": {}}
    with database.write() as connection:
        for number in range(3):
            connection.execute(sa.insert(tables.idempotency).values(key=f"old {number}", created_at=OLD, **facts))
        working = {**facts, "status": 0, "claim_until": NOW, "claim_token": "req_1"}
        connection.execute(sa.insert(tables.idempotency).values(key="working", created_at=OLD, **working))
        connection.execute(sa.insert(tables.idempotency).values(key="young", created_at=YOUNG, **facts))
    assert in_batches(database, forgetting.forget_keys) == [2, 1]
    with database.read() as connection:
        assert set(connection.scalars(sa.select(tables.idempotency.c.key))) == {"working", "young"}


def test_jobs_that_ended_go_and_those_that_wait_stay_however_old(database: Database) -> None:
    states = {"done": OLD, "failed": OLD, "due": None, "claimed": None, "young": YOUNG}
    with database.write() as connection:
        for name, finished_at in states.items():
            connection.execute(
                sa.insert(tables.jobs).values(
                    id=f"job_{name}", kind="fit_asset", subject="a", state="done" if name == "young" else name,
                    not_before=OLD, attempts=1, created_at=OLD, finished_at=finished_at,
                )
            )  # fmt: skip
    assert in_batches(database, forgetting.forget_jobs, 1) == [1, 1, 0]
    with database.read() as connection:
        assert set(connection.scalars(sa.select(tables.jobs.c.id))) == {"job_due", "job_claimed", "job_young"}


@pytest.mark.parametrize("what", ["uploads", "audit"])
def test_uploads_and_audit_go_by_their_time(database: Database, what: str) -> None:
    with database.write() as connection:
        for number, at in enumerate([OLD, OLD, OLD, YOUNG]):
            if what == "uploads":
                values = {
                    "id": id_of("upl", at, number), "filename": "a", "declared_type": "", "bytes": 1, "sha256": "",
                    "multipart_id": "", "state": "done", "created_at": at, "created_by": "me",
                }  # fmt: skip
            else:
                values = {"id": id_of("aud", at, number), "at": at, "who": "me", "action": "takedown", "subject": "a",
                          "reason": "", "facts": {}}  # fmt: skip
            connection.execute(sa.insert(tables.metadata.tables[what]).values(values))
    forget = forgetting.forget_uploads if what == "uploads" else forgetting.forget_audit
    assert in_batches(database, forget) == [2, 1]
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(tables.metadata.tables[what])) == 1
