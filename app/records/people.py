"""Users, API tokens, one-time sign-in links. Secrets are kept as hashes; the secret itself is shown once.

Tokens and links are 256 bits of chance, so one SHA-256 is enough; passwords are hashed with argon2 by the caller.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.errors import InvalidRequest, NotFound
from app.model.ids import new_id
from app.records.tables import sign_in_links, tokens, users


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in; sessions of an older ``epoch`` are signed out."""

    id: str
    name: str
    password_hash: str
    epoch: int
    admin: bool


@dataclass(frozen=True, slots=True)
class Token:
    """An API token without its secret."""

    id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _user(row: sa.Row[Any]) -> User:
    return User(row.id, row.name, row.password_hash, row.epoch, row.admin)


def save_user(connection: sa.Connection, name: str, password_hash: str, *, admin: bool, at: datetime) -> User:
    """Create a user, or give one a new password, which signs all of its sessions out."""
    known = find_user(connection, name)
    if known is None:
        connection.execute(
            sa.insert(users).values(
                id=new_id("usr"), name=name, password_hash=password_hash, epoch=1, admin=admin, created_at=at
            )
        )
    elif password_hash:
        connection.execute(
            sa.update(users).where(users.c.id == known.id).values(password_hash=password_hash, epoch=known.epoch + 1)
        )
    return _user(connection.execute(sa.select(users).where(users.c.name == name)).one())


def find_user(connection: sa.Connection, name: str) -> User | None:
    """Find a user by name."""
    row = connection.execute(sa.select(users).where(users.c.name == name)).one_or_none()
    return _user(row) if row else None


def get_user(connection: sa.Connection, user_id: str) -> User | None:
    """Read a user by id, as a session names it."""
    row = connection.execute(sa.select(users).where(users.c.id == user_id)).one_or_none()
    return _user(row) if row else None


def make_sign_in_link(connection: sa.Connection, user: User, *, at: datetime, lifetime: timedelta) -> str:
    """Make the secret of a link that signs ``user`` in once."""
    secret = secrets.token_urlsafe(32)
    connection.execute(
        sa.insert(sign_in_links).values(hash=_hash(secret), user_id=user.id, expires_at=at + lifetime, used_at=None)
    )
    return secret


def use_sign_in_link(connection: sa.Connection, secret: str, *, at: datetime) -> User | None:
    """Use a link up; None when it is unknown, used or too old."""
    row = connection.execute(
        sa.update(sign_in_links)
        .where(
            sign_in_links.c.hash == _hash(secret),
            sign_in_links.c.used_at.is_(None),
            sign_in_links.c.expires_at > at,
        )
        .values(used_at=at)
        .returning(sign_in_links.c.user_id)
    ).one_or_none()
    return get_user(connection, row.user_id) if row else None


def make_token(connection: sa.Connection, name: str, *, at: datetime) -> str:
    """Make an API token; the secret is shown this once.

    Raises:
        InvalidRequest: a token that is not revoked has this name.
    """
    if connection.scalar(sa.select(tokens.c.id).where(tokens.c.name == name, tokens.c.revoked_at.is_(None))):
        raise InvalidRequest(f"There is a token named {name} already; choose another name.", field="name")
    secret = f"pc_{secrets.token_urlsafe(32)}"
    connection.execute(sa.insert(tokens).values(id=new_id("tok"), name=name, hash=_hash(secret), created_at=at))
    return secret


def use_token(connection: sa.Connection, secret: str) -> Token | None:
    """Find the living token with this secret."""
    row = connection.execute(
        sa.select(tokens).where(tokens.c.hash == _hash(secret), tokens.c.revoked_at.is_(None))
    ).one_or_none()
    return _token(row) if row else None


def note_token_used(connection: sa.Connection, token_id: str, *, at: datetime) -> None:
    """Remember when a token was last used; the caller does so once a minute at most."""
    connection.execute(sa.update(tokens).where(tokens.c.id == token_id).values(last_used_at=at))


def list_tokens(connection: sa.Connection) -> Sequence[Token]:
    """List tokens that are not revoked."""
    query = sa.select(tokens).where(tokens.c.revoked_at.is_(None)).order_by(tokens.c.id)
    return [_token(row) for row in connection.execute(query)]


def revoke_token(connection: sa.Connection, token_id: str, *, at: datetime) -> None:
    """Make a token invalid from now on.

    Raises:
        NotFound: no such token, or it was revoked before.
    """
    done = connection.execute(
        sa.update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    if done.rowcount == 0:
        raise NotFound("There is no such token.")


def _token(row: sa.Row[Any]) -> Token:
    return Token(row.id, row.name, row.created_at, row.revoked_at, row.last_used_at)
