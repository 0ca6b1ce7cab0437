"""Answers to STOP and HELP, for senders whose answers are Postcard's and not OpenMarket's.

One message, no marketing, in answer to a person's own words: a campaign of one that goes the same path as everything else.
It alone may go to a number that its own STOP suppressed. It leaves within minutes or not at all: what was late would puzzle.
"""

from datetime import datetime, timedelta

from app.duties.postcard import Change
from app.model.messages import Inbound, Recipient, TextPart
from app.model.status import CampaignState
from app.records.campaigns import ANSWER_WITHIN, NewCampaign, NewMessage, add_campaign, answered_since, move_campaign
from app.records.senders import active_senders
from app.report.stopwords import Verdict
from app.settings import OpenMarket, texts_by_country
from app.telemetry import log, mask_number

QUIET = timedelta(minutes=10)
"""Ours: one answer to a number in this time, so that two machines do not answer each other without end."""
PROFILE = "universal"


def answers_by_postcard(openmarket: OpenMarket) -> frozenset[str]:
    """Tell for the senders of which countries Postcard answers; OpenMarket does for all others."""
    pairs = [entry.split(":", 1) for entry in openmarket.replies]
    return frozenset(country for country, who in pairs if who == "postcard")


def answer_text(openmarket: OpenMarket, verdict: Verdict, country: str) -> str:
    """Tell what Postcard answers for the sender of a country; empty = nothing is to be said."""
    texts = {Verdict.STOP: openmarket.stop_text, Verdict.HELP: openmarket.help_text}.get(verdict, "")
    of_country = texts_by_country(texts)
    return of_country.get(country, of_country.get("", ""))


def countries_without_words(openmarket: OpenMarket) -> list[str]:
    """Name the countries for whose sender Postcard should answer, and would not know what."""
    return sorted(
        country
        for country in answers_by_postcard(openmarket)
        if not all(answer_text(openmarket, verdict, country) for verdict in (Verdict.STOP, Verdict.HELP))
    )


def answer_inbound(
    change: Change,
    openmarket: OpenMarket,
    *,
    inbound_id: str,
    message: Inbound,
    sender_of: Recipient,
    verdict: Verdict,
    arrived_at: datetime,
) -> bool:
    """Answer STOP or HELP, if the sender that was written to is one of ours to answer for.

    Args:
        change: the transaction that keeps the inbound message; both are kept, or neither.
        openmarket: who answers, and with which texts.
        inbound_id: of the kept message; it is answered once.
        message: what came.
        sender_of: the number that wrote, with its country.
        verdict: what it asks for; anything but *stop* and *help* gets no answer.
        arrived_at: when it was posted to us.

    Returns:
        whether an answer is on its way.
    """
    text = answer_text(openmarket, verdict, sender_of.country)
    if not text or sender_of.country not in answers_by_postcard(openmarket):
        return False
    sender = active_senders(change.connection).get(sender_of.country)
    if sender is None or sender.source not in message.destinations:
        return False
    said_at = min(arrived_at, message.sent_at) if message.sent_at else arrived_at
    if said_at < change.at - ANSWER_WITHIN:
        return False
    if verdict is Verdict.HELP and answered_since(change.connection, sender_of.number, change.at - QUIET):
        return False
    new = NewCampaign(
        name=f"Answer to {verdict.value.upper()}",
        subject="",
        source="",
        mt_config="",
        profile=PROFILE,
        parts=(TextPart(text),),
        state=CampaignState.DRAFT,
        created_by="Postcard",
        answers=inbound_id,
    )
    campaign = add_campaign(change.connection, new, [NewMessage(sender_of, sender.id, PROFILE)], at=change.at)
    move_campaign(change.connection, campaign.id, CampaignState.PREPARING, at=change.at)
    change.job("start_campaign", campaign.id)
    log.info("answering", campaign=campaign.id, number=mask_number(sender_of.number), to=verdict.value)
    return True
