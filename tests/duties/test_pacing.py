"""The permitted rates: of the account over all workers, and of each sender within a campaign."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.duties.campaigns import Order, create_campaign
from app.duties.pacing import ACCOUNT_PACE, Paces, Rests, Starts
from app.duties.postcard import Postcard
from app.duties.recent import RecentStarts
from app.duties.recipients import senders_of
from app.errors import SettingsInvalid
from app.model.messages import Message, Sender, SenderKind, TextPart
from app.model.status import MessageState
from app.records.database import Connection, Database
from app.records.sending import Claimed
from app.settings import read_settings
from tests.path import messages_of, wait_until, work_off
from tests.records.rows import MovableClock
from tests.servers.sandbox import RunningSandbox

SLOW = Sender("snd_1", "US", "88600", SenderKind.SHORT_CODE, "config1", 5)
FAST = Sender("snd_2", "GB", "447700900750", SenderKind.VIRTUAL_MOBILE, "config2", 50)
FREE = Sender("snd_3", "IE", "50123", SenderKind.SHORT_CODE, "config3", 0)


def claims(sender: Sender, count: int) -> list[Claimed]:
    at = MovableClock().now()
    message = Message(
        "msg", "cmp", "12515550130", "US", None, sender.id, "auto", MessageState.SENDING, 1, "", "", "", at
    )
    return [Claimed(message, f"att_{sender.id}_{number}", "token", at) for number in range(count)]


def book(database: Database, paces: Paces, group: Sequence[Claimed], at: datetime) -> list[tuple[datetime, Claimed]]:
    with database.write() as connection:
        return paces.book(connection, group, at=at)


def starts_of(booked: Sequence[tuple[datetime, Claimed]], sender: Sender) -> list[datetime]:
    return [start for start, claim in booked if claim.message.sender_id == sender.id]


def most_in_a_second(starts: Sequence[datetime]) -> int:
    return max(sum(first <= each < first + timedelta(seconds=1) for each in starts) for first in starts)


def test_no_second_has_more_starts_than_permitted_however_late_the_groups_are_claimed(database: Database) -> None:
    clock, paces, booked = MovableClock(), Paces(20, []), []
    # Claimed early, just in time, late by less than the credit, and far too late.
    for late in itertools.islice(itertools.cycle((0.0, 0.1, 0.152, 0.154, 0.4)), 60):
        clock.move(seconds=late)
        booked += book(database, paces, claims(FREE, 3), clock.now())
    starts = [start for start, _ in booked]
    assert starts == sorted(starts)
    assert most_in_a_second(starts) <= 20


def test_two_workers_share_the_account_and_a_sender(database: Database) -> None:
    clock = MovableClock()
    first, second = Paces(20, [SLOW]), Paces(20, [SLOW])
    booked = [each for paces in (first, second) * 6 for each in book(database, paces, claims(SLOW, 1), clock.now())]
    assert most_in_a_second([start for start, _ in booked]) <= 5


def test_each_sender_keeps_its_own_rate_and_nobody_waits_for_a_slower_one(database: Database) -> None:
    clock, paces = MovableClock(), Paces(1000, [SLOW, FAST])
    group = [*claims(SLOW, 1), *claims(FREE, 60), *claims(FAST, 6)]
    booked = book(database, paces, group, clock.now())
    assert len({claim.attempt_id for _, claim in booked}) == len(group)
    # The slow sender's second message starts 0.2 s later; all others of its group are gone by then.
    booked = book(database, paces, [*claims(SLOW, 1), *claims(FREE, 60), *claims(FAST, 3)], clock.now())
    assert booked[-1][1].message.sender_id == SLOW.id
    assert starts_of(booked, FREE)[-1] < clock.now() + timedelta(seconds=0.2) < starts_of(booked, SLOW)[0]
    assert [later - earlier for earlier, later in itertools.pairwise(starts_of(booked, FAST))] >= [
        timedelta(seconds=1 / 50)
    ] * 2


def test_of_a_lane_that_is_booked_no_more_is_claimed_until_it_is_free_again(database: Database) -> None:
    clock, paces = MovableClock(), Paces(1000, [SLOW, FAST])
    with database.write() as connection:
        assert paces.free_starts(connection, at=clock.now()) == {FAST.id: 7, SLOW.id: 1}
    book(database, paces, [*claims(SLOW, 1), *claims(FAST, 7)], clock.now())
    with database.write() as connection:
        assert paces.free_starts(connection, at=clock.now()) == {FAST.id: 0, SLOW.id: 0}
        assert paces.soonest(connection, at=clock.now()) == [FAST.id, SLOW.id]
    clock.move(seconds=0.1)  # its next start, 0.2 s after the first, lies within the next group now
    with database.write() as connection:
        assert paces.free_starts(connection, at=clock.now())[SLOW.id] == 1


def test_a_slow_sender_does_not_hold_up_the_campaigns_others(post: Postcard, sandbox: RunningSandbox) -> None:
    rates = (("US", 5), ("GB", 50))
    with post.database.write() as connection:
        for country, tps in rates:
            connection.exec_driver_sql(f"UPDATE senders SET tps = {tps} WHERE country = '{country}'")
    slow = [f"1251555{number}" for number in range(1000, 1020)]
    fast = [f"4477009{number}" for number in range(10000, 10200)]
    campaign = create_campaign(post, Order(parts=(TextPart("hi"),), recipients=[*slow, *fast]), created_by="test")
    work_off(post)
    messages = messages_of(post, campaign.id)
    assert {each.state for each in messages.values()} == {MessageState.ACCEPTED}
    arrived = {each["destination"]: datetime.fromisoformat(each["received_at"]) for each in sandbox.listed()}
    took = {
        country: (max(times) - min(times)).total_seconds()
        for country, times in (("US", [arrived[each] for each in slow]), ("GB", [arrived[each] for each in fast]))
    }
    # Each at its own pace, side by side: 20 at 5 a second and 200 at 50 a second both want 4 s. One after the other, or all at
    # the slowest pace, would be 44 s.
    assert took["US"] >= 19 / 5 * 0.95
    assert took["GB"] >= 199 / 50 * 0.95
    assert sum(took.values()) < 20


def test_the_rate_is_read_from_the_settings(post: Postcard, sandbox: RunningSandbox) -> None:
    read, _ = read_settings({"POSTCARD_OPENMARKET_SOURCES": "US:88600/config1@5,GB:447700900750/config2"})
    assert {each.country: (each.mt_config, each.tps) for each in senders_of(read.openmarket)} == {
        "US": ("config1", 5),
        "GB": ("config2", 0),
    }
    with pytest.raises(SettingsInvalid):
        read_settings({"POSTCARD_OPENMARKET_SOURCES": "US:88600/config1@fast"})
    create_campaign(post, Order(parts=(TextPart("hi"),), recipients=["12515550130"]), created_by="test")
    with post.database.write() as connection:
        connection.exec_driver_sql("UPDATE senders SET tps = 7 WHERE country = 'US'")
    work_off(post)
    assert sandbox.counts()["accepted"] == {"12515550130": 1}
    with post.database.read() as connection:
        paces = connection.exec_driver_sql("SELECT name FROM paces ORDER BY name").scalars().all()
    assert list(paces) == ["openmarket", "sender US 88600"]


@pytest.mark.parametrize("counting", ["sliding", "clock", "bucket"])
def test_however_the_gateway_counts_everything_gets_through_once(
    post: Postcard, sandbox: RunningSandbox, counting: str
) -> None:
    account = replace(post, settings=replace(post.settings, openmarket=replace(post.settings.openmarket, tps=40)))
    sandbox.add_fault("tps", per_second=40, counting=counting)
    numbers = [f"1251555{number}" for number in range(1000, 1160)]
    campaign = create_campaign(account, Order(parts=(TextPart("hi"),), recipients=numbers), created_by="test")
    wait_until(lambda: _all_accepted(account, campaign.id))
    assert sandbox.counts()["accepted"] == dict.fromkeys(numbers, 1)


def _all_accepted(post: Postcard, campaign_id: str) -> bool:
    work_off(post)  # what was too fast comes again after some seconds
    return {each.state for each in messages_of(post, campaign_id).values()} == {MessageState.ACCEPTED}


SHORT = timedelta(milliseconds=100)


def test_rests_grow_while_it_goes_on_and_are_short_again_after_a_quiet_while() -> None:
    clock, rests, lengths = MovableClock(), Rests(), []
    for _ in range(7):
        lengths.append(rests.after({ACCOUNT_PACE}, at=clock.now())[ACCOUNT_PACE] / SHORT)
        clock.move(seconds=0.5)
    assert lengths == [1, 2, 4, 8, 16, 20, 20]
    clock.move(seconds=2.6)  # beyond the rest of two seconds and a second more
    assert rests.after({ACCOUNT_PACE}, at=clock.now()) == {ACCOUNT_PACE: SHORT}
    assert rests.after((), at=clock.now()) == {}


def test_a_sender_that_is_too_fast_rests_alone_until_another_one_is_too() -> None:
    clock, rests = MovableClock(), Rests()
    paces = Paces(100, [SLOW, FAST])
    slow, fast = paces.pace_of(SLOW.id), paces.pace_of(FAST.id)
    assert (slow, fast, paces.pace_of(FREE.id)) == ("sender US 88600", "sender GB 447700900750", ACCOUNT_PACE)
    assert rests.after({slow}, at=clock.now()) == {slow: SHORT}
    clock.move(seconds=1.2)  # forgotten by now
    assert rests.after({fast}, at=clock.now()) == {fast: SHORT}
    clock.move(seconds=0.5)
    assert rests.after({slow}, at=clock.now()) == {ACCOUNT_PACE: SHORT, slow: SHORT}
    assert rests.after({fast, slow}, at=clock.now()) == {ACCOUNT_PACE: 2 * SHORT, fast: 2 * SHORT, slow: 2 * SHORT}


def test_a_sender_whose_own_rate_is_set_too_high_does_not_hold_up_the_others(
    post: Postcard, sandbox: RunningSandbox
) -> None:
    with post.database.write() as connection:
        connection.exec_driver_sql("UPDATE senders SET tps = 20 WHERE country = 'US'")
    rested: set[str] = set()

    def look(_connection: Connection, _cursor: object, text: str, values: Sequence[str], *_rest: object) -> None:
        if text.startswith("UPDATE paces") and "paces.next_at <" in text:
            rested.update(set(values) & {ACCOUNT_PACE, "sender US 88600"})

    sa.event.listen(post.database.engine, "before_cursor_execute", look)
    sandbox.add_fault("tps", per_second=5, destination="1251.*")  # OpenMarket permits a quarter of what we were told
    slow = [f"1251555{number}" for number in range(1000, 1010)]
    free = [f"4477009{number}" for number in range(10000, 10200)]
    campaign = create_campaign(post, Order(parts=(TextPart("hi"),), recipients=[*slow, *free]), created_by="test")
    wait_until(lambda: _all_accepted(post, campaign.id))
    refused = {each["destination"] for each in sandbox.listed() if each["code"] == 15406}
    assert refused
    assert refused <= set(slow)
    assert rested == {"sender US 88600"}


def test_what_was_late_is_not_followed_too_closely_by_what_is_on_time() -> None:
    recent, rates, origin = RecentStarts(), {"a": 20}, time.monotonic()
    starts = []
    for number in range(45):
        if number == 10:
            time.sleep(0.2)  # the machine was busy: four starts are late
        recent.wait(origin + number / 20, rates)
        starts.append(time.monotonic())
    assert max(sum(first <= each < first + 1 for each in starts) for first in starts) <= 20


def test_what_found_no_connection_does_not_slow_down_what_comes_after_it() -> None:
    class Noted(RecentStarts):
        """Grants every start at once and keeps the moments."""

        def __init__(self) -> None:
            self.moments: list[list[float]] = []

        def wait(self, start: float, _rates: Mapping[str, int]) -> list[float]:
            self.moments.append([start])
            return self.moments[-1]

    recent = Noted()
    starts = Starts(recent)
    for number in range(6):
        starts.add(float(number), {"a": 20})
        starts.wait()
        # The first three found no connection: each of the others is known by its own moment, not by that of the third after it.
        (starts.note_never_left if number < 3 else starts.note_leaving)()
    planned = [moment == [float(number)] for number, moment in enumerate(recent.moments)]
    assert planned == [True, True, True, False, False, False]


def test_campaigns_of_one_process_share_its_second() -> None:
    recent, starts = RecentStarts(), deque[float]()

    def send() -> None:
        for _ in range(15):
            recent.wait(0.0, {"a": 20})
            starts.append(time.monotonic())

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(sum(first <= each < first + 1 for each in starts) for first in starts) <= 20
