"""How this copy is set up: senders, limits, the state of its parts, tokens, and who must not be sent to."""

import re

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.compose.numbers import parse_stops
from app.edge.auth import caller, require_admin
from app.edge.context import edge, the_post
from app.edge.health import state_of_parts
from app.errors import InvalidRequest
from app.host.lease import lifecycle_is_long_enough
from app.limits import profiles
from app.records.audit import list_audit
from app.records.people import list_tokens, make_token, revoke_token
from app.records.senders import active_senders
from app.records.suppressions import add_suppressions, list_suppressions, remove_suppression
from app.send.endpoints import is_loopback

blueprint = Blueprint("settings_page", __name__)


@blueprint.get("/app/settings")
def show() -> str:
    """Show everything."""
    return _page()


def _page(*, new_token: str = "") -> str:
    post = the_post()
    settings = post.settings
    with post.database.read() as connection:
        senders = active_senders(connection)
        tokens = list_tokens(connection)
        suppressions = list_suppressions(connection, limit=100)
        audit = list_audit(connection, limit=50) if caller().admin else []
    days = edge().lifecycle_days()
    enough, wrong = lifecycle_is_long_enough(days, settings.lease.minimum_days)
    return render_template(
        "settings.html",
        senders=[senders[country] for country in sorted(senders)],
        profiles=profiles().values(),
        checks=state_of_parts(),
        lifecycle={"days": days, "enough": enough, "wrong": wrong, "minimum_days": settings.lease.minimum_days},
        endpoints=[{"url": url, "here": is_loopback(url)} for url in settings.openmarket.endpoints],
        live=settings.live,
        tps=settings.openmarket.tps,
        public_base_url=settings.public.base_url,
        tokens=tokens,
        new_token=new_token,
        suppressions=suppressions,
        audit=audit,
    )


@blueprint.post("/app/settings/tokens")
def create_token() -> str:
    """Make a token and show its secret this once.

    Raises:
        InvalidRequest: no name, or a very long one.
    """
    require_admin()
    name = request.form.get("name", "").strip()
    if not 1 <= len(name) <= 100:
        raise InvalidRequest("A token needs a name of 1 to 100 characters.")
    with the_post().change() as change:
        secret = make_token(change.connection, name, at=change.at)
    return _page(new_token=secret)


@blueprint.post("/app/settings/tokens/<token_id>/revoke")
def revoke(token_id: str) -> Response:
    """Make a token invalid from now on."""
    require_admin()
    with the_post().change() as change:
        revoke_token(change.connection, token_id, at=change.at)
    return redirect("/app/settings#tokens", code=303)


@blueprint.post("/app/settings/suppressions")
def suppress() -> Response:
    """Keep numbers from being sent to.

    Raises:
        InvalidRequest: no number.
    """
    given = [each for each in re.split(r"[\n,;]+", request.form.get("numbers", "")) if each.strip()]
    if not given:
        raise InvalidRequest("Write at least one number.")
    numbers = parse_stops(given[:10_000])
    note = request.form.get("note", "").strip()[:500]
    with the_post().change() as change:
        add_suppressions(
            change.connection, numbers, reason="person", note=note, created_by=caller().label, at=change.at
        )
    return redirect("/app/settings#suppressions", code=303)


@blueprint.post("/app/settings/suppressions/<number>/remove")
def unsuppress(number: str) -> Response:
    """Let a number be sent to again."""
    with the_post().change() as change:
        remove_suppression(change.connection, number)
    return redirect("/app/settings#suppressions", code=303)
