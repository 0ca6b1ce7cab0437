"""A preview looks and writes nothing, whoever holds the only lock for writing."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.duties.preview import preview_campaign
from app.errors import NoSender
from app.model.messages import TextPart
from app.records.database import Connection
from app.records.senders import active_senders, sync_senders
from app.records.tables import messages, senders

TEXT = (TextPart("Half price until Sunday"),)
NUMBERS = ["12515550130", "12515550131", "447700900765"]


def count_senders(post: Postcard) -> int:
    with post.database.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(senders)) or 0)


@pytest.mark.parametrize(("source", "mt_config"), [("", ""), ("88611", "own"), ("", "own")])
def test_a_preview_goes_on_while_somebody_else_writes(post: Postcard, source: str, mt_config: str) -> None:
    order = Order(parts=TEXT, recipients=NUMBERS, source=source, mt_config=mt_config)
    before = count_senders(post)
    with post.database.write() as connection:
        connection.execute(sa.update(senders).values(tps=0))
        previews = preview_campaign(post, order)
    assert sum(each.recipients for each in previews) == 3
    assert {each.sender.source for each in previews} <= ({source} if source else {"88600", "447700900750"})
    assert count_senders(post) == before


def test_a_preview_without_recipients_writes_nothing_either(post: Postcard) -> None:
    with post.database.write() as connection:
        connection.execute(sa.update(senders).values(tps=0))
        (only,) = preview_campaign(post, Order(parts=TEXT, recipients=[]))
    assert only.recipients == 0


def test_a_preview_without_recipients_is_that_of_the_sender_which_is_named(post: Postcard) -> None:
    (only,) = preview_campaign(post, Order(parts=TEXT, recipients=[], source="88611", mt_config="own"))
    assert (only.sender.source, only.sender.mt_config) == ("88611", "own")


def test_without_any_sender_a_preview_says_so(post: Postcard) -> None:
    with post.change() as change:
        sync_senders(change.connection, [], at=change.at)
    with pytest.raises(NoSender):
        preview_campaign(post, Order(parts=TEXT, recipients=[]))
    (only,) = preview_campaign(post, Order(parts=TEXT, recipients=[], source="88611", mt_config="own"))
    assert only.sender.source == "88611"


def test_numbers_are_read_and_assigned_before_the_transaction_that_writes(post: Postcard) -> None:
    seen: list[bool] = []
    statement = "FROM operators"

    def look(connection: Connection, _cursor: object, text: str, *_rest: object) -> None:
        if statement in text:
            seen.append(bool(connection.get_execution_options().get("postcard_write")))

    sa.event.listen(post.database.engine, "before_cursor_execute", look)
    create_campaign(post, Order(parts=TEXT, recipients=NUMBERS, start=False), created_by="test")
    assert seen == [False]


def test_a_source_of_ones_own_has_a_row_that_its_messages_name_once_it_is_sent(post: Postcard) -> None:
    order = Order(parts=TEXT, recipients=NUMBERS, source="88611", mt_config="own", start=False)
    first = create_campaign(post, order, created_by="test")
    second = create_campaign(post, replace(order, recipients=NUMBERS[:1]), created_by="test")
    with post.database.read() as connection:
        query = sa.select(messages.c.campaign_id, messages.c.country, senders.c.source).join(senders)
        rows = [tuple(row) for row in connection.execute(query)]
        assert {each.source for each in active_senders(connection).values()} >= {"88600"}
    assert sorted(rows) == sorted(
        [(first.id, "US", "88611")] * 2 + [(first.id, "GB", "88611"), (second.id, "US", "88611")]
    )
