"""Each fault that the sandbox can make, met by the whole path: every message ends in the right state, and leaves once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.model.messages import TextPart
from app.model.status import MessageState
from app.pipeline import settle_report
from app.records.reports import reports_of
from app.sandbox.faults import KINDS
from app.send.gateway import OpenMarketGateway
from tests.path import messages_of, take, wait_until, work_off
from tests.servers.callback import Callback, running_callback
from tests.servers.sandbox import RunningSandbox

NUMBER = "12515550130"


@dataclass(frozen=True)
class Met:
    """What a fault comes to: the state of the message, whether OpenMarket took it, and how many reports were posted."""

    state: MessageState
    taken: bool
    reports: int
    facts: dict[str, Any] = field(default_factory=dict)


UNANSWERED = Met(MessageState.UNKNOWN, taken=True, reports=2)
NOT_TAKEN = Met(MessageState.UNKNOWN, taken=False, reports=0)
RETRIEVED = Met(MessageState.RETRIEVED, taken=True, reports=2)
MET: dict[str, Met] = {
    "latency": replace(RETRIEVED, facts={"seconds": 0.05}),
    "refuse": Met(MessageState.REFUSED, taken=False, reports=0, facts={"code": 15201}),
    "status": replace(NOT_TAKEN, facts={"status": 503}),
    "cut_before": NOT_TAKEN,
    "cut_after": UNANSWERED,
    "error_after": UNANSWERED,
    "proxy_error_after": UNANSWERED,
    "garbage": UNANSWERED,
    "garbage_bytes": UNANSWERED,
    "accepted_without_id": UNANSWERED,
    "close_unsaid": RETRIEVED,
    "redirect": NOT_TAKEN,
    "slow": replace(UNANSWERED, facts={"seconds": 3.0}),
    "tps": replace(RETRIEVED, facts={"per_second": 1}),
    "centre_down": NOT_TAKEN,
    "reports_lost": replace(RETRIEVED, state=MessageState.ACCEPTED, reports=0),
    "reports_late": replace(RETRIEVED, facts={"seconds": 0.3}),
    "reports_twice": replace(RETRIEVED, reports=4),
    "reports_reordered": RETRIEVED,
    "reports_early": RETRIEVED,
    "reports_contradicting": replace(RETRIEVED, reports=3),
}


@pytest.fixture
def callback() -> Iterator[Callback]:
    with running_callback() as running:
        yield running


@contextmanager
def handing_on(post: Postcard, callback: Callback) -> Iterator[None]:
    """Hand each POST on to the path as it comes, before the send is answered or after."""
    over = threading.Event()

    def work() -> None:
        done = 0
        while not over.wait(0.01):
            for headers, body in callback.posts[done:]:
                take(post, body, headers["content-type"])
                done += 1
            settle_report(post)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_every_fault_of_the_sandbox_is_met() -> None:
    assert set(MET) == set(KINDS)


@pytest.mark.parametrize("kind", MET)
def test_each_fault_ends_in_the_right_state_and_nothing_leaves_twice(
    post: Postcard, sandbox: RunningSandbox, callback: Callback, kind: str
) -> None:
    met = MET[kind]
    sandbox.reset(callback_url=callback.url, forwarded_seconds=0.05, retrieved_seconds=0.1)
    for centre in (1, 2) if kind == "centre_down" else ():
        sandbox.add_fault(kind, centre=centre)
    if kind != "centre_down":
        sandbox.add_fault(kind, **met.facts)
    gateway = OpenMarketGateway(replace(post.settings.openmarket, connect_seconds=0.5, answer_seconds=1.0))
    path = replace(post, gateway=gateway)
    with handing_on(path, callback):
        campaign = create_campaign(path, Order(parts=(TextPart("hi"),), recipients=[NUMBER]), created_by="test")
        work_off(path)
        wait_until(lambda: len(callback.posts) >= met.reports)
        wait_until(lambda: messages_of(path, campaign.id)[NUMBER].state is met.state)
    settle_report(path)
    work_off(path)
    gateway.close()
    message = messages_of(path, campaign.id)[NUMBER]
    assert (message.state, message.attempts) == (met.state, 1)
    counts = sandbox.counts()
    assert counts["requests"] == 1
    assert counts["accepted"] == ({NUMBER: 1} if met.taken else {})
    assert bool(message.problem) is (met.state in {MessageState.UNKNOWN, MessageState.REFUSED})
    with path.database.read() as connection:
        contradicting = [each.status for each in reports_of(connection, [message.id]) if each.contradicts]
    assert contradicting == (["Rejected"] if kind == "reports_contradicting" else [])


def test_what_is_over_the_rate_leaves_again_and_is_taken_once(
    post: Postcard, sandbox: RunningSandbox, callback: Callback
) -> None:
    sandbox.reset(callback_url=callback.url, forwarded_seconds=0.05, retrieved_seconds=0.1)
    sandbox.add_fault("tps", per_second=2)
    numbers = [NUMBER, "12515550131", "12515550132"]
    with handing_on(post, callback):
        campaign = create_campaign(post, Order(parts=(TextPart("hi"),), recipients=numbers), created_by="test")

        def all_retrieved() -> bool:
            work_off(post)
            return {each.state for each in messages_of(post, campaign.id).values()} == {MessageState.RETRIEVED}

        wait_until(all_retrieved)
    assert sandbox.counts()["accepted"] == dict.fromkeys(numbers, 1)
    assert any(each.attempts > 1 for each in messages_of(post, campaign.id).values())
