"""The page where a message is made: its script talks to the same API that programs use."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.compose.checks import (
    ADVISED_SUBJECT_CHARACTERS,
    ADVISED_TEXT_CHARACTERS,
    MAX_SUBJECT_CHARACTERS,
    MAX_TEXT_CHARACTERS,
)
from app.duties.campaigns import usual_name
from app.edge.context import the_post
from app.errors import WrongState
from app.limits import budget_of, profiles
from app.model.messages import Campaign, TextPart
from app.model.status import CampaignState
from app.records.campaigns import get_campaign, part_to_json
from app.records.database import Connection
from app.records.messages import recipients_of
from app.records.senders import active_senders
from app.send.endpoints import sandbox_page

blueprint = Blueprint("send", __name__)

LIMITS = {
    "subject": (MAX_SUBJECT_CHARACTERS, ADVISED_SUBJECT_CHARACTERS),
    "text": (MAX_TEXT_CHARACTERS, ADVISED_TEXT_CHARACTERS),
}


@blueprint.get("/app/send")
def show() -> str | Response:
    """Show the empty message, one that begins with an asset of the library, a draft to be changed, or another like a campaign."""
    post = the_post()
    draft_id, like_id = request.args.get("draft", "")[:60], request.args.get("like", "")[:60]
    with post.database.read() as connection:
        senders = active_senders(connection)
        campaign = get_campaign(connection, draft_id or like_id) if draft_id or like_id else None
        if campaign and draft_id and campaign.state is not CampaignState.DRAFT:
            return redirect(f"/app/campaigns/{campaign.id}", code=303)
        begun = _begun(connection, campaign, with_numbers=bool(draft_id)) if campaign else {}
    pages = [sandbox_page(url) for url in post.settings.openmarket.endpoints]
    return render_template(
        "send.html",
        limits=LIMITS,
        max_upload_bytes=post.settings.upload.max_bytes,
        direct_upload_bytes=post.settings.upload.direct_bytes,
        profiles=[(each, budget_of(each).max_bytes) for each in profiles().values()],
        senders=sorted(senders.values(), key=lambda each: each.country),
        sandbox=all(pages),
        sandbox_page=next(iter(pages), ""),
        locked=not post.settings.live.send_to_any_number,
        allowed_numbers=len(post.settings.live.allowed_numbers),
        asset_id=request.args.get("asset", "")[:60],
        begun=begun,
        draft=campaign if draft_id else None,
    )


def _begun(connection: Connection, campaign: Campaign, *, with_numbers: bool) -> dict[str, object]:
    """Give what the fields of the page begin with; a new message like another one begins without its numbers.

    Raises:
        WrongState: it has several texts, which only a program can have made; the page has one.
    """
    texts = [part.text for part in campaign.parts if isinstance(part, TextPart)]
    if len(texts) > 1:
        raise WrongState(
            "This message has several texts, and the page has room for one: change it by the API.",
            state=campaign.state.value,
        )
    usual = usual_name(campaign.subject, campaign.parts)
    own_name = campaign.name != usual and not campaign.name.startswith("Campaign of ")
    numbers = [f"{each['number']}" for each in recipients_of(connection, campaign.id)] if with_numbers else []
    return {
        "parts": [part_to_json(part) for part in campaign.parts],
        "text": "".join(texts),
        "subject": campaign.subject,
        "numbers": "\n".join(numbers),
        "name": campaign.name if own_name and with_numbers else "",
        "profile": campaign.profile,
        "send_at": campaign.send_at if with_numbers else None,
    }
