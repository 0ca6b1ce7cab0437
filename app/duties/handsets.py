"""What reports and inbound messages tell of a handset, kept under a keyed hash of its number.

The operator that an inbound message names chooses a rendition later. It is never sent as ``mobileOperatorId``: numbers
move between operators, and only the caller may know better.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from app.duties.postcard import Change, Postcard
from app.model.messages import Inbound, Recipient, Report
from app.records.database import Connection
from app.records.handsets import (
    Handset,
    Learnt,
    any_operator_learnt,
    find_handset,
    learn_handsets,
    operators_learnt,
)

BELIEVED = timedelta(days=90)
"""Ours: an operator that was named longer ago is not believed any more."""


def number_hash(post: Postcard, number: str) -> str:
    """Hash a number with the installation's key: the same number gives the same hash here, and nowhere else."""
    key = hashlib.sha256(b"handsets:" + post.settings.secret.key.encode()).digest()
    return hmac.new(key, number.encode(), "sha256").hexdigest()


def learn_from_reports(post: Postcard, change: Change, told: Iterable[Report], number_of: Mapping[str, str]) -> None:
    """Remember the handsets that delivery reports name; ``number_of`` maps the mtIds of what we sent to numbers."""
    learn_handsets(
        change.connection,
        [
            Learnt(
                number_hash(post, number_of[report.mt_id]),
                user_agent=report.user_agent,
                at=_told_at(report.reported_at, change),
            )
            for report in told
            if report.user_agent and report.mt_id in number_of
        ],
    )


def learn_from_inbound(post: Postcard, change: Change, message: Inbound) -> None:
    """Remember handset and operator that an inbound message names."""
    learnt = Learnt(
        number_hash(post, message.source),
        user_agent=message.user_agent,
        operator_id=message.operator_id,
        at=_told_at(message.sent_at, change),
    )
    learn_handsets(change.connection, [learnt])


def handset_of(post: Postcard, connection: Connection, number: str) -> Handset | None:
    """Tell what is known of the handset behind a number; None = nothing."""
    return find_handset(connection, number_hash(post, number))


def _told_at(said: datetime | None, change: Change) -> datetime:
    """Take OpenMarket's time, which orders what was repeated, but never one in the future."""
    return min(said, change.at) if said else change.at


def learnt_operators(
    post: Postcard, connection: Connection, recipients: Iterable[Recipient], *, at: datetime
) -> dict[str, int]:
    """Map those numbers whose caller named no operator to the operator that their own messages named."""
    since = at - BELIEVED
    if not any_operator_learnt(connection, since=since):
        return {}
    hashes = {number_hash(post, each.number): each.number for each in recipients if each.operator_id is None}
    found = operators_learnt(connection, list(hashes), since=since)
    return {hashes[each]: operator_id for each, operator_id in found.items()}
