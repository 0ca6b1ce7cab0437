"""How this copy is set up: senders, limits, the state of its parts, tokens, and who must not be sent to."""

import re

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.compose.numbers import parse_stops
from app.edge.auth import caller, require_admin
from app.edge.context import edge, path_for_log, the_post
from app.edge.health import state_of_parts
from app.edge.problems import STATUS
from app.errors import InvalidRequest, Rejected
from app.host.lease import lifecycle_is_long_enough
from app.limits import profiles
from app.records.audit import list_audit
from app.records.people import list_tokens, make_token, revoke_token
from app.records.senders import active_senders
from app.records.suppressions import add_suppressions, count_suppressions, list_suppressions, remove_suppression
from app.send.endpoints import sandbox_page
from app.telemetry import log_error

SHOWN_SUPPRESSIONS = 20
MOST_AT_ONCE = 10_000

blueprint = Blueprint("settings_page", __name__)


@blueprint.get("/app/settings")
def show() -> str:
    """Show everything."""
    return _page()


def _page(*, new_token: str = "", refusal: tuple[str, Rejected] | None = None) -> str:
    """Show the settings; ``refusal`` is a section and what is wrong with what was typed there, which stays typed."""
    post = the_post()
    settings = post.settings
    with post.database.read() as connection:
        senders = active_senders(connection)
        tokens = list_tokens(connection)
        sought = re.sub(r"\D", "", request.args.get("number", ""))[:15]
        suppressions = list_suppressions(connection, beginning=sought, limit=SHOWN_SUPPRESSIONS)
        suppressed = count_suppressions(connection)
        audit = list_audit(connection, limit=50) if caller().admin else []
    days = edge().lifecycle_days()
    enough, wrong = lifecycle_is_long_enough(days, settings.lease.minimum_days)
    return render_template(
        "settings.html",
        senders=[senders[country] for country in sorted(senders)],
        profiles=profiles().values(),
        checks=state_of_parts(),
        lifecycle={"days": days, "enough": enough, "wrong": wrong, "minimum_days": settings.lease.minimum_days},
        endpoints=[{"url": url, "page": sandbox_page(url)} for url in settings.openmarket.endpoints],
        live=settings.live,
        tps=settings.openmarket.tps,
        public_base_url=settings.public.base_url,
        tokens=tokens,
        new_token=new_token,
        suppressions=suppressions,
        suppressed=suppressed,
        sought=sought,
        shown_suppressions=SHOWN_SUPPRESSIONS,
        section=refusal[0] if refusal else "",
        problem=refusal[1] if refusal else None,
        audit=audit,
    )


@blueprint.post("/app/settings/tokens")
def create_token() -> str | tuple[str, int]:
    """Make a token and show its secret this once."""
    require_admin()
    try:
        return _page(new_token=_make_token(request.form.get("name", "").strip()))
    except Rejected as error:
        return _refused("tokens", error)


def _make_token(name: str) -> str:
    """Make a token.

    Raises:
        InvalidRequest: no name, a very long one, or one that is in use.
    """
    if not 1 <= len(name) <= 100:
        raise InvalidRequest("A token needs a name of 1 to 100 characters.")
    with the_post().change() as change:
        return make_token(change.connection, name, at=change.at)


def _refused(section: str, error: Rejected) -> tuple[str, int]:
    """Show the settings again, and what is wrong beside what was typed."""
    status = STATUS[error.slug]
    log_error("request refused", error, path=path_for_log(), status=status)
    return _page(refusal=(section, error)), status


@blueprint.post("/app/settings/tokens/<token_id>/revoke")
def revoke(token_id: str) -> Response:
    """Make a token invalid from now on."""
    require_admin()
    with the_post().change() as change:
        revoke_token(change.connection, token_id, at=change.at)
    return redirect("/app/settings#tokens", code=303)


@blueprint.post("/app/settings/suppressions")
def suppress() -> Response | tuple[str, int]:
    """Keep numbers from being sent to."""
    try:
        _suppress()
    except Rejected as error:
        return _refused("suppressions", error)
    return redirect("/app/settings#suppressions", code=303)


def _suppress() -> None:
    """Keep the numbers of the form from being sent to.

    Raises:
        InvalidRequest: there is none, or more than one call takes.
    """
    given = [each for each in re.split(r"[\n\t,;]+|\s+(?=\+)", request.form.get("numbers", "")) if each.strip()]
    if not given:
        raise InvalidRequest("Write at least one number.")
    if len(given) > MOST_AT_ONCE:
        raise InvalidRequest(f"{len(given):,} numbers are too many at once; {MOST_AT_ONCE:,} are possible.")
    numbers = parse_stops(given)
    note = request.form.get("note", "").strip()[:500]
    with the_post().change() as change:
        add_suppressions(
            change.connection, numbers, reason="person", note=note, created_by=caller().label, at=change.at
        )


@blueprint.post("/app/settings/suppressions/<number>/remove")
def unsuppress(number: str) -> Response:
    """Let a number be sent to again."""
    with the_post().change() as change:
        remove_suppression(change.connection, number)
    return redirect("/app/settings#suppressions", code=303)
