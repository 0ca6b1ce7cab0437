"""U+0000 in what callers write: refused in words on both databases, though PostgreSQL alone cannot keep it."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app.confine import DecoderPool
from app.duties.postcard import Postcard
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.records.database import Database
from app.settings import Settings
from tests.conftest import assembled
from tests.edge.conftest import Browser
from tests.edge.test_campaigns import TEXT
from tests.servers.sandbox import RunningSandbox

BAD = "a\0b"


@pytest.fixture
def post(
    settings: Settings,
    seaweed: EmbeddedStore,
    store: S3Store,
    sandbox: RunningSandbox,
    decoders: DecoderPool,
    database_url: str,
) -> Iterator[Postcard]:
    """The path on SQLite and on PostgreSQL in turn."""
    del seaweed
    sandbox.reset()
    spool_dir = settings.data.dir / "spool"
    spool_dir.mkdir(parents=True)
    yield from assembled(settings, Database(database_url, busy_seconds=5), store, decoders, spool_dir)


def test_in_a_body_it_is_named_with_its_field(api: FlaskClient) -> None:
    for path, body, field in (
        ("/campaigns", {**TEXT, "name": BAD}, "name"),
        ("/campaigns", {**TEXT, "subject": BAD}, "subject"),
        ("/campaigns", {**TEXT, "recipients": [BAD]}, "recipients"),
        ("/campaigns", {**TEXT, "parts": [{"text": BAD}]}, "parts"),
        ("/campaigns/preview", {**TEXT, "mt_config": BAD}, "mt_config"),
        ("/messages", {"parts": [{"text": "hi"}], "to": {"number": BAD}}, "to"),
        ("/suppressions", {"numbers": ["12515550130"], "note": BAD}, "note"),
        ("/campaign-assets", {"url": f"https://example.com/{BAD}"}, "url"),
    ):
        answer = api.post(path, json=body)
        assert answer.status_code == 422, (path, answer.text)
        assert answer.get_json()["errors"][0]["field"].split(".")[0] == field, (path, answer.text)
    operator = {"name": BAD, "country": "US", "profile_by_kind": {"short_code": BAD}}
    assert api.put("/operators/mine", json=operator).status_code == 422
    assert api.get("/campaigns").get_json()["items"] == []


def test_in_an_address_nothing_is_there_and_in_a_query_it_is_refused(api: FlaskClient) -> None:
    for path in (
        "/campaigns/%00",
        "/campaign-assets/a%00b",
        "/messages/%00",
        "/campaigns/%00/messages",
        "/inbound/%00",
    ):
        assert api.get(path).status_code == 404, path
    assert api.delete("/suppressions/%00").status_code == 404
    assert api.post("/campaigns/%00/start").status_code == 404
    assert api.put("/operators/a%00b", json={"name": "x"}).status_code == 404
    for path in ("/campaigns?before=%00", "/suppressions?after=a%00b", "/app/campaigns/x?after=%00"):
        assert api.get(path).status_code == 422, path


def test_on_a_page_it_is_refused_in_words(browser: Browser) -> None:
    for path, form in (
        ("/app/settings/tokens", {"name": BAD}),
        ("/app/settings/suppressions", {"numbers": "12515550130", "note": BAD}),
        ("/app/sign-in", {"name": BAD, "password": BAD}),
        ("/app/sign-in", {"link": BAD}),
    ):
        answer = browser.post(path, form)
        assert answer.status_code == 422, path
        assert "U+0000" in answer.text
