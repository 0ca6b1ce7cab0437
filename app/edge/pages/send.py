"""The page where a message is made: its script talks to the same API that programs use."""

from flask import Blueprint, render_template, request

from app.compose.checks import (
    ADVISED_SUBJECT_CHARACTERS,
    ADVISED_TEXT_CHARACTERS,
    MAX_SUBJECT_CHARACTERS,
    MAX_TEXT_CHARACTERS,
)
from app.duties.recipients import is_loopback
from app.edge.context import the_post
from app.limits import profiles
from app.records.senders import active_senders

blueprint = Blueprint("send", __name__)

LIMITS = {
    "subject": (MAX_SUBJECT_CHARACTERS, ADVISED_SUBJECT_CHARACTERS),
    "text": (MAX_TEXT_CHARACTERS, ADVISED_TEXT_CHARACTERS),
}


@blueprint.get("/app/send")
def show() -> str:
    """Show the empty message, or one that begins with an asset of the library."""
    post = the_post()
    with post.database.read() as connection:
        senders = active_senders(connection)
    return render_template(
        "send.html",
        limits=LIMITS,
        max_upload_bytes=post.settings.upload.max_bytes,
        direct_upload_bytes=post.settings.upload.direct_bytes,
        profiles=profiles().values(),
        senders=sorted(senders.values(), key=lambda each: each.country),
        sandbox=all(is_loopback(url) for url in post.settings.openmarket.endpoints),
        locked=not post.settings.live.send_to_any_number,
        allowed_numbers=len(post.settings.live.allowed_numbers),
        asset_id=request.args.get("asset", "")[:60],
    )
