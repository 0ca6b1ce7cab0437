"""/campaign-assets/{id}/takedown and /audit: what only an admin may do, and what was done."""

from dataclasses import asdict

from apiflask import APIBlueprint

from app.duties.takedown import Takedown, take_down
from app.edge.auth import require_admin
from app.edge.context import the_post
from app.edge.schemas.shapes import PageQuery
from app.edge.schemas.takedowns import AtRiskOut, AuditOut, AuditPageOut, TakedownIn, TakedownOut
from app.errors import InvalidRequest
from app.records.audit import list_audit

blueprint = APIBlueprint("takedowns", __name__, tag="Takedowns")


@blueprint.post("/campaign-assets/<asset_id>/takedown")
@blueprint.input(TakedownIn, arg_name="body")
@blueprint.output(TakedownOut)
def take_asset_down(asset_id: str, body: TakedownIn) -> TakedownOut:
    """Take an asset down at once, whatever holds it: erased with all versions, blocked for ever, its campaigns stopped."""
    admin = require_admin()
    return takedown_out(confirmed_takedown(asset_id, reason=body.reason, confirm=body.confirm, by=admin.label))


def confirmed_takedown(asset_id: str, *, reason: str, confirm: str, by: str) -> Takedown:
    """Take down what was named twice.

    Raises:
        InvalidRequest: the second confirmation is not the id of the asset.
    """
    if confirm != asset_id:
        raise InvalidRequest("`confirm` must be the id of the asset: a takedown cannot be undone.", field="confirm")
    return take_down(the_post(), asset_id, reason=reason.strip(), by=by)


def takedown_out(done: Takedown) -> TakedownOut:
    """Show what came of a takedown."""
    at_risk = [
        AtRiskOut(
            id=each.id,
            campaign_id=each.campaign_id,
            number=each.number,
            state=each.state.value,
            mt_id=each.mt_id,
            updated_at=each.updated_at,
        )
        for each in done.at_risk
    ]
    return TakedownOut(
        asset_id=done.asset_id,
        audit_id=done.audit_id,
        erased=done.erased,
        paused=list(done.paused),
        campaigns=list(done.campaigns),
        blocked_sha256s=list(done.blocked_sha256s),
        at_risk_count=done.at_risk_count,
        at_risk=at_risk,
    )


@blueprint.get("/audit")
@blueprint.input(PageQuery, location="query", arg_name="page")
@blueprint.output(AuditPageOut)
def show_audit(page: PageQuery) -> AuditPageOut:
    """List takedowns, newest first: who, when, what and why."""
    require_admin()
    with the_post().database.read() as connection:
        found = list_audit(connection, before=page.before, limit=page.limit)
    items = [AuditOut(**asdict(each)) for each in found]
    return AuditPageOut(items=items, next=found[-1].id if len(found) == page.limit else None)
