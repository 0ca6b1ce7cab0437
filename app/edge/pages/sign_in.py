"""Signing in and out: by a one-time link, or by name and password."""

from flask import Blueprint, redirect, render_template, request, session
from werkzeug.wrappers import Response

from app.edge.auth import sign_in
from app.edge.context import the_post
from app.edge.passwords import password_is_right
from app.edge.problems import STATUS
from app.errors import SignInFailed
from app.records.people import User, find_user, use_sign_in_link
from app.telemetry import log, log_error

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/app/sign-in")
def show() -> str:
    """Show the form; a link is used up only by its button, so that previews of the link do no harm."""
    return render_template("sign_in.html", link=request.args.get("link", ""), next=_next(), problem=None)


@blueprint.post("/app/sign-in")
def submit() -> Response | tuple[str, int]:
    """Sign in, or show the form again with the reason."""
    link = request.form.get("link", "")
    try:
        user = _by_link(link) if link else _by_password()
    except SignInFailed as error:
        log_error("sign-in failed", error, address=request.remote_addr)
        name = "" if link else request.form.get("name", "")[:100]
        page = render_template("sign_in.html", link="", next=_next(), problem=error, name=name)
        return page, STATUS[error.slug]
    sign_in(user)
    log.info("signed in", user=user.name, by="link" if link else "password")
    return redirect(_next(), code=303)


@blueprint.post("/app/sign-out")
def sign_out() -> Response:
    """End this session."""
    session.clear()
    return redirect("/app/sign-in", code=303)


def _by_link(secret: str) -> User:
    """Use a link up.

    Raises:
        SignInFailed: it was used, is too old, or never was.
    """
    with the_post().change() as change:
        user = use_sign_in_link(change.connection, secret[:200], at=change.at)
    if user is None:
        raise SignInFailed("This link was used before, or is too old.")
    return user


def _by_password() -> User:
    """Compare name and password; an unknown name costs the same.

    Raises:
        SignInFailed: one of them is wrong; nothing says which.
    """
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    with the_post().database.read() as connection:
        user = find_user(connection, name[:100])
    if not password_is_right(password[:1000], user.password_hash if user else "") or user is None:
        raise SignInFailed("Name or password is wrong.")
    return user


def _next() -> str:
    """Tell where to go after: only to a page of ours."""
    wanted = request.values.get("next", "")
    safe = wanted.startswith("/app/") and "\\" not in wanted and wanted.isprintable()
    return wanted if safe and not wanted.startswith("/app/sign-") else "/app/send"
