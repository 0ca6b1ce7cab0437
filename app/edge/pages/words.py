"""The words and formats of the pages: states for people, times, sizes, and why something is kept."""

import re
from datetime import datetime

from apiflask import APIFlask
from flask import g
from markupsafe import Markup

from app.edge.context import edge, the_post
from app.edge.schemas.assets import AssetOut
from app.edge.schemas.campaigns import CampaignOut
from app.model.status import ENDED, CampaignState, MessageState

# state -> (word, tone, what it means); tones are classes of the style sheet.
MESSAGE_WORDS: dict[str, tuple[str, str, str]] = {
    "pending": ("waiting", "wait", "Not sent yet."),
    "sending": ("being sent", "go", "Handed to OpenMarket at this moment."),
    "accepted": ("accepted", "go", "OpenMarket took it; the operator has not reported yet."),
    "forwarded": ("forwarded", "go", "Passed on to another network, or sent as a link."),
    "deferred": ("deferred", "go", "The phone was told; it has not fetched the message yet."),
    "retrieved": ("retrieved", "good", "The phone has it."),
    "refused": ("refused", "bad", "OpenMarket did not take it."),
    "unknown": ("unknown", "warn", "No answer came: it may have been sent. Only you can decide to send it again."),
    "rejected": ("rejected", "bad", "The operator or the phone rejected it."),
    "expired": ("expired", "bad", "The phone did not fetch it in time."),
    "unreachable": ("unreachable", "bad", "The phone could not be reached."),
    "not_supported": ("not supported", "bad", "The phone or its plan takes no MMS."),
    "unrecognized": ("unrecognized", "warn", "The operator reported something that nobody understands."),
    "indeterminate": ("indeterminate", "warn", "The operator does not know what became of it."),
    "no_report": ("no report", "warn", "Nobody reported within 72 hours."),
    "suppressed": ("suppressed", "off", "The number is on the suppression list; nothing was sent."),
    "cancelled": ("cancelled", "off", "The campaign was cancelled before it left."),
}
CAMPAIGN_WORDS: dict[str, tuple[str, str, str]] = {
    "draft": ("draft", "off", "Nothing is sent until you start it."),
    "scheduled": ("scheduled", "wait", "It begins by itself at its time."),
    "preparing": ("preparing", "go", "Pictures are fitted, hosted and fetched once as OpenMarket will."),
    "running": ("running", "go", "Messages are leaving."),
    "paused": ("paused", "warn", "Nothing leaves until you resume it."),
    "finished": ("finished", "good", "Nothing waits to be sent any more."),
    "cancelled": ("cancelled", "off", "What had not left will not leave."),
}
_NOT_HANDED_OVER = {
    "suppressed": "suppressed, since the number has opted out",
    "refused": "refused",
    "unknown": "unknown: nobody knows whether it was handed over",
}
_MOVING = frozenset(MessageState) - ENDED - {MessageState.UNKNOWN}


def show_bytes(count: int) -> str:
    """Write a length in decimal units, as operators' limits are: ``285.9 KB``."""
    if count < 1000:
        return f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1000:.1f}".removesuffix(".0") + " KB"
    return f"{count / 1_000_000:.1f}".removesuffix(".0") + " MB"


def show_time(at: datetime | None) -> Markup:
    """Write a time in UTC; the page's script turns it to the reader's own zone."""
    if at is None:
        return Markup("—")
    text = f"{at:%-d %b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}" data-local>{}</time>').format(at.isoformat(), text)


def show_exact_time(at: datetime) -> str:
    """Write a time as Support asks for it: UTC, to the millisecond."""
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC"


def show_count(count: int) -> str:
    """Write a figure with separators."""
    return f"{count:,}"


def show_code_words(text: str) -> Markup:
    """Write what stands between backticks, single or double, as code."""
    pieces = re.split(r"``?", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(each) if odd % 2 else each for odd, each in enumerate(pieces)
    )


def is_moving(campaign: CampaignOut) -> bool:
    """Tell whether the page should go on looking: the campaign or one of its messages may still change by itself soon."""
    if campaign.state in {"scheduled", "preparing", "running"}:
        return True
    if campaign.state in {CampaignState.DRAFT, CampaignState.CANCELLED}:
        return False
    return any(campaign.counts[state.value] for state in _MOVING - {MessageState.PENDING})


def how_it_ended(campaign: CampaignOut) -> str:
    """Say of a finished campaign how many of its messages were handed over, and what became of the others."""
    kept = [(campaign.counts[state], words) for state, words in _NOT_HANDED_OVER.items() if campaign.counts[state]]
    handed_over = campaign.recipients - sum(count for count, _ in kept)
    told = f"{handed_over:,} of {campaign.recipients:,} handed over" if kept else "Every message was handed over"
    sentence = "; ".join([told, *(f"{count:,} {words}" for count, words in kept)])
    return f"{sentence}. Reports may still come." if is_moving(campaign) else f"{sentence}."


def why_kept(asset: AssetOut) -> list[str]:
    """Say until when an asset's hosted files stay, and why, in sentences."""
    days = the_post().settings.lease.minimum_days
    rule = edge().lifecycle_days()
    sentences = []
    if asset.held_until and asset.last_requested_at:
        sentences.append(
            f"OpenMarket may fetch a picture for days after a message: it is kept for {days} days after the last one."
        )
    if asset.renditions and rule is not None:
        sentences.append(f"The bucket removes files {rule} days after they were written; a send renews them first.")
    elif asset.renditions:
        sentences.append("No rule of the bucket removes it.")
    return sentences


def install(app: APIFlask) -> None:
    """Give templates these words."""
    app.jinja_env.filters.update(
        bytes=show_bytes, when=show_time, exactly=show_exact_time, count=show_count, code_words=show_code_words
    )
    app.jinja_env.globals.update(
        message_words=MESSAGE_WORDS,
        campaign_words=CAMPAIGN_WORDS,
        why_kept=why_kept,
        is_moving=is_moving,
        how_it_ended=how_it_ended,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def _who() -> dict[str, object]:
        return {"caller": g.get("caller")}
