"""Assets and renditions."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.edge.schemas.shapes import In, Out


class UrlIn(In):
    """Fetch the media from here instead of uploading it."""

    url: str = Field(min_length=1, max_length=2048, examples=["https://example.com/summer-sale.jpg"])


class RenditionIn(In):
    """Which profile to fit to."""

    profile: str = Field(min_length=1, max_length=40, examples=["universal"])


class RenditionOut(Out):
    """An asset fitted to a budget and hosted."""

    id: str
    profile: str
    url: str
    url_expires_at: datetime | None = Field(
        default=None, description="When a signed link ends; it is signed anew whenever it is read. null = never."
    )
    content_type: str
    bytes: int
    width: int
    height: int
    sha256: str
    budget_bytes: int
    side_pixels: int
    given_up: list[str] = Field(description="Every loss, in words; empty when nothing was given up.")
    untouched: bool = Field(description="The hosted bytes are those of the upload.")
    quality: dict[str, Any]
    created_at: datetime
    stored_at: datetime | None
    last_requested_at: datetime | None
    available_until: datetime | None = Field(description="When the bucket's rule would remove it; null = never.")
    held_until: datetime | None = Field(description="Until when messages may still fetch it; null = none named it.")
    verified_at: datetime | None
    verified: dict[str, Any] | None = Field(description="The last fetch over the public URL, as OpenMarket does it.")


class AssetOut(Out):
    """What somebody uploaded."""

    id: str
    sha256: str
    filename: str
    content_type: str
    bytes: int
    width: int
    height: int
    kind: str
    frames: int
    seconds: float
    has_location: bool
    created_at: datetime
    created_by: str
    state: str = Field(description="fitting, ready or failed")
    failure: dict[str, Any] | None
    last_requested_at: datetime | None
    available_until: datetime | None
    held_until: datetime | None
    renditions: list[RenditionOut]


class AssetPageOut(Out):
    """Some assets, newest first."""

    items: list[AssetOut]
    next: str | None = Field(description="`before` of the next page; null = the end.")
