"""/campaigns: create, preview, start, pause, and tell."""

from apiflask import APIBlueprint
from flask import Response, jsonify

from app.compose.numbers import parse_recipients
from app.duties.campaigns import (
    Order,
    begin_campaign,
    cancel_campaign,
    change_draft,
    create_campaign,
    pause_campaign,
    resend_messages,
    test_order,
)
from app.duties.postcard import Change
from app.duties.preview import preview_campaign
from app.duties.recipients import require_unlocked
from app.edge.auth import caller
from app.edge.context import edge, the_post
from app.edge.idempotency import Settle, once
from app.edge.media_views import posters_out
from app.edge.schemas.campaigns import (
    CampaignIn,
    CampaignOut,
    CampaignPageOut,
    DraftIn,
    PreviewIn,
    PreviewOut,
    RecipientsIn,
    RecipientsOut,
    TestIn,
)
from app.edge.schemas.shapes import PageQuery
from app.edge.views import advise_suppressed, campaign_out, campaigns_out, countries_of, preview_out
from app.edge.waiting import takes_long
from app.model.messages import AssetPart, Campaign
from app.records.campaigns import get_campaign, list_campaigns
from app.records.suppressions import reasons_of

blueprint = APIBlueprint("campaigns", __name__, tag="Campaigns")


def create(order: Order, body: object) -> Response:
    """Create a campaign once; the answer is kept in the transaction that creates it."""

    def work(settle: Settle) -> Response:
        answers: list[CampaignOut] = []

        def remember(change: Change, campaign: Campaign) -> None:
            answers.append(campaign_out(change.connection, campaign))
            settle(change.connection, 201, answers[0].as_json())

        create_campaign(the_post(), order, created_by=caller().label, remember=remember)
        answer = jsonify(answers[0].as_json())
        answer.status_code = 201
        answer.headers["Location"] = f"/campaigns/{answers[0].id}"
        return answer

    return once(body, work, place="/campaigns")


@blueprint.post("/campaigns")
@blueprint.input(CampaignIn, arg_name="body")
@blueprint.output(CampaignOut, status_code=201)
def create_one(body: CampaignIn) -> Response:
    """Create a campaign with all of its messages, or nothing: one bad number refuses it and all bad ones are named."""
    return create(body.order(body.recipients, send_at=body.send_at, start=body.start), body.model_dump(mode="json"))


@blueprint.post("/campaigns/preview")
@blueprint.input(PreviewIn, arg_name="body")
@blueprint.output(PreviewOut)
@takes_long
def preview(body: PreviewIn) -> PreviewOut:
    """Make what would be sent, for each profile that the recipients need; nothing is sent."""
    order = body.order(body.recipients)
    previews = preview_campaign(the_post(), order)
    with the_post().database.read() as connection:
        media = [part.asset_id for part in order.parts if isinstance(part, AssetPart)]
        posters = posters_out(edge(), connection, media)
    suppressed = sum(each.suppressed for each in previews)
    return PreviewOut(
        subject=order.subject,
        suppressed=suppressed,
        advice=advise_suppressed(suppressed),
        previews=[preview_out(edge(), each, posters) for each in previews],
    )


@blueprint.post("/recipients/check")
@blueprint.input(RecipientsIn, arg_name="body")
@blueprint.output(RecipientsOut)
def check_recipients(body: RecipientsIn) -> RecipientsOut:
    """Check numbers as a campaign would, and create nothing."""
    settings = the_post().settings
    found = parse_recipients(body.recipients)
    require_unlocked((each.number for each in found), settings.openmarket, settings.live)
    with the_post().database.read() as connection:
        stopped = list(reasons_of(connection, [each.number for each in found]))
    return RecipientsOut(
        recipients=len(found),
        duplicates=len(body.recipients) - len(found),
        suppressed=len(stopped),
        suppressed_numbers=stopped[:100],
        advice=advise_suppressed(len(stopped)),
        countries=countries_of(found),
        warnings=[{"number": each.number, "warning": each.warning} for each in found if each.warning][:100],
    )


@blueprint.get("/campaigns")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(CampaignPageOut)
def list_all(page: PageQuery) -> CampaignPageOut:
    """List campaigns, newest first."""
    with the_post().database.read() as connection:
        found = list_campaigns(connection, before=page.before, limit=page.limit)
        items = campaigns_out(connection, found)
    return CampaignPageOut(items=items, next=found[-1].id if len(found) == page.limit else None)


@blueprint.get("/campaigns/<campaign_id>")
@blueprint.output(CampaignOut)
def show_one(campaign_id: str) -> CampaignOut:
    """Show a campaign and how far it is."""
    with the_post().database.read() as connection:
        return campaign_out(connection, get_campaign(connection, campaign_id))


@blueprint.patch("/campaigns/<campaign_id>")
@blueprint.input(DraftIn, arg_name="body")
@blueprint.output(CampaignOut)
def change_one(campaign_id: str, body: DraftIn) -> CampaignOut:
    """Change a draft, whole or not at all; of a scheduled campaign only the name and the subject."""
    return _told(change_draft(the_post(), campaign_id, body.change()))


@blueprint.post("/campaigns/<campaign_id>/start")
@blueprint.output(CampaignOut)
def start(campaign_id: str) -> CampaignOut:
    """Start a draft, or a scheduled campaign now."""
    return _told(begin_campaign(the_post(), campaign_id))


@blueprint.post("/campaigns/<campaign_id>/resume")
@blueprint.output(CampaignOut)
def resume(campaign_id: str) -> CampaignOut:
    """Resume a paused campaign; everything is checked again first."""
    return _told(begin_campaign(the_post(), campaign_id))


@blueprint.post("/campaigns/<campaign_id>/pause")
@blueprint.output(CampaignOut)
def pause(campaign_id: str) -> CampaignOut:
    """Pause a campaign: what is under way is finished, the rest stays pending."""
    return _told(pause_campaign(the_post(), campaign_id, by=caller().label))


@blueprint.post("/campaigns/<campaign_id>/cancel")
@blueprint.output(CampaignOut)
def cancel(campaign_id: str) -> CampaignOut:
    """Cancel a campaign for good: what has not left will not leave."""
    return _told(cancel_campaign(the_post(), campaign_id))


@blueprint.post("/campaigns/<campaign_id>/resend-failed")
@blueprint.output(CampaignOut)
def resend_failed(campaign_id: str) -> CampaignOut:
    """Send again what was refused, rejected, expired or unreachable."""
    campaign, count = resend_messages(the_post(), campaign_id, unknown=False)
    return _told(campaign).model_copy(update={"resent": count})


@blueprint.post("/campaigns/<campaign_id>/resend-unknown")
@blueprint.output(CampaignOut)
def resend_unknown(campaign_id: str) -> CampaignOut:
    """Send again what may have been sent: some may get it twice, so only a person decides this."""
    campaign, count = resend_messages(the_post(), campaign_id, unknown=True)
    return _told(campaign).model_copy(update={"resent": count})


@blueprint.post("/campaigns/<campaign_id>/test")
@blueprint.input(TestIn, arg_name="body")
@blueprint.output(CampaignOut, status_code=201)
def test(campaign_id: str, body: TestIn) -> Response:
    """Send the same message to at most five numbers of one's own, as a campaign beside this one."""
    with the_post().database.read() as connection:
        campaign = get_campaign(connection, campaign_id)
    return create(test_order(campaign, body.recipients), body.model_dump(mode="json"))


def _told(campaign: Campaign) -> CampaignOut:
    with the_post().database.read() as connection:
        return campaign_out(connection, campaign)
