"""The library: what was uploaded, until when it stays, and why."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.duties.fitting import cancel_fitting
from app.duties.removal import remove_asset
from app.duties.shown import show_original
from app.edge.api.takedowns import confirmed_takedown, takedown_out
from app.edge.auth import require_admin
from app.edge.context import edge, the_post
from app.edge.media_views import assets_out, rendition_out
from app.edge.schemas.takedowns import TakedownIn
from app.edge.waiting import takes_long
from app.records.assets import get_asset, list_assets
from app.records.objects import get_rendition

blueprint = Blueprint("library", __name__)
_PAGE = 24


@blueprint.get("/app/library")
def show() -> str:
    """Show assets, newest first."""
    post = the_post()
    with post.database.read() as connection:
        found = list_assets(connection, before=request.args.get("before", "")[:60], limit=_PAGE)
        items = assets_out(edge(), connection, found)
        now = post.database.now(connection)
    return render_template(
        "library.html",
        assets=items,
        now=now,
        next=found[-1].id if len(found) == _PAGE else None,
        first_page="before" not in request.args,
    )


@blueprint.get("/app/library/<asset_id>/card")
def card(asset_id: str) -> str:
    """Give the card of one asset alone: it is asked for again while the asset is being fitted."""
    post = the_post()
    with post.database.read() as connection:
        (asset,) = assets_out(edge(), connection, [get_asset(connection, asset_id)])
        now = post.database.now(connection)
    return render_template("_asset.html", asset=asset, now=now)


@blueprint.get("/app/library/<asset_id>/original")
@takes_long
def original(asset_id: str) -> Response:
    """Show a picture as it was before it was fitted, encoded anew; the upload itself is served to nobody."""
    shown = show_original(the_post(), asset_id)
    return Response(shown.content, content_type=shown.content_type)


@blueprint.get("/app/renditions/<rendition_id>/report")
def report(rendition_id: str) -> str:
    """Give what a rendition kept and gave up, beside its original, as a piece of a page."""
    with the_post().database.read() as connection:
        rendition = get_rendition(connection, rendition_id)
        asset = get_asset(connection, rendition.asset_id)
        (shown,) = assets_out(edge(), connection, [asset])
    return render_template("_report.html", asset=shown, rendition=rendition_out(edge(), rendition, asset.facts))


@blueprint.post("/app/library/<asset_id>/cancel")
def cancel(asset_id: str) -> Response:
    """Stop the fitting of an asset."""
    cancel_fitting(the_post(), asset_id)
    return redirect("/app/library", code=303)


@blueprint.post("/app/library/<asset_id>/delete")
@takes_long
def delete(asset_id: str) -> Response:
    """Delete an asset; what still holds it is said on the error page."""
    remove_asset(the_post(), asset_id)
    return redirect("/app/library", code=303)


@blueprint.get("/app/library/<asset_id>/takedown")
def ask_takedown(asset_id: str) -> str:
    """Ask an admin for the reason, and once more whether this is meant."""
    require_admin()
    with the_post().database.read() as connection:
        (asset,) = assets_out(edge(), connection, [get_asset(connection, asset_id)])
    return render_template("takedown.html", asset=asset, done=None)


@blueprint.post("/app/library/<asset_id>/takedown")
def take_down(asset_id: str) -> str:
    """Take an asset down, and show what came of it."""
    form = TakedownIn(reason=request.form.get("reason", ""), confirm=request.form.get("confirm", "")[:60])
    done = confirmed_takedown(asset_id, reason=form.reason, confirm=form.confirm, by=require_admin().label)
    return render_template("takedown.html", asset=None, done=takedown_out(done))
