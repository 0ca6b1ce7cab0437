"""The statements that the runbook gives to a person do on both databases what it says, and nothing else."""

import re
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from app.duties.campaigns import Order, begin_campaign, create_campaign
from app.duties.postcard import Postcard
from app.model.messages import Campaign, TextPart
from app.model.status import CampaignState
from app.records import tables
from app.records.campaigns import get_campaign
from tests.path import report, work_off

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()


def campaign_of(post: Postcard, **order: object) -> Campaign:
    numbers = ["12515550130", "447700900765"]
    return create_campaign(post, Order(parts=(TextPart("hi"),), recipients=numbers, **order), created_by="tests")  # type: ignore[arg-type]  # -- fields of an Order


def rows_of(post: Postcard, campaign_id: str) -> dict[str, int]:
    """Count what belongs to a campaign."""
    with post.database.read() as connection:
        mine = sa.select(tables.messages.c.id).where(tables.messages.c.campaign_id == campaign_id)
        counted = {
            "messages": sa.select(sa.func.count()).where(tables.messages.c.id.in_(mine)),
            "attempts": sa.select(sa.func.count()).where(tables.attempts.c.message_id.in_(mine)),
            "reports": sa.select(sa.func.count()).where(tables.reports.c.message_id.in_(mine)),
            "campaigns": sa.select(sa.func.count()).where(tables.campaigns.c.id == campaign_id),
        }
        return {name: int(connection.scalar(query) or 0) for name, query in counted.items()}


def test_campaigns_that_finished_long_ago_are_deleted_whole_and_no_other(either: Postcard) -> None:
    old, young = campaign_of(either), campaign_of(either)
    work_off(either)
    with either.database.read() as connection:
        told = connection.execute(sa.select(tables.messages.c.campaign_id, tables.messages.c.mt_id)).all()
    for _, mt_id in told:
        report(either, f'{{"type":"REPORT","mtId":"{mt_id}","status":"Retrieved","outcomeId":1}}'.encode())
    full = {"messages": 2, "attempts": 2, "reports": 2, "campaigns": 1}
    assert rows_of(either, old.id) == rows_of(either, young.id) == full
    (block,) = [each for each in re.findall(r"```sql\n(.*?)```", RUNBOOK, re.DOTALL) if "TEMPORARY TABLE old" in each]
    with either.change() as change:
        before = sa.update(tables.campaigns).where(tables.campaigns.c.id == old.id)
        change.connection.execute(before.values(created_at=change.at.replace(year=2024)))
    with either.database.write() as connection:
        for statement in block.split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    assert rows_of(either, old.id) == dict.fromkeys(full, 0)
    assert rows_of(either, young.id) == full


def test_after_a_restore_nothing_leaves_until_a_person_says_so(either: Postcard) -> None:
    with either.database.read() as connection:
        now = either.database.now(connection)
    later, soon = campaign_of(either, send_at=now + timedelta(days=1)), campaign_of(either)
    (statement,) = re.findall(r'-c "(UPDATE campaigns.*?)"', RUNBOOK, re.DOTALL)
    with either.database.write() as connection:
        connection.exec_driver_sql(statement)
    work_off(either)
    for each in (later, soon):
        with either.database.read() as connection:
            found = get_campaign(connection, each.id)
        assert found.state is CampaignState.PAUSED
        assert found.pause_reason.startswith("Restored from a backup")
        assert rows_of(either, each.id)["attempts"] == 0
    begin_campaign(either, soon.id)
    work_off(either)
    assert rows_of(either, soon.id)["attempts"] == 2
