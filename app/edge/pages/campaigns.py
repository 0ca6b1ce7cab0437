"""The campaigns, and one campaign as it moves: the fragment of its progress is asked for every second until nothing moves."""

import hashlib
from collections.abc import Callable, Collection

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.duties.campaigns import begin_campaign, cancel_campaign, pause_campaign, resend_messages
from app.duties.postcard import Postcard
from app.edge.auth import caller
from app.edge.context import edge, the_post
from app.edge.media_views import assets_out
from app.edge.pages.words import is_moving
from app.edge.schemas.assets import AssetOut
from app.edge.views import campaign_out, campaigns_out, message_out, messages_out
from app.errors import NotFound
from app.model.messages import AssetPart, Campaign
from app.model.status import MessageState
from app.records.assets import get_asset, missing_assets
from app.records.campaigns import get_campaign, list_campaigns
from app.records.choices import cut_to_json
from app.records.database import Connection
from app.records.messages import get_message, limits_of, list_messages

blueprint = Blueprint("campaign_pages", __name__)
_PAGE = 25
_MESSAGES = 25

ACTIONS: dict[str, Callable[[Postcard, str], object]] = {
    "start": begin_campaign,
    "resume": begin_campaign,
    "pause": lambda post, campaign_id: pause_campaign(post, campaign_id, by=caller().label),
    "cancel": cancel_campaign,
    "resend-failed": lambda post, campaign_id: resend_messages(post, campaign_id, unknown=False),
    "resend-unknown": lambda post, campaign_id: resend_messages(post, campaign_id, unknown=True),
}


@blueprint.get("/app/campaigns")
def show_all() -> str:
    """List campaigns, newest first."""
    with the_post().database.read() as connection:
        found = list_campaigns(connection, before=request.args.get("before", "")[:60], limit=_PAGE)
        items = campaigns_out(connection, found)
    return render_template(
        "campaigns.html",
        campaigns=items,
        next=found[-1].id if len(found) == _PAGE else None,
        first_page="before" not in request.args,
    )


@blueprint.get("/app/campaigns/<campaign_id>")
def show_one(campaign_id: str) -> str:
    """Show one campaign: the message as the phone shows it, and its progress."""
    with the_post().database.read() as connection:
        campaign = get_campaign(connection, campaign_id)
        return render_template(
            "campaign.html", parts=_parts(connection, campaign), **_progress_facts(connection, campaign)
        )


@blueprint.get("/app/campaigns/<campaign_id>/progress")
def progress(campaign_id: str) -> Response:
    """Give the progress alone; nothing (204) when the page shows it already, so that nobody's focus is lost."""
    with the_post().database.read() as connection:
        campaign = get_campaign(connection, campaign_id)
        facts = _progress_facts(connection, campaign)
    if facts["seen"] == request.args.get("seen") and facts["moving"]:
        return Response(status=204)
    new_state = request.args.get("showing") != campaign.state.value
    return Response(render_template("_progress.html", with_head=new_state, **facts))


def _progress_facts(connection: Connection, campaign: Campaign) -> dict[str, object]:
    shown = campaign_out(connection, campaign)
    state = request.args.get("state", "")
    state = state if state in set(MessageState) else ""
    after = request.args.get("after", "")[:60]
    found = list_messages(connection, campaign.id, after=after, limit=_MESSAGES, state=state)
    messages = messages_out(connection, found)
    seen = repr((shown, [(each.id, each.state, each.problem, len(each.reports)) for each in messages]))
    return {
        "campaign": shown,
        "messages": messages,
        "state": state,
        "after": after,
        "next": found[-1].id if len(found) == _MESSAGES else None,
        "gone": missing_assets(connection, [part.asset_id for part in campaign.parts if isinstance(part, AssetPart)]),
        "moving": is_moving(shown),
        "seen": hashlib.sha256(seen.encode()).hexdigest()[:16],
    }


def _parts(connection: Connection, campaign: Campaign) -> list[dict[str, object]]:
    """Give the parts in display order, with the asset behind each piece of media where it is still there."""
    limits = [name for name, _ in limits_of(connection, campaign.id)]
    return [
        _shown(_asset(connection, part.asset_id), part, limits) if isinstance(part, AssetPart) else {"text": part.text}
        for part in campaign.parts
    ]


def _shown(asset: AssetOut | None, part: AssetPart, limits: Collection[str]) -> dict[str, object]:
    """Give the asset of a part with what goes out of it: the rendition of its choice for one of the campaign's limits."""
    wanted = (part.choice.form, cut_to_json(part.choice))
    chosen = [each for each in (asset.renditions if asset else []) if (each.form, each.cut) == wanted]
    chosen.sort(key=lambda each: each.profile not in limits)
    return {"asset": asset, "shown": chosen[0] if chosen else None}


def _asset(connection: Connection, asset_id: str) -> AssetOut | None:
    try:
        return assets_out(edge(), connection, [get_asset(connection, asset_id)])[0]
    except NotFound:
        return None


@blueprint.post("/app/campaigns/<campaign_id>/<action>")
def act(campaign_id: str, action: str) -> AnyResponse:
    """Carry out one of the actions and show the campaign again.

    Raises:
        NotFound: no such action.
    """
    if action not in ACTIONS:
        raise NotFound("Nothing has this address.")
    ACTIONS[action](the_post(), campaign_id)
    return redirect(f"/app/campaigns/{campaign_id}", code=303)


@blueprint.get("/app/messages/<message_id>")
def show_message(message_id: str) -> str:
    """Show one message with its attempts and reports: as a page, or as a piece beside the list."""
    post = the_post()
    with post.database.read() as connection:
        message = message_out(post, connection, get_message(connection, message_id))
    template = "_message.html" if request.headers.get("HX-Request") else "message.html"
    return render_template(template, message=message)
