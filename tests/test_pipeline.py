"""The path on real parts: SQLite, SeaweedFS, the sandbox, confined decoders."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from app.duties.campaigns import Order, begin_campaign, create_campaign, pause_campaign, resend_messages
from app.duties.postcard import Postcard
from app.duties.removal import remove_asset
from app.errors import (
    InvalidMessage,
    InvalidRecipients,
    InvalidRequest,
    LiveLocked,
    MediaDamaged,
    MediaUnsupported,
    NoSender,
    NotFound,
    StillHeld,
    StoreMisconfigured,
    StoreUnavailable,
)
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.model.media import AssetState
from app.model.messages import AssetPart, TextPart
from app.model.status import CampaignState, MessageState, OutcomeKind
from app.records.assets import get_asset, list_assets
from app.records.campaigns import list_campaigns
from app.records.objects import renditions_of
from app.records.suppressions import list_suppressions
from app.send.codes import CODES
from app.send.gateway import OpenMarketGateway
from tests.media.pictures import phone_photo
from tests.path import campaign_of, messages_of, report, upload, work_off
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"


def order(post: Postcard, **changes: object) -> Order:
    asset = upload(post, phone_photo(1600, 1200))
    first = Order(parts=(AssetPart(asset.id), TextPart("Hello there")), recipients=[TO], subject="Summer")
    return replace(first, **changes)  # type: ignore[arg-type]  # -- fields of the test at hand


def test_an_upload_becomes_an_asset_with_a_hosted_rendition(post: Postcard) -> None:
    asset = upload(post, phone_photo(4032, 3024, orientation=6, gps=True))
    assert asset.state is AssetState.FITTING
    work_off(post)
    with post.database.read() as connection:
        assert get_asset(connection, asset.id).state is AssetState.READY
        (rendition,) = renditions_of(connection, [asset.id])
    assert rendition.profile == "universal"
    assert rendition.bytes <= 290_000 - 4_096
    assert (rendition.width, rendition.height) == (1440, 1920)
    answer = requests.get(post.store.url_of(rendition.key), timeout=10)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "public, max-age=604800, immutable"
    assert rendition.sha256 in post.store.url_of(rendition.key)
    assert b"Exif" not in answer.content
    assert list(post.spool_dir.iterdir()) == []


def test_the_same_bytes_are_one_asset(post: Postcard) -> None:
    photo = phone_photo(800, 600)
    assert upload(post, photo, "a.jpg").id == upload(post, photo, "b.jpg").id
    with post.database.read() as connection:
        assert len(list_assets(connection)) == 1


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"just some words", MediaUnsupported),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", MediaUnsupported),
        (phone_photo(800, 600)[:20_000], MediaDamaged),
    ],
)
def test_what_cannot_be_sent_is_refused_and_leaves_nothing(
    post: Postcard, content: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        upload(post, content)
    with post.database.read() as connection:
        assert list_assets(connection) == []
    assert list(post.spool_dir.iterdir()) == []


def test_a_campaign_goes_all_the_way_to_retrieved(post: Postcard, sandbox: RunningSandbox) -> None:
    campaign = create_campaign(post, order(post, recipients=[TO, "447700900765"]), created_by="test")
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    messages = messages_of(post, campaign.id)
    assert {each.state for each in messages.values()} == {MessageState.ACCEPTED}
    assert {number: message.profile for number, message in messages.items()} == {
        TO: "xlarge",
        "447700900765": "universal",
    }
    for message in messages.values():
        told = {"type": "REPORT", "mtId": message.mt_id, "status": "Retrieved", "date": "2026-11-22T12:00:00+00:00"}
        report(post, json.dumps(told).encode())
    assert {each.state for each in messages_of(post, campaign.id).values()} == {MessageState.RETRIEVED}
    assert sandbox.counts()["accepted"] == {TO: 1, "447700900765": 1}
    arrived = sandbox.messages(TO)[0]
    assert {verdict["result"] for verdict in arrived["verdicts"]} <= {"pass", "not judged"}


def test_every_bad_number_is_named_and_nothing_is_created(post: Postcard) -> None:
    bad = ["abc", "12", "1" * 20, "16135550123", "441534123456"]
    with pytest.raises(InvalidRecipients) as caught:
        create_campaign(post, order(post, recipients=[TO, *bad]), created_by="test")
    assert [each["number"] for each in caught.value.facts["recipients"]] == bad
    with post.database.read() as connection:
        assert list_campaigns(connection) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "   "},
        {"subject": "x" * 256},
        {"parts": ()},
        {"parts": (TextPart(" "),)},
        {"profile": "enormous"},
        {"recipients": []},
        {"parts": (AssetPart("ast_none"),)},
    ],
)
def test_what_cannot_be_sent_creates_no_campaign(post: Postcard, changes: dict[str, object]) -> None:
    with pytest.raises((InvalidMessage, InvalidRequest, NotFound)):
        create_campaign(post, order(post, **changes), created_by="test")
    with post.database.read() as connection:
        assert list_campaigns(connection) == []


def test_a_country_without_a_sender_is_refused_before_anything_starts(post: Postcard) -> None:
    with post.database.write() as connection:
        connection.exec_driver_sql("UPDATE senders SET active = 0 WHERE country = 'IE'")
    with pytest.raises(NoSender) as caught:
        create_campaign(post, order(post, recipients=[TO, "353851234567"]), created_by="test")
    assert caught.value.facts["countries"] == ["IE"]


def test_the_live_lock_lets_only_the_allow_list_through_to_a_real_endpoint(post: Postcard) -> None:
    real = replace(post.settings.openmarket, endpoints=("https://mms.openmarket.com/mms/v2/send",))
    live = replace(post.settings.live, allowed_numbers=("+447700900765",))
    locked = replace(post, settings=replace(post.settings, openmarket=real, live=live))
    with pytest.raises(LiveLocked) as caught:
        create_campaign(locked, order(locked, recipients=[TO, "447700900765"]), created_by="test")
    assert caught.value.facts["recipients"] == [TO]
    create_campaign(locked, order(locked, recipients=["447700900765"], start=False), created_by="test")


def test_a_stop_that_came_after_the_order_keeps_the_message_from_leaving(
    post: Postcard, sandbox: RunningSandbox
) -> None:
    campaign = create_campaign(post, order(post), created_by="test")
    inbound = (
        b"--b\r\nContent-Type: application/json\r\nContent-Id: main\r\n\r\n"
        b'{"type": "MO", "moId": 1, "source": "' + TO.encode() + b'", "destinations": ["88600"]}\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Id: t\r\n\r\nStop!\r\n\r\n--b--\r\n"
    )
    report(post, inbound, "multipart/mixed; boundary=b")
    work_off(post)
    assert messages_of(post, campaign.id)[TO].state is MessageState.SUPPRESSED
    assert sandbox.counts()["accepted"] == {}
    with post.database.read() as connection:
        assert [each.reason for each in list_suppressions(connection)] == ["keyword"]


@pytest.mark.parametrize("code", [code.number for code in CODES.values() if code.pause])
def test_what_would_be_refused_for_everybody_pauses_and_keeps_the_rest(
    post: Postcard, sandbox: RunningSandbox, code: int
) -> None:
    numbers = [f"1251555{number}" for number in range(1000, 1100)]
    status = 400 if code == 15000 else 0  # with a 5xx it proves nothing
    sandbox.add_fault("refuse", code=code, status=status)
    campaign = create_campaign(post, Order(parts=(TextPart("Hello"),), recipients=numbers), created_by="test")
    work_off(post)
    paused = campaign_of(post, campaign.id)
    assert paused.state is CampaignState.PAUSED
    assert str(code) in paused.pause_reason
    states = [each.state for each in messages_of(post, campaign.id).values()]
    assert states.count(MessageState.PENDING) >= 100 - 2 * post.gateway.connections
    assert MessageState.ACCEPTED not in states
    assert (MessageState.REFUSED in states) is (CODES[code].kind is OutcomeKind.REFUSED)


def test_a_paused_campaign_goes_on_where_it_stood(post: Postcard, sandbox: RunningSandbox) -> None:
    campaign = create_campaign(post, order(post, recipients=[TO], start=False), created_by="test")
    begin_campaign(post, campaign.id)
    pause_campaign(post, campaign.id, by="Ann")
    work_off(post)
    assert campaign_of(post, campaign.id).pause_reason == "Paused by Ann."
    assert sandbox.counts()["accepted"] == {}
    begin_campaign(post, campaign.id)
    work_off(post)
    assert campaign_of(post, campaign.id).state is CampaignState.FINISHED
    assert sandbox.counts()["accepted"] == {TO: 1}


def test_failed_messages_can_be_sent_again_as_new_attempts(post: Postcard, sandbox: RunningSandbox) -> None:
    sandbox.add_fault("refuse", code=15201, times=1)
    campaign = create_campaign(post, order(post), created_by="test")
    work_off(post)
    assert messages_of(post, campaign.id)[TO].state is MessageState.REFUSED
    _, count = resend_messages(post, campaign.id, unknown=False)
    work_off(post)
    assert count == 1
    assert messages_of(post, campaign.id)[TO].state is MessageState.ACCEPTED


def test_a_gateway_that_is_away_keeps_everything_pending(post: Postcard) -> None:
    nowhere = replace(post.settings.openmarket, endpoints=("http://127.0.0.1:9/mms/v2/send",))
    gateway = OpenMarketGateway(nowhere)
    away = replace(post, settings=replace(post.settings, openmarket=nowhere), gateway=gateway)
    campaign = create_campaign(away, order(away), created_by="test")
    work_off(away)
    gateway.close()
    message = messages_of(post, campaign.id)[TO]
    assert message.state is MessageState.PENDING
    assert campaign_of(post, campaign.id).state is CampaignState.RUNNING


def test_a_store_that_is_away_refuses_the_upload_and_keeps_nothing(post: Postcard) -> None:
    nowhere = replace(post.settings.s3, endpoint_url="http://127.0.0.1:9", attempts=1)
    away = S3Store(nowhere, public_base_url="", access_key="nobody", secret_key="nothing")
    with pytest.raises(StoreUnavailable):
        upload(replace(post, store=away), phone_photo(640, 480))
    with post.database.read() as connection:
        assert list_assets(connection) == []


def test_an_asset_is_held_by_a_draft_then_by_its_lease_and_can_be_deleted_after(post: Postcard) -> None:
    draft = order(post, start=False)
    asset_id = draft.parts[0].asset_id  # type: ignore[union-attr]  # -- the first part is the asset
    campaign = create_campaign(post, draft, created_by="test")
    with pytest.raises(StillHeld) as caught:
        remove_asset(post, asset_id)
    assert caught.value.facts == {"campaigns": [campaign.id], "held_until": None}
    begin_campaign(post, campaign.id)
    work_off(post)
    with pytest.raises(StillHeld) as caught:
        remove_asset(post, asset_id)
    assert caught.value.facts["campaigns"] == []
    assert caught.value.facts["held_until"]
    with post.database.write() as connection:
        past = post.database.now(connection) - timedelta(days=5)
        connection.exec_driver_sql("UPDATE objects SET last_requested_at = ?", (past.strftime("%Y-%m-%d %H:%M:%S.%f"),))
        keys = [each.key for each in renditions_of(connection, [asset_id])]
    remove_asset(post, asset_id)
    for key in keys:
        assert requests.get(post.store.url_of(key), timeout=10).status_code in {403, 404}
    with post.database.read() as connection, pytest.raises(NotFound):
        get_asset(connection, asset_id)


def test_a_lost_object_is_made_again_before_it_is_sent(post: Postcard) -> None:
    campaign = create_campaign(post, order(post, start=False), created_by="test")
    begin_campaign(post, campaign.id)
    work_off(post)
    with post.database.read() as connection:
        asset_id = messages_asset(post)
        keys = [each.key for each in renditions_of(connection, [asset_id]) if each.profile == "xlarge"]
    post.store.delete(keys[0])
    again = create_campaign(
        post, Order(parts=(AssetPart(asset_id),), recipients=["12515550131"], subject="x"), created_by="test"
    )
    work_off(post)
    assert campaign_of(post, again.id).state is CampaignState.FINISHED
    assert requests.get(post.store.url_of(keys[0]), timeout=10).status_code == 200


def messages_asset(post: Postcard) -> str:
    with post.database.read() as connection:
        return list_assets(connection)[0].id


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"kind": "refuse", "code": 15201}, MessageState.REFUSED),
        ({"kind": "refuse", "code": 15000, "status": 500}, MessageState.UNKNOWN),
        ({"kind": "garbage"}, MessageState.UNKNOWN),
        ({"kind": "cut_before"}, MessageState.UNKNOWN),
        ({"kind": "cut_after"}, MessageState.UNKNOWN),
        ({"kind": "latency", "seconds": 3.0}, MessageState.UNKNOWN),
    ],
)
def test_an_answer_that_proves_nothing_is_unknown_and_is_not_sent_again_by_itself(
    post: Postcard, sandbox: RunningSandbox, fault: dict[str, object], state: MessageState
) -> None:
    slow = replace(post.settings.openmarket, connect_seconds=0.5, answer_seconds=0.5)
    gateway = OpenMarketGateway(slow)
    path = replace(post, gateway=gateway)
    sandbox.add_fault(str(fault["kind"]), **{name: value for name, value in fault.items() if name != "kind"})
    campaign = create_campaign(path, order(path), created_by="test")
    work_off(path)
    work_off(path)
    gateway.close()
    message = messages_of(post, campaign.id)[TO]
    assert message.state is state
    assert message.attempts == 1
    assert message.problem
    assert campaign_of(post, campaign.id).state in {CampaignState.FINISHED, CampaignState.PAUSED}


def test_wrong_credentials_for_the_store_are_a_sentence_for_the_operator(
    post: Postcard, seaweed: EmbeddedStore
) -> None:
    stranger = S3Store(post.settings.s3, public_base_url="", access_key=seaweed.access_key, secret_key="wrong")
    with pytest.raises(StoreMisconfigured):
        upload(replace(post, store=stranger), phone_photo(640, 480))
    with post.database.read() as connection:
        assert list_assets(connection) == []
