"""Who is calling: a signed-in user by the session, or a program by its token. Every address is closed unless listed here."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from apiflask import APIFlask
from flask import g, request, session

from app.edge.context import the_post
from app.errors import Forbidden, NotSignedIn
from app.records.people import User, get_user, note_token_used, use_token

OPEN_ENDPOINTS = frozenset(
    {
        "callbacks.take",
        "health.healthz",
        "health.readyz",
        "docs.errors",
        "sign_in.show",
        "sign_in.submit",
        "static",
        "home",
        "favicon",
    }
)
_USED_NOTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Caller:
    """Somebody who was let in; ``id`` is the user's or the token's."""

    id: str
    name: str
    kind: Literal["user", "token"]
    admin: bool

    @property
    def label(self) -> str:
        """How the records name this caller."""
        return self.name if self.kind == "user" else f"token {self.name}"


def caller() -> Caller:
    """Name who is calling.

    Raises:
        NotSignedIn: nobody that we know.
    """
    found: Caller | None = g.get("caller")
    if found is None:
        raise NotSignedIn("This needs a signed-in user or a token.")
    return found


def require_admin() -> Caller:
    """Let only admins pass; a token acts for the admin who made it.

    Raises:
        Forbidden: a user without that right.
    """
    found = caller()
    if not found.admin:
        raise Forbidden("Only an admin may do this.")
    return found


def install(app: APIFlask) -> None:
    """Ask who is calling before anything else; closed addresses let nobody else in."""

    @app.before_request
    def _let_in() -> None:
        # A callback's secret decides; whatever else OpenMarket or a proxy adds does not.
        if request.endpoint == "callbacks.take":
            g.caller = None
            return
        g.caller = _by_token() or (_by_session() if request.endpoint != "static" else None)
        if g.caller is None and request.endpoint is not None and request.endpoint not in OPEN_ENDPOINTS:
            raise NotSignedIn("This needs a signed-in user or a token.")


def _by_token() -> Caller | None:
    """Find the caller of an Authorization header.

    Raises:
        NotSignedIn: a token came, and it is not valid (a session does not make up for it).
    """
    header = request.headers.get("Authorization", "")
    if not header:
        return None
    scheme, _, secret = header.partition(" ")
    post = the_post()
    with post.database.read() as connection:
        token = use_token(connection, secret.strip()) if scheme.lower() == "bearer" else None
        now = post.database.now(connection)
    if token is None:
        raise NotSignedIn("This token is not valid.")
    if token.last_used_at is None or now - token.last_used_at > _USED_NOTE:
        with post.change() as change:
            note_token_used(change.connection, token.id, at=change.at)
    return Caller(token.id, token.name, "token", admin=True)


def _by_session() -> Caller | None:
    user_id = session.get("user")
    if not user_id:
        return None
    with the_post().database.read() as connection:
        user = get_user(connection, str(user_id))
    if user is None or user.epoch != session.get("epoch"):
        session.clear()
        return None
    return Caller(user.id, user.name, "user", admin=user.admin)


def sign_in(user: User) -> None:
    """Begin a session; what stood in the cookie before is dropped."""
    session.clear()
    session["user"] = user.id
    session["epoch"] = user.epoch
    session.permanent = True
