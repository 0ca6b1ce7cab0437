"""Which profile a recipient gets, and what it leaves for one piece of media."""

from collections.abc import Iterable
from dataclasses import replace

from app.errors import InvalidRequest
from app.limits.rows import operators, profile_named, profiles
from app.model.media import Budget, Operator, Profile
from app.model.messages import SenderKind

RESERVED_BYTES = 4096
"""What a message keeps for its text and headers when it carries one piece of media."""

DEFAULT_PROFILE = "universal"
"""What every asset is fitted to at once; also that of countries that are not known."""


def limit_named(name: str, side_pixels: int = 0) -> Profile:
    """Look a profile up, with an operator's own side in place of its own where there is one (0 = none).

    Raises InvalidRequest when there is no profile of this name.
    """
    profile = profile_named(name)
    return replace(profile, side_pixels=side_pixels) if side_pixels else profile


def profile_for(operator: Operator, kind: SenderKind) -> Profile:
    """Tell the profile of a known operator, with the operator's own side where it has one.

    Rule: what the row names for this kind of sender, universal where it names nothing; in place of one that is more than the
    operator takes, the largest that is not. Rows of an installation may be older than what an edit is checked for today.

    Raises:
        InvalidRequest: an edited row names a profile that does not exist, or the operator takes less than any profile is.
    """
    wanted = profile_named(operator.profile_by_kind.get(kind.value, DEFAULT_PROFILE)).max_bytes
    most = min(wanted, operator.max_bytes or wanted)
    within = [each for each in profiles().values() if each.max_bytes <= most]
    if not within:
        raise InvalidRequest(
            f"{operator.name} takes {operator.max_bytes:,} bytes; {_smallest_in_words()}, so nothing can be made for it. "
            f"An admin can correct max_bytes with PUT /operators/{operator.id}.",
            field="recipients",
        )
    return limit_named(max(within, key=_bytes).name, operator.side_pixels)


def require_reachable(max_bytes: int) -> None:
    """Refuse what an operator is said to take when no message would be short enough; 0 = that is not known.

    Raises:
        InvalidRequest: it is less than the smallest profile.
    """
    if 0 < max_bytes < min(map(_bytes, profiles().values())):
        message = f"{_smallest_in_words()}; write that or more, or 0 where it is not known"
        raise InvalidRequest(
            f"Nothing could be sent to an operator that takes {max_bytes:,} bytes: {message}.",
            errors=[{"field": "max_bytes", "message": message}],
        )


def _smallest_in_words() -> str:
    least = min(profiles().values(), key=_bytes)
    return f"the smallest message is that of {least.name}, {least.max_bytes:,} bytes"


def _bytes(profile: Profile) -> int:
    return profile.max_bytes


def auto_profile(
    country: str, kind: SenderKind, operator: Operator | None = None, *, known: Iterable[Operator] | None = None
) -> Profile:
    """Choose the profile of a recipient.

    Rule: the operator's own limit when it is known; otherwise the smallest among the operators of the country for
    this kind of sender (US short code 590,000, US toll-free 490,000, GB, IE and AU 290,000); docs/limits.md.

    Args:
        country: ISO 3166 alpha-2, of the recipient.
        kind: of the sender.
        operator: the recipient's, only when it is really known.
        known: all operators with the installation's edits; default: those that are shipped.

    Raises:
        InvalidRequest: as :func:`profile_for`, for any operator that it may be.
    """
    if operator is not None:
        return profile_for(operator, kind)
    rows = operators().values() if known is None else known
    names = {profile_for(row, kind).name for row in rows if row.country == country}
    return min(map(profile_named, names or {DEFAULT_PROFILE}), key=_bytes)


def budget_of(profile: Profile, *, reserved_bytes: int = RESERVED_BYTES) -> Budget:
    """Tell what ``profile`` leaves for one piece of media when ``reserved_bytes`` are kept for the rest."""
    return Budget(max(0, profile.max_bytes - reserved_bytes), profile.side_pixels)
