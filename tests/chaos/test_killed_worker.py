"""A worker is killed in the middle of a campaign: every recipient exactly once at the gateway, or reported unknown."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.host.embedded import EmbeddedStore
from app.records.sending import ABANDONED
from tests.media.pictures import phone_photo
from tests.path import wait_until
from tests.servers.postcard import environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox

NUMBERS = [f"1251555{number}" for number in range(1000, 1200)]


def test_kill_9_in_the_middle_of_a_campaign_sends_nothing_twice_and_forgets_nobody(
    tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> None:
    # Short time-outs, so that the sweeper calls what was abandoned unknown while the test waits.
    environment = environment_of(
        tmp_path,
        seaweed,
        sandbox,
        POSTCARD_OPENMARKET_TPS="60",
        POSTCARD_OPENMARKET_ANSWER_SECONDS="3",
        POSTCARD_OPENMARKET_CONNECT_SECONDS="1",
    )
    with running_postcard(tmp_path, environment, sandbox) as postcard:
        # Answers take a while, so that each kill falls on messages that are on their way.
        sandbox.add_fault("latency", seconds=0.3)
        asset = postcard.upload(phone_photo(1200, 900))
        campaign = postcard.send(parts=[{"asset_id": asset["id"]}, {"text": "hi"}], recipients=NUMBERS, subject="Hi")
        for reached in (20, 70, 120):
            wait_until(partial(_has_accepted, sandbox, reached))
            postcard.kill("worker0")
            postcard.start("worker0", "worker")
        postcard.wait_for(campaign["id"], "finished", seconds=180)
        wait_until(lambda: _settled(postcard.messages(campaign["id"])))
        messages = {each["number"]: each for each in postcard.messages(campaign["id"])}
        accepted = sandbox.counts()["accepted"]
    assert set(messages) == set(NUMBERS)
    assert max(accepted.values()) == 1
    unknown = {number for number, each in messages.items() if each["state"] == "unknown"}
    assert set(NUMBERS) - set(accepted) <= unknown
    assert {each["state"] for each in messages.values()} <= {"retrieved", "unknown"}
    # Three kills: 16 messages under way, 16 marked that had not left, and what a tenth of a second brought (6; twice that
    # for a slow machine) unwritten.
    assert len(unknown) <= 3 * (16 + 16 + 12), Counter(messages[number]["problem"] for number in unknown)


def _has_accepted(sandbox: RunningSandbox, enough: int) -> bool:
    return len(sandbox.counts()["accepted"]) >= enough


def _settled(messages: list[dict[str, str]]) -> bool:
    return all(each["state"] in {"retrieved", "unknown"} for each in messages)


def test_a_worker_that_was_stopped_past_its_claim_sends_nothing_when_it_wakes(
    tmp_path: Path,
    seaweed: EmbeddedStore,
    sandbox: RunningSandbox,
    postgres: Callable[[], str],
    valkey_url: str,
) -> None:
    # Two workers as on two machines: a stopped process must not hold SQLite's one lock.
    environment = environment_of(
        tmp_path,
        seaweed,
        sandbox,
        POSTCARD_DATABASE_URL=postgres(),
        POSTCARD_QUEUE_URL=valkey_url,
        POSTCARD_OPENMARKET_TPS="5",
        POSTCARD_OPENMARKET_ANSWER_SECONDS="1",
        POSTCARD_OPENMARKET_CONNECT_SECONDS="1",
    )
    with running_postcard(tmp_path, environment, sandbox) as postcard:
        campaign = postcard.send(parts=[{"text": "hi"}], recipients=NUMBERS[:30])
        wait_until(lambda: len(sandbox.counts()["accepted"]) >= 3)
        sleeper = postcard.processes["worker0"]
        sleeper.send_signal(signal.SIGSTOP)
        postcard.start("worker1", "worker")
        # Its claims run out, the other worker's sweeper calls them unknown and, once the job's lease is over, goes on.
        wait_until(lambda: postcard.campaign(campaign["id"])["counts"]["unknown"] > 0, seconds=60)
        before = dict(sandbox.counts()["accepted"])
        # Those that the sweeper ended are the sleeper's; others may be the second worker's own, whose answer came late.
        unknown = {each["number"] for each in postcard.messages(campaign["id"]) if each["problem"] == ABANDONED}
        sleeper.send_signal(signal.SIGCONT)
        time.sleep(3)
        woken = dict(sandbox.counts()["accepted"])
        postcard.wait_for(campaign["id"], "finished", seconds=150)
        accepted = sandbox.counts()["accepted"]
    # What was claimed by the sleeper and had not left stayed unsent.
    assert unknown
    assert {number for number in unknown if number not in before} == {n for n in unknown if n not in woken}
    assert max(accepted.values()) == 1
