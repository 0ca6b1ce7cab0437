"""Sending under adversity: stops, turns, a busy database, a closing lock, suppressed crowds."""

import json
import threading
from dataclasses import replace

import pytest

from app.duties.campaigns import Order, cancel_campaign, create_campaign
from app.duties.postcard import Postcard
from app.errors import StoreUnavailable
from app.model.media import AssetState
from app.model.messages import TextPart
from app.model.status import CampaignState, MessageState
from app.pipeline import settle_report, take_callbacks
from app.records.assets import get_asset
from app.records.callbacks import Posted
from app.records.campaigns import move_campaign
from app.records.jobs import claim_job, due_jobs, put_back_job
from app.records.suppressions import add_suppressions, list_suppressions
from app.work.claiming import TRIES, do_job
from app.work.handlers import LEASE
from tests.media.pictures import phone_photo
from tests.path import campaign_of, messages_of, take, upload, wait_until, work_off
from tests.servers.sandbox import RunningSandbox

NUMBERS = [f"1251555{number}" for number in range(1000, 1100)]


def text_campaign(post: Postcard, numbers: list[str]) -> str:
    order = Order(parts=(TextPart("hi"),), recipients=numbers)
    return create_campaign(post, order, created_by="test").id


def states_of(post: Postcard, campaign_id: str) -> list[MessageState]:
    return [each.state for each in messages_of(post, campaign_id).values()]


def test_a_worker_that_is_asked_to_stop_stops_between_two_messages(post: Postcard, sandbox: RunningSandbox) -> None:
    slow = replace(post, settings=replace(post.settings, openmarket=replace(post.settings.openmarket, tps=50)))
    campaign_id = text_campaign(slow, NUMBERS)
    worker = threading.Thread(target=work_off, args=(slow,), daemon=True)
    worker.start()
    wait_until(lambda: len(sandbox.counts()["accepted"]) >= 10)
    slow.stopping.set()
    wait_until(lambda: MessageState.SENDING not in states_of(post, campaign_id))
    states = states_of(post, campaign_id)
    assert set(states) == {MessageState.ACCEPTED, MessageState.PENDING}
    assert states.count(MessageState.ACCEPTED) == len(sandbox.counts()["accepted"])


def _worked_off(post: Postcard, campaign_id: str) -> bool:
    work_off(post)
    return set(states_of(post, campaign_id)) == {MessageState.ACCEPTED}


def test_campaigns_that_send_leave_a_thread_for_everything_else(post: Postcard) -> None:
    post.sending.acquire()
    campaign_id = text_campaign(post, NUMBERS[:1])
    with post.database.read() as connection:
        due = due_jobs(connection, at=post.database.now(connection))
    for job_id in due:
        do_job(post, job_id)
    with post.database.read() as connection:
        due = due_jobs(connection, at=post.database.now(connection))
    for job_id in due:
        do_job(post, job_id)
    assert states_of(post, campaign_id) == [MessageState.PENDING]
    post.sending.release()
    wait_until(lambda: _worked_off(post, campaign_id))


def test_a_lock_that_was_closed_since_pauses_a_running_campaign(post: Postcard, sandbox: RunningSandbox) -> None:
    campaign_id = text_campaign(post, NUMBERS[:3])
    with post.database.write() as connection:
        at = post.database.now(connection)
        move_campaign(connection, campaign_id, CampaignState.RUNNING, at=at)
    real = replace(post.settings.openmarket, endpoints=("https://mms.openmarket.com/mms/v2/send",))
    locked = replace(post, settings=replace(post.settings, openmarket=real))
    with locked.change() as change:
        change.job("send_campaign", campaign_id)
    work_off(locked)
    assert campaign_of(post, campaign_id).state is CampaignState.PAUSED
    assert "live lock" in campaign_of(post, campaign_id).pause_reason
    assert set(states_of(post, campaign_id)) == {MessageState.PENDING}
    assert sandbox.counts()["accepted"] == {}


def test_thousands_of_suppressed_numbers_in_a_row_are_passed_over(post: Postcard) -> None:
    crowd = [f"1251{number}" for number in range(5_550_000, 5_553_000)]
    slow = replace(post, settings=replace(post.settings, openmarket=replace(post.settings.openmarket, tps=4)))
    with post.database.write() as connection:
        at = post.database.now(connection)
        add_suppressions(connection, crowd, reason="person", note="", created_by="test", at=at)
    campaign_id = text_campaign(slow, [*crowd, "447700900765"])
    work_off(slow)
    states = states_of(post, campaign_id)
    assert states.count(MessageState.SUPPRESSED) == 3_000
    assert messages_of(post, campaign_id)["447700900765"].state is MessageState.ACCEPTED


def test_what_came_back_unsent_to_a_cancelled_campaign_is_cancelled(post: Postcard, sandbox: RunningSandbox) -> None:
    sandbox.add_fault("refuse", code=15406)
    sandbox.add_fault("latency", seconds=0.5)
    campaign_id = text_campaign(post, NUMBERS[:1])
    worker = threading.Thread(target=work_off, args=(post,), daemon=True)
    worker.start()
    wait_until(lambda: MessageState.SENDING in states_of(post, campaign_id))
    cancel_campaign(post, campaign_id)
    worker.join(timeout=60)
    assert states_of(post, campaign_id) == [MessageState.CANCELLED]


def test_answers_outlast_a_database_that_is_busy_for_a_while(post: Postcard, sandbox: RunningSandbox) -> None:
    sandbox.add_fault("latency", seconds=1.0)
    campaign_id = text_campaign(post, NUMBERS[:2])
    worker = threading.Thread(target=work_off, args=(post,), daemon=True)
    worker.start()
    wait_until(lambda: MessageState.SENDING in states_of(post, campaign_id))
    with post.database.write():
        # Longer than the busy time-out of the tests (2 s): the first try to write the answers down fails.
        threading.Event().wait(4)
    worker.join(timeout=60)
    # If the lock fell before a message had left, it came back and leaves now; no answer was lost, and nothing left twice.
    assert MessageState.UNKNOWN not in states_of(post, campaign_id)
    wait_until(lambda: _worked_off(post, campaign_id))
    assert sandbox.counts()["accepted"] == dict.fromkeys(NUMBERS[:2], 1)


def test_coming_back_for_what_waits_uses_up_no_tries(post: Postcard) -> None:
    with post.change() as change:
        change.job("settle_reports", "all")
    (job_id,) = change.announced
    for _ in range(TRIES + 1):
        with post.change() as change:
            job = claim_job(change.connection, job_id, at=change.at, lease=LEASE)
            assert job is not None
            assert job.attempts == 1
            put_back_job(change.connection, job, not_before=change.at)


def test_an_asset_whose_fitting_is_given_up_says_why_and_may_be_tried_again(post: Postcard) -> None:
    class Away:
        """Stands before the store; what is fetched fails as it does when the store is away."""

        def __getattr__(self, name: str) -> object:
            if name == "fetch":
                raise StoreUnavailable("The store does not answer.")
            return getattr(post.store, name)

    asset = upload(post, phone_photo(640, 480))
    away = replace(post, store=Away())  # type: ignore[arg-type]  # -- hands all but one method on
    for _ in range(TRIES):
        with post.database.write() as connection:
            connection.exec_driver_sql("UPDATE jobs SET not_before = created_at")
        work_off(away)
    with post.database.read() as connection:
        failed = get_asset(connection, asset.id)
    assert failed.state is AssetState.FAILED
    assert (failed.failure or {})["slug"] == "store-unavailable"
    upload(post, phone_photo(640, 480))
    work_off(post)
    with post.database.read() as connection:
        assert get_asset(connection, asset.id).state is AssetState.READY


@pytest.mark.parametrize("source", ["someone@example.com", "x" * 40])
def test_a_post_that_breaks_holds_up_no_other(post: Postcard, source: str) -> None:
    def inbound(sender: str, number: int) -> bytes:
        told = json.dumps({"type": "MO", "moId": number, "source": sender, "destinations": ["88600"]})
        return (
            f"--b\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n{told}\r\n\r\n"
            "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Id: t\r\n\r\nSTOP\r\n\r\n--b--\r\n"
        ).encode()

    take(post, inbound(source, 1), "multipart/mixed; boundary=b")
    take(post, inbound(NUMBERS[0], 2), "multipart/mixed; boundary=b")
    settle_report(post)
    with post.database.read() as connection:
        assert [each.number for each in list_suppressions(connection)] == [NUMBERS[0]]
    assert settle_report(post) == 0


def test_a_stop_is_heeded_before_thousands_of_reports_that_came_earlier(post: Postcard) -> None:
    told = json.dumps({"type": "MO", "moId": 1, "source": NUMBERS[0], "destinations": ["88600"]})
    stop = f"--b\r\nContent-Type: application/json\r\n\r\n{told}\r\n--b\r\nContent-Type: text/plain\r\n\r\nSTOP\r\n--b--\r\n"
    report = b'{"type": "REPORT", "mtId": "%d", "status": "Retrieved"}'
    take_callbacks(post, [Posted(report % number, "application/json", "") for number in range(3_000)])
    take(post, stop.encode(), "Multipart/Mixed; boundary=b")
    assert settle_report(post) == 1
    with post.database.read() as connection:
        assert [each.number for each in list_suppressions(connection)] == [NUMBERS[0]]
