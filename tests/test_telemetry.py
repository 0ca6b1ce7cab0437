"""What may not stand in a log is taken out of it, whoever wrote the line."""

import pytest
import sqlalchemy as sa

from app.records.database import Database
from app.records.tables import suppressions
from app.telemetry import keep_private

SECRET = "callback-secret-of-the-tests"


@pytest.mark.parametrize("name", ["event", "path", "detail", "description", "exception"])
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/suppressions/12515550130", "/suppressions/*******0130"),
        ("/app/settings/suppressions/+12515550130/remove", "/app/settings/suppressions/********0130/remove"),
        ("Key (number)=(447700900765) already exists.", "Key (number)=(********0765) already exists."),
        (f"Invalid HTTP request line: 'POST /callbacks/openmarket/{SECRET} HTTP/9'", "'POST /callbacks/openmarket/... HTTP/9'"),
        (f"Error handling request /callbacks/openmarket/{SECRET}?a=b", "/callbacks/openmarket/...?a=b"),
        ("DETAIL:  Failing row contains (msg_1, Only\n\nHalf price).\n[SQL: INSERT]", "contains...\n[SQL: INSERT]"),
        ("/messages/msg_01a206527700f79cc885d03e", "/messages/msg_01a206527700f79cc885d03e"),
        ("/campaign-assets/ast_012345678901234567890123", "/campaign-assets/ast_012345678901234567890123"),
        ("took 1234567 bytes", "took 1234567 bytes"),
    ],
)  # fmt: skip
def test_callback_secrets_and_numbers_are_taken_out_of_what_a_line_quotes(name: str, text: str, kept: str) -> None:
    told = keep_private(None, "info", {name: text})[name]
    assert kept in told
    assert SECRET not in told
    assert "Half price" not in told


def test_ids_that_support_asks_for_are_kept() -> None:
    line = {"event": "accepted late", "mt_id": "123456789012345", "request_id": "12345678901", "bytes": 12345678901}
    assert keep_private(None, "info", dict(line)) == line


def test_an_error_of_the_database_names_no_value(database: Database) -> None:
    row = {"number": "12515550130", "reason": "person", "note": "what she wrote", "created_by": "test"}
    rows = [sa.insert(suppressions).values(**row, created_at=sa.func.now()) for _ in range(2)]
    with database.write() as connection:
        connection.execute(rows[0])
    with pytest.raises(sa.exc.IntegrityError) as caught, database.write() as connection:
        connection.execute(rows[1])
    told = keep_private(None, "error", {"exception": str(caught.value)})["exception"]
    assert "suppressions" in told
    for value in row.values():
        assert f"'{value}'" not in told
    assert "12515550130" not in told


def test_a_row_that_the_database_refuses_is_not_quoted(database: Database) -> None:
    row = {"number": None, "reason": "person", "note": "what she wrote", "created_by": "test"}
    with pytest.raises(sa.exc.IntegrityError) as caught, database.write() as connection:
        connection.execute(sa.insert(suppressions).values(**row, created_at=sa.func.now()))
    assert "what she wrote" not in keep_private(None, "error", {"exception": str(caught.value)})["exception"]
