"""The library: what was uploaded, until when it stays, and why."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.duties.removal import remove_asset
from app.edge.api.takedowns import confirmed_takedown, takedown_out
from app.edge.auth import require_admin
from app.edge.context import edge, the_post
from app.edge.media_views import assets_out
from app.edge.schemas.takedowns import TakedownIn
from app.records.assets import get_asset, list_assets

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
        fitting=any(item.state == "fitting" for item in items),
        next=found[-1].id if len(found) == _PAGE else None,
        first_page="before" not in request.args,
    )


@blueprint.post("/app/library/<asset_id>/delete")
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
