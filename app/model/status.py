"""The state machine of messages and campaigns: pure, and the only place that says what may follow what.

A message: pending -> sending -> accepted | refused | unknown | pending (certainly not accepted) ; unknown -> accepted ;
accepted -> forwarded, deferred, or a final one. Reports never move a message backwards: rank decides, and the first final
one stands. No_report is given after 72 hours of silence and yields to any late report.
"""

from enum import StrEnum


class MessageState(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    FORWARDED = "forwarded"
    DEFERRED = "deferred"
    RETRIEVED = "retrieved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    NOT_SUPPORTED = "not_supported"
    UNRECOGNIZED = "unrecognized"
    INDETERMINATE = "indeterminate"
    NO_REPORT = "no_report"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class OutcomeKind(StrEnum):
    """What one request came to; see send/codes.py for how an answer is read."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


# OpenMarket's status words (reference: delivery report page) -> our state. What is not here changes no state.
REPORT_STATES: dict[str, MessageState] = {
    "Retrieved": MessageState.RETRIEVED,
    "Deferred": MessageState.DEFERRED,
    "Forwarded": MessageState.FORWARDED,
    "Rejected": MessageState.REJECTED,
    "Expired": MessageState.EXPIRED,
    "Indeterminate": MessageState.INDETERMINATE,
    "Unrecognized": MessageState.UNRECOGNIZED,
    "Unreachable": MessageState.UNREACHABLE,
    "NotSupported": MessageState.NOT_SUPPORTED,
}

# Silence and its end: no_report ranks just above accepted, so any report that says more moves it.
_RANK: dict[MessageState, int] = {
    MessageState.ACCEPTED: 1,
    MessageState.NO_REPORT: 2,
    MessageState.FORWARDED: 3,
    MessageState.DEFERRED: 4,
    MessageState.RETRIEVED: 5,
    MessageState.REJECTED: 5,
    MessageState.EXPIRED: 5,
    MessageState.UNREACHABLE: 5,
    MessageState.NOT_SUPPORTED: 5,
    MessageState.UNRECOGNIZED: 5,
    MessageState.INDETERMINATE: 5,
}
FINAL_BY_REPORT = frozenset(state for state, rank in _RANK.items() if rank == 5)
ENDED = FINAL_BY_REPORT | {
    MessageState.REFUSED,
    MessageState.SUPPRESSED,
    MessageState.CANCELLED,
    MessageState.NO_REPORT,
}
RESENDABLE = frozenset(
    {
        MessageState.REFUSED,
        MessageState.REJECTED,
        MessageState.EXPIRED,
        MessageState.UNREACHABLE,
    }
)

_AFTER_OUTCOME = {
    OutcomeKind.ACCEPTED: MessageState.ACCEPTED,
    OutcomeKind.REFUSED: MessageState.REFUSED,
    OutcomeKind.UNKNOWN: MessageState.UNKNOWN,
    OutcomeKind.NOT_SENT: MessageState.PENDING,
}


def after_outcome(outcome: OutcomeKind, *, attempts_left: bool) -> MessageState:
    """Tell where a *sending* message goes: only what certainly was not accepted may become pending again."""
    if outcome is OutcomeKind.NOT_SENT and not attempts_left:
        return MessageState.REFUSED
    return _AFTER_OUTCOME[outcome]


def after_report(now: MessageState, status: str) -> MessageState | None:
    """Tell where a report with ``status`` moves a message that stands at ``now``; None = nowhere.

    An unknown status moves nothing. A message whose answer was lost (unknown, or still sending) is known to be accepted
    by its report. What never left (pending, refused, suppressed, cancelled) is not moved.
    """
    told = REPORT_STATES.get(status)
    if told is None:
        return None
    if now in {MessageState.UNKNOWN, MessageState.SENDING}:
        return told
    rank = _RANK.get(now)
    return told if rank is not None and _RANK[told] > rank else None


_CAMPAIGN_MOVES: dict[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset({CampaignState.SCHEDULED, CampaignState.PREPARING, CampaignState.CANCELLED}),
    CampaignState.SCHEDULED: frozenset({CampaignState.PREPARING, CampaignState.DRAFT, CampaignState.CANCELLED}),
    CampaignState.PREPARING: frozenset({CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.CANCELLED}),
    CampaignState.RUNNING: frozenset({CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED}),
    CampaignState.PAUSED: frozenset({CampaignState.PREPARING, CampaignState.CANCELLED}),
    CampaignState.FINISHED: frozenset({CampaignState.PREPARING}),
    CampaignState.CANCELLED: frozenset(),
}
UNFINISHED = frozenset(CampaignState) - {CampaignState.FINISHED, CampaignState.CANCELLED}


def may_move(now: CampaignState, then: CampaignState) -> bool:
    """Tell whether a campaign may go from ``now`` to ``then``; resuming goes through *preparing*, which checks again."""
    return then in _CAMPAIGN_MOVES[now]
