"""Campaigns and messages."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Discriminator, Field, Tag, WithJsonSchema

from app.duties.campaigns import DraftChange, Order
from app.edge.schemas.assets import ChoiceIn, RenditionOut
from app.edge.schemas.shapes import In, Out
from app.model.messages import AssetPart, TextPart


class TextPartIn(In):
    """A piece of text."""

    text: str = Field(max_length=20_000)

    def noun(self) -> TextPart:
        """Give the part."""
        return TextPart(self.text)


class AssetPartIn(ChoiceIn):
    """A piece of media, as it is, or in a form and cut of one's choice."""

    asset_id: str = Field(max_length=60)

    def noun(self) -> AssetPart:
        """Give the part."""
        return AssetPart(self.asset_id, self.choice())


def _kind_of_part(part: Any) -> str:
    """Tell which of the two a part is meant to be, so that only what is wrong with that one is told."""
    is_text = isinstance(part, TextPartIn) or (isinstance(part, dict) and "text" in part)
    return "text" if is_text else "asset"


PartIn = Annotated[
    Annotated[TextPartIn, Tag("text")] | Annotated[AssetPartIn, Tag("asset")], Discriminator(_kind_of_part)
]


class RecipientIn(In):
    """A number, and the operator where it is really known."""

    number: str = Field(max_length=60)
    operator_id: int | None = Field(default=None, ge=1, lt=2**31)


RecipientGiven = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, RecipientIn.model_json_schema()]})]
"""Whatever came: one of the wrong kind is told beside all other bad ones, by :func:`app.compose.numbers.parse_recipients`."""


class ContentIn(In):
    """What is sent, and how; shared by campaigns, previews and single messages."""

    parts: list[PartIn] = Field(min_length=1, max_length=50)
    subject: str | None = Field(default=None, max_length=2000)
    source: str | None = Field(default=None, max_length=40, description="Overrides the sender of each country.")
    mt_config: str | None = Field(default=None, max_length=100)
    profile: str = Field(default="auto", max_length=40, description="auto, or the name of a profile")
    name: str | None = Field(default=None, max_length=2000)

    def order(self, recipients: list[RecipientGiven], *, send_at: datetime | None = None, start: bool = True) -> Order:
        """Give the order that duties check and carry out."""
        return Order(
            parts=tuple(part.noun() for part in self.parts),
            recipients=recipients,
            subject=self.subject or "",
            name=self.name or "",
            source=self.source or "",
            mt_config=self.mt_config or "",
            profile=self.profile,
            send_at=send_at,
            start=start,
        )


class CampaignIn(ContentIn):
    """A campaign to send, now, later or as a draft."""

    recipients: list[RecipientGiven] = Field(max_length=200_000)
    send_at: AwareDatetime | None = None
    start: bool = Field(default=True, description="false = keep it as a draft")


class PreviewIn(ContentIn):
    """A dry run; without recipients, for the profile named, or universal."""

    recipients: list[RecipientGiven] = Field(default_factory=list, max_length=200_000)
    send_at: AwareDatetime | None = None
    start: bool = True


class MessageIn(ContentIn):
    """A campaign of one."""

    to: RecipientGiven


class RecipientsIn(In):
    """Numbers to check."""

    recipients: list[RecipientGiven] = Field(max_length=200_000)


class TestIn(In):
    """A test to a few numbers of one's own."""

    recipients: list[RecipientGiven] = Field(min_length=1, max_length=50)


class DraftIn(In):
    """What is to be changed of a draft; what is left out stays as it is. A scheduled campaign takes a name and a subject."""

    name: str | None = Field(default=None, max_length=2000)
    subject: str | None = Field(default=None, max_length=2000)
    parts: list[PartIn] | None = Field(default=None, min_length=1, max_length=50)
    recipients: list[RecipientGiven] | None = Field(
        default=None, max_length=200_000, description="All of them: these take the place of the earlier ones."
    )
    profile: str | None = Field(default=None, max_length=40, description="auto, or the name of a profile")
    send_at: AwareDatetime | None = Field(default=None, description="null = as soon as it is started")

    def change(self) -> DraftChange:
        """Give the change that duties check and carry out."""
        return DraftChange(
            name=self.name,
            subject=self.subject,
            parts=None if self.parts is None else tuple(part.noun() for part in self.parts),
            recipients=self.recipients,
            profile=self.profile,
            send_at=self.send_at,
            moves_time="send_at" in self.model_fields_set,
        )


class UnknownOut(Out):
    """What is known about messages of which nobody knows whether they were accepted."""

    unknown: int
    since: datetime = Field(description="When the first of them was tried.")
    unmatched_reports: int = Field(
        description="Reports since then, until 72 hours after the last was tried, with an mtId that no attempt has."
    )
    unmatched_mt_ids: int = Field(description="How many different mtIds those have.")
    reported_at_most: int = Field(description="How many of the unknown messages those can be about, at most.")
    unknown_elsewhere: int = Field(description="Unknown messages of other campaigns that they may be about as well.")
    sentence: str
    advice: str = Field(description="What a person can do.")


class CampaignOut(Out):
    """A campaign and how far it is; ``counts`` has a figure for each state of a message."""

    id: str
    name: str
    state: str
    subject: str
    source: str
    mt_config: str
    profile: str
    parts: list[dict[str, Any]]
    counts: dict[str, int]
    recipients: int
    pause_reason: str
    created_at: datetime
    created_by: str
    send_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    unknown_note: UnknownOut | None = Field(
        default=None, description="Of one campaign, when some of its messages are unknown; lists leave it out."
    )
    resent: int | None = Field(default=None, description="After resend-...: how many messages are pending again.")


class CampaignPageOut(Out):
    """Some campaigns, newest first."""

    items: list[CampaignOut]
    next: str | None


class ReportOut(Out):
    """A delivery report."""

    status: str
    outcome_id: int | None
    description: str
    received_at: datetime
    reported_at: datetime | None
    user_agent: str
    request_id: str
    attempt_id: str
    moved: bool = Field(description="It changed the message's state.")
    contradicts: bool = Field(description="It disagrees with the final one, which stands.")


class AttemptOut(Out):
    """One try."""

    id: str
    state: str
    endpoint: str
    started_at: datetime
    answered_at: datetime | None
    http_status: int
    request_id: str
    mt_id: str
    code: int
    description: str
    answer: str = Field(
        description="The beginning of what came back, as it came; where nothing did, why, as libcurl says it."
    )


class HandsetOut(Out):
    """What reports and replies told of a number last."""

    user_agent: str
    user_agent_at: datetime | None
    operator_id: int | None = Field(description="As OpenMarket numbers operators; named by a reply.")
    operator_at: datetime | None


class MessageOut(Out):
    """One campaign to one recipient; the facts are those of the latest attempt."""

    id: str
    campaign_id: str
    number: str
    country: str
    operator_id: int | None
    profile: str
    side_pixels: int = Field(description="The operator's own longest side; 0 = that of the profile.")
    state: str
    mt_id: str
    request_id: str
    problem: str
    attempts: int
    attempt_history: list[AttemptOut]
    reports: list[ReportOut]
    updated_at: datetime
    handset: HandsetOut | None = Field(
        default=None, description="What is known of the number's handset; of one message only, lists leave it out."
    )


class MessagePageOut(Out):
    """Some messages of a campaign."""

    items: list[MessageOut]
    next: str | None


class PreviewPartOut(Out):
    """A part as it would go out, in display order."""

    text: str | None = None
    url: str | None = None
    content_type: str = "text/plain"
    bytes: int
    width: int = 0
    height: int = 0
    given_up: list[str] = Field(default_factory=list)
    untouched: bool = False
    asset_id: str | None = None
    budget_bytes: int | None = Field(default=None, description="What this piece may have, beside the other parts.")
    rendition: RenditionOut | None = Field(default=None, description="Where the bytes come from, with all figures.")
    poster_url: str | None = None


class PreviewItemOut(Out):
    """What everybody of one profile would get."""

    profile: str
    side_pixels: int = Field(description="The longest side: the profile's, or the operator's own.")
    limit_bytes: int
    media_bytes: int = Field(description="What all media of the message may have together.")
    message_bytes: int
    recipients: int
    suppressed: int = Field(description="How many of these recipients are suppressed, and get nothing.")
    reason: str = Field(description="Why it is this limit, in words.")
    sender: dict[str, Any]
    parts: list[PreviewPartOut]
    advice: list[str]
    content_type: str
    body: str = Field(description="The exact bytes of the first request, as text.")


class PreviewOut(Out):
    """A dry run, one entry for each profile that the recipients need; nothing was sent."""

    subject: str
    suppressed: int = Field(description="How many of all recipients are suppressed, and get nothing.")
    advice: list[str] = Field(description="What is to be known before sending, in sentences.")
    previews: list[PreviewItemOut]


class RecipientsOut(Out):
    """All numbers can be sent to, but for those that are suppressed: a campaign takes them and sends them nothing."""

    recipients: int
    duplicates: int
    suppressed: int
    suppressed_numbers: list[str] = Field(description="The first 100 of them.")
    advice: list[str] = Field(description="What is to be known before sending, in sentences.")
    countries: dict[str, int]
    warnings: list[dict[str, str]]
