"""Presigned links: a bucket that stays private, and OpenMarket that fetches from it all the same."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.confine import DecoderPool
from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.edge import create_app
from app.errors import StoreMisconfigured
from app.host.client import bucket_url
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.model.messages import AssetPart, LinkPart, TextPart
from app.model.status import CampaignState, MessageState
from app.pipeline import ready_campaign
from app.records.database import Database
from app.records.objects import renditions_of
from app.records.people import make_token
from app.settings import S3, Settings
from tests.conftest import assembled
from tests.media.pictures import phone_photo
from tests.path import campaign_of, messages_of, upload, work_off
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"


@pytest.fixture
def private(
    settings: Settings, seaweed: EmbeddedStore, sandbox: RunningSandbox, decoders: DecoderPool
) -> Iterator[Postcard]:
    """The path on a prefix that nobody may read, with links signed for seven days."""
    sandbox.reset()
    s3 = replace(settings.s3, media_prefix=f"private/{secrets.token_hex(6)}/")
    own = replace(settings, s3=s3, public=replace(settings.public, presign_days=7))
    store = S3Store(
        s3, public_base_url="", access_key=seaweed.access_key, secret_key=seaweed.secret_key, presign_days=7
    )
    spool_dir: Path = settings.data.dir / "spool"
    spool_dir.mkdir(parents=True)
    yield from assembled(own, Database(own.database.url, busy_seconds=2), store, decoders, spool_dir)


def test_a_message_links_to_a_private_bucket_and_is_fetched(private: Postcard, sandbox: RunningSandbox) -> None:
    asset = upload(private, phone_photo(800, 600))
    order = Order(parts=(AssetPart(asset.id), TextPart("Hello")), recipients=[TO, "447700900765"])
    campaign = create_campaign(private, order, created_by="test")
    work_off(private)
    assert campaign_of(private, campaign.id).state is CampaignState.FINISHED
    assert {each.state for each in messages_of(private, campaign.id).values()} == {MessageState.ACCEPTED}
    assert {verdict["result"] for verdict in sandbox.messages(TO)[0]["verdicts"]} <= {"pass", "not judged"}


def test_a_link_is_good_only_with_its_signature_and_says_until_when(private: Postcard) -> None:
    asset = upload(private, phone_photo(800, 600))
    work_off(private)
    with private.database.read() as connection:
        (rendition,) = renditions_of(connection, [asset.id])
    link = private.store.link_to(rendition.key)
    assert link.expires_at is not None
    assert timedelta(days=6, hours=23) < link.expires_at - datetime.now(UTC) <= timedelta(days=7)
    assert parse_qs(urlsplit(link.url).query)["X-Amz-Expires"] == [str(7 * 86_400)]
    assert requests.get(link.url, timeout=10).status_code == 200
    assert requests.get(link.url.partition("?")[0], timeout=10).status_code in {403, 404}
    assert requests.get(link.url[:-4] + "0000", timeout=10).status_code == 403


def test_the_api_signs_anew_and_says_until_when(private: Postcard) -> None:
    asset = upload(private, phone_photo(800, 600))
    work_off(private)
    with private.change() as change:
        token = make_token(change.connection, "tests", at=change.at)
    client = create_app(private).test_client()
    told = client.get(f"/campaign-assets/{asset.id}", headers={"Authorization": f"Bearer {token}"}).get_json()
    (rendition,) = told["renditions"]
    assert datetime.fromisoformat(rendition["url_expires_at"]) > datetime.now(UTC) + timedelta(days=6)
    assert requests.get(rendition["url"], timeout=10).status_code == 200


def test_each_group_of_messages_has_links_signed_anew(private: Postcard, monkeypatch: pytest.MonkeyPatch) -> None:
    asset = upload(private, phone_photo(800, 600))
    campaign = create_campaign(private, Order(parts=(AssetPart(asset.id),), recipients=[TO]), created_by="test")
    work_off(private)
    ready = ready_campaign(private, campaign.id)
    (plan,) = ready.plans.values()
    (old,) = plan.parts
    # The signature's time has seconds; the same key signed for another day is another link.
    private.store._presign_days = 6  # type: ignore[attr-defined]  # -- the adapter's own field
    ready.outgoing(private, [], lambda: True)
    (fresh,) = next(iter(ready.plans.values())).parts
    assert isinstance(old, LinkPart)
    assert isinstance(fresh, LinkPart)
    assert old.url.partition("?")[0] == fresh.url.partition("?")[0]
    assert old.url != fresh.url
    assert (fresh.bytes, fresh.content_type) == (old.bytes, old.content_type)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_on_aws_the_host_is_the_buckets_own(region: str) -> None:
    s3 = S3(bucket="ours", region=region)
    store = S3Store(s3, public_base_url="", access_key="a", secret_key="b", presign_days=7)
    assert store.url_of("m/x.jpg").startswith(f"{bucket_url(s3)}/m/x.jpg?")


def test_temporary_credentials_sign_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = S3Store(S3(), public_base_url="", presign_days=7)
    assert store.url_of("m/x.jpg")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    with pytest.raises(StoreMisconfigured, match="temporary"):
        S3Store(S3(), public_base_url="", presign_days=7).url_of("m/x.jpg")
