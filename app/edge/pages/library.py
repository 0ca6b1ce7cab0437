"""The library: what was uploaded, until when it stays, and why."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.duties.removal import remove_asset
from app.edge.context import edge, the_post
from app.edge.views import assets_out
from app.records.assets import list_assets

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
