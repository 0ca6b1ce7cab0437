"""Nouns of sending: parts, campaigns, messages, attempts, reports, senders."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.model.media import WHOLE, Choice
from app.model.status import CampaignState, MessageState, OutcomeKind


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of text, in its place among the parts."""

    text: str


@dataclass(frozen=True, slots=True)
class AssetPart:
    """A piece of media by the asset that it is made from; its rendition is made when the campaign is prepared."""

    asset_id: str
    choice: Choice = WHOLE


Part = TextPart | AssetPart


@dataclass(frozen=True, slots=True)
class LinkPart:
    """A rendition by link: the URL that OpenMarket fetches; ``bytes`` is the linked length."""

    url: str
    content_type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class EmbeddedPart:
    """Media inside the request, base64 on the wire; ``content`` are the raw bytes."""

    content: bytes
    content_type: str


SendablePart = TextPart | LinkPart | EmbeddedPart


class SenderKind(StrEnum):
    """What kind of number a source is; limits depend on it."""

    SHORT_CODE = "short_code"
    TOLL_FREE = "toll_free"
    VIRTUAL_MOBILE = "virtual_mobile"


@dataclass(frozen=True, slots=True)
class Sender:
    """A source for one country (ISO 3166 alpha-2): ``tps`` is messages per second, 0 = the account's."""

    id: str
    country: str
    source: str
    kind: SenderKind
    mt_config: str
    tps: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """A number in international format without +, its region, and what the caller said of the operator.

    ``warning`` is set for a number that is possible but not in any known range.
    """

    number: str
    country: str
    operator_id: int | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Parts, subject, source, mtConfig; ``source`` and ``mt_config`` empty = by the recipient's country.

    ``profile`` is a profile name or "auto". ``pause_reason`` says why it is paused, in words for a person.
    """

    id: str
    name: str
    subject: str
    source: str
    mt_config: str
    profile: str
    parts: tuple[Part, ...]
    state: CampaignState
    pause_reason: str
    created_at: datetime
    created_by: str
    send_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """One campaign to one recipient. ``mt_id``, ``request_id``, ``problem`` are those of the latest attempt.

    ``side_pixels`` is the operator's own longest side, 0 = that of the profile.
    """

    id: str
    campaign_id: str
    number: str
    country: str
    operator_id: int | None
    sender_id: str
    profile: str
    state: MessageState
    attempts: int
    mt_id: str
    request_id: str
    problem: str
    updated_at: datetime
    side_pixels: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request that is ready to leave.

    ``body`` is the whole multipart body, ``content_type`` names its boundary. ``may_leave`` is asked immediately before
    the first byte of the body is written: False = this claim is no longer ours, nothing may leave.
    """

    message_id: str
    attempt_id: str
    content_type: str
    body: bytes
    may_leave: Callable[[], bool]


@dataclass(slots=True)  # not frozen: that costs more than a microsecond for each message
class Outcome:
    """What became of one request.

    ``started_at`` is when the first byte of its body was handed over, or when it was tried, if none was. ``kind`` drives
    the state; ``pause`` is a sentence when the same would happen to everybody; ``slow_down`` asks the pacing to wait;
    ``drop_operator`` asks for one more attempt without mobileOperatorId. ``description`` is for a person; ``answer`` is for
    a support query: the first 2,000 characters of the body, and the library's words where it broke off, without secrets.
    """

    message_id: str
    attempt_id: str
    kind: OutcomeKind
    endpoint: str
    started_at: datetime
    answered_at: datetime | None
    http_status: int = 0
    request_id: str = ""
    mt_id: str = ""
    code: int = 0
    description: str = ""
    answer: str = ""
    pause: str = ""
    slow_down: bool = False
    drop_operator: bool = False

    @property
    def found_no_connection(self) -> bool:
        """Whether no endpoint took a connection: what we kept back ourselves does not ask to slow down."""
        return self.slow_down and not self.http_status

    @property
    def was_too_fast(self) -> bool:
        """Whether the gateway refused it for coming too fast (15406)."""
        return self.slow_down and self.http_status > 0


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report as it was understood; ``status`` is kept as it came, ``raw`` is the whole body.

    ``mt_id`` is text: an integer in the send answer, a string in the report, and beyond 2^53 in either.
    """

    mt_id: str
    status: str
    outcome_id: int | None
    description: str
    user_agent: str
    reported_at: datetime | None
    request_id: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class InboundPart:
    """One content part of an inbound message, decoded."""

    content_type: str
    content_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from a handset (MO)."""

    mo_id: str
    source: str
    destinations: tuple[str, ...]
    sent_at: datetime | None
    operator_id: int | None
    subject: str
    user_agent: str
    text: str
    parts: tuple[InboundPart, ...]
    raw: dict[str, Any]
