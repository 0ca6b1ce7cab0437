import time
from dataclasses import replace

import pytest

from app.duties.campaigns import Order, create_campaign
from app.duties.claims import Pacer
from app.duties.postcard import Postcard
from app.duties.recipients import senders_of
from app.errors import SettingsInvalid
from app.model.messages import Sender, SenderKind, TextPart
from app.settings import read_settings
from tests.path import work_off
from tests.servers.sandbox import RunningSandbox

SLOW = Sender("snd_1", "US", "88600", SenderKind.SHORT_CODE, "config1", 20)


def starts(pacer: Pacer, count: int) -> list[float]:
    times = []
    for _ in range(count):
        pacer()
        times.append(time.monotonic())
    return times


def test_a_sender_with_a_rate_of_its_own_is_never_faster(post: Postcard) -> None:
    fast, slow = Pacer(post), Pacer(post, [SLOW])
    times = starts(slow, 21)
    # 20 gaps of 50 ms; a reserve of one start may be used at once.
    assert times[-1] - times[0] >= 19 / 20 * 0.95
    assert len(starts(fast, 21)) == 21


def test_two_campaigns_of_one_sender_share_its_rate(post: Postcard) -> None:
    first, second = Pacer(post, [SLOW]), Pacer(post, [SLOW])
    times = sorted(starts(first, 10) + starts(second, 10))
    assert times[-1] - times[0] >= 17 / 20 * 0.95


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


def test_the_account_rate_bounds_a_faster_sender(post: Postcard) -> None:
    slow_account = replace(post, settings=replace(post.settings, openmarket=replace(post.settings.openmarket, tps=20)))
    times = starts(Pacer(slow_account, [replace(SLOW, tps=1000)]), 11)
    assert times[-1] - times[0] >= 9 / 20 * 0.95
