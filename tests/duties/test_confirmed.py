"""What OpenMarket has confirmed to mean "not accepted" is tried again; what it has not stays unknown."""

from dataclasses import replace

import pytest

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.errors import SettingsInvalid
from app.model.messages import TextPart
from app.model.status import MessageState
from app.settings import read_settings
from app.wiring import make_gateway
from tests.path import messages_of, work_off
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"


def state_after_one_failure(post: Postcard, *not_accepted: str) -> MessageState:
    openmarket = replace(post.settings.openmarket, not_accepted=not_accepted)
    settings = replace(post.settings, openmarket=openmarket)
    gateway = make_gateway(settings)
    this = replace(post, settings=settings, gateway=gateway)
    campaign = create_campaign(this, Order(parts=(TextPart("Hi"),), recipients=[TO]), created_by="test")
    work_off(this)
    gateway.close()
    return messages_of(this, campaign.id)[TO].state


@pytest.fixture
def retried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.duties.claims.RETRY_WAIT", -replace_second())


def replace_second() -> object:
    from datetime import timedelta

    return timedelta(seconds=1)
