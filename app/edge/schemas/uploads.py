"""Uploads that go straight to the store."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.edge.schemas.shapes import In, Out

_SHA256 = r"^[0-9a-f]{64}$"


class UploadIn(In):
    """What will be sent."""

    filename: str = Field(min_length=1, max_length=1000, examples=["summer.mp4"])
    bytes: int = Field(ge=0, le=10**13)
    content_type: str = Field(default="", max_length=200)
    sha256: str = Field(
        default="", pattern=r"^([0-9a-f]{64})?$", description="Needed for a file that fits into one part."
    )


class PartIn(In):
    """One part that is to be sent next."""

    number: int = Field(ge=1, le=10_000)
    sha256: str = Field(pattern=_SHA256, description="Of this part alone.")


class PartsIn(In):
    """Parts to sign requests for."""

    parts: list[PartIn] = Field(min_length=1, max_length=100)


class CompleteIn(In):
    """What was sent."""

    parts: list[PartIn] = Field(default=[], max_length=10_000, description="All parts; none for a single PUT.")


class SignedOut(Out):
    """A request to send one part with, within an hour: these headers, and exactly these bytes."""

    number: int
    method: str
    url: str
    headers: dict[str, str]
    bytes: int


class SignedPageOut(Out):
    """Signed requests."""

    parts: list[SignedOut]


class ReceivedOut(Out):
    """A part that the store has."""

    number: int
    bytes: int
    sha256: str


class UploadOut(Out):
    """Where an upload stands."""

    id: str
    state: str = Field(description="open, arrived (whole, being taken in), done (`asset_id`) or failed (`failure`)")
    filename: str
    bytes: int
    part_bytes: int = Field(description="Length of each part but the last; one part = a single PUT.")
    part_count: int
    received: list[ReceivedOut] = Field(description="What need not be sent again, while it is open.")
    signed: list[SignedOut] = Field(description="For a single PUT its request; parts are signed by `POST .../parts`.")
    asset_id: str | None
    failure: dict[str, Any] | None
    created_at: datetime
