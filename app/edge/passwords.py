"""Passwords: argon2id with the library's defaults, and the same work for a name that nobody has."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hash_password(password: str) -> str:
    """Hash a password for keeping."""
    return _HASHER.hash(password)


def password_is_right(password: str, password_hash: str) -> bool:
    """Compare; an empty hash (no such user, or one without a password) costs the same and is never right."""
    try:
        return _HASHER.verify(password_hash or _nobodys(), password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody has this password")
