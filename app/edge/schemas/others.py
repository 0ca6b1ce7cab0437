"""Suppressions, operators, senders, inbound messages."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from app.edge.schemas.shapes import In, Out

NumberGiven = Annotated[Any, WithJsonSchema({"type": "string"})]
"""Whatever came: one of the wrong kind is told beside all other bad ones."""


class SuppressionIn(In):
    """Numbers that must not be sent to."""

    numbers: list[NumberGiven] = Field(min_length=1, max_length=10_000)
    note: str = Field(default="", max_length=500)


class NumberQuery(In):
    """Which number."""

    number: str = Field(min_length=1, max_length=60)


class SuppressionOut(Out):
    """A number that is not sent to, and why."""

    number: str
    reason: str = Field(description="keyword (a STOP), phrase (sounded like one) or person")
    note: str
    created_at: datetime
    created_by: str


class SuppressionPageOut(Out):
    """Some suppressed numbers, in their order."""

    items: list[SuppressionOut]
    next: str | None


class SuppressionsAddedOut(Out):
    """What was added."""

    numbers: list[str]
    added: int = Field(description="How many were not suppressed before.")


class OperatorIn(In):
    """What an admin knows better; a new operator needs name and country."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$")
    openmarket_id: int | None = Field(default=None, ge=1, lt=2**31, description="null = not known any more.")
    profile_by_kind: dict[str, str] | None = Field(
        default=None, description="A kind that is left out keeps its profile; universal where it has none."
    )
    side_pixels: int | None = Field(
        default=None, ge=0, le=10_000, description="0 = that of the profile; else 160 or more."
    )
    max_bytes: int | None = Field(default=None, ge=0, le=100_000_000, description="0 = that is not known.")
    source: str | None = Field(default=None, max_length=500, description="Where the figures come from.")
    dated: date | None = None


class OperatorOut(Out):
    """A mobile operator; ``edited`` says that this installation changed it."""

    id: str
    name: str
    country: str
    openmarket_id: int | None
    profile_by_kind: dict[str, str]
    side_pixels: int
    max_bytes: int
    source: str
    dated: date
    edited: bool


class OperatorChangedOut(OperatorOut):
    """An operator as it stands now."""

    advice: list[str] = Field(description="What the change means for recipients whose operator is not known.")


class OperatorsOut(Out):
    """All operators."""

    items: list[OperatorOut]


class SenderOut(Out):
    """A source for one country."""

    id: str
    country: str
    source: str
    kind: str
    mt_config: str
    tps: int


class SendersOut(Out):
    """The senders that serve, one for each country."""

    items: list[SenderOut]


class InboundOut(Out):
    """A message from a handset."""

    id: str
    mo_id: str
    source: str
    destinations: list[str]
    received_at: datetime
    sent_at: datetime | None
    operator_id: int | None
    subject: str
    text: str
    part_types: list[str]
    part_urls: list[str | None] = Field(
        description="Where each part is shown: text as text, a picture encoded anew; null = a kind that is not shown."
    )
    judged: str


class InboundPageOut(Out):
    """Some inbound messages, newest first."""

    items: list[InboundOut]
    next: str | None
