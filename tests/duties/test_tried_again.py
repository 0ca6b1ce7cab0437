"""What certainly was not accepted is tried again, and ends; what OpenMarket has not confirmed stays unknown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.duties.campaigns import Order, create_campaign
from app.duties.postcard import Postcard
from app.errors import SettingsInvalid
from app.model.messages import Message, TextPart
from app.model.status import CampaignState, MessageState
from app.settings import read_settings
from app.wiring import make_gateway
from tests.path import campaign_of, messages_of, wait_until, work_off
from tests.servers.sandbox import RunningSandbox

TO = "12515550130"


@contextmanager
def confirmed(post: Postcard, *not_accepted: str) -> Iterator[Postcard]:
    """The path with what OpenMarket is said to have confirmed."""
    settings = replace(post.settings, openmarket=replace(post.settings.openmarket, not_accepted=not_accepted))
    gateway = make_gateway(settings)
    yield replace(post, settings=settings, gateway=gateway)
    gateway.close()


def sent_to_the_end(post: Postcard, recipient: str | dict[str, object]) -> tuple[str, Message]:
    """Send one message until its campaign has come to an end."""
    campaign = create_campaign(post, Order(parts=(TextPart("Hi"),), recipients=[recipient]), created_by="test")

    def ended() -> bool:
        work_off(post)
        return campaign_of(post, campaign.id).state in {CampaignState.FINISHED, CampaignState.PAUSED}

    wait_until(ended)
    return campaign.id, messages_of(post, campaign.id)[TO]


def test_without_a_confirmation_a_503_leaves_the_message_unknown(post: Postcard, sandbox: RunningSandbox) -> None:
    sandbox.add_fault("status", status=503, times=1)
    _, message = sent_to_the_end(post, TO)
    assert message.state is MessageState.UNKNOWN
    assert sandbox.counts()["accepted"] == {}


def test_a_confirmed_status_is_tried_again_until_it_is_accepted(post: Postcard, sandbox: RunningSandbox) -> None:
    sandbox.add_fault("status", status=503, times=1)
    with confirmed(post, "15000", "503") as post_:
        _, message = sent_to_the_end(post_, TO)
    assert (message.state, message.attempts) == (MessageState.ACCEPTED, 2)
    assert sandbox.counts()["accepted"] == {TO: 1}


def test_a_confirmed_code_is_tried_again_until_it_is_accepted(post: Postcard, sandbox: RunningSandbox) -> None:
    sandbox.add_fault("refuse", code=15000, status=500, times=1)
    with confirmed(post, "15000") as post_:
        _, message = sent_to_the_end(post_, TO)
    assert (message.state, message.attempts) == (MessageState.ACCEPTED, 2)


@pytest.mark.parametrize("wrong", ["202", "15", "15000,x", "16000", "600"])
def test_only_codes_and_statuses_of_failures_can_be_confirmed(wrong: str) -> None:
    with pytest.raises(SettingsInvalid, match="POSTCARD_OPENMARKET_NOT_ACCEPTED"):
        read_settings({"POSTCARD_OPENMARKET_NOT_ACCEPTED": wrong})


def test_a_refused_operator_is_left_out_and_tried_once_more(post: Postcard, sandbox: RunningSandbox) -> None:
    sandbox.add_fault("refuse", code=15204, times=1)
    _, message = sent_to_the_end(post, {"number": TO, "operator_id": 383})
    assert (message.state, message.attempts, message.operator_id) == (MessageState.ACCEPTED, 2, None)
    assert "mobileOperatorId" not in sandbox.messages(TO)[-1]["details"]


def test_an_operator_that_is_refused_though_none_was_sent_ends_the_message(
    post: Postcard, sandbox: RunningSandbox
) -> None:
    sandbox.add_fault("refuse", code=15204)
    campaign_id, message = sent_to_the_end(post, TO)
    assert (message.state, message.attempts) == (MessageState.REFUSED, 1)
    assert "15204" in message.problem
    assert campaign_of(post, campaign_id).state is CampaignState.FINISHED


def test_an_operator_that_is_refused_with_and_without_ends_after_two_attempts(
    post: Postcard, sandbox: RunningSandbox
) -> None:
    sandbox.add_fault("refuse", code=15204)
    _, message = sent_to_the_end(post, {"number": TO, "operator_id": 383})
    assert (message.state, message.attempts) == (MessageState.REFUSED, 2)
