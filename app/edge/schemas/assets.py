"""Assets and renditions."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.edge.schemas.shapes import In, Out
from app.limits import DEFAULT_PROFILE
from app.model.media import Choice, Form


class UrlIn(In):
    """Fetch the media from here instead of uploading it."""

    url: str = Field(min_length=1, max_length=2048, examples=["https://example.com/summer-sale.jpg"])


class CutIn(In):
    """A piece of a clip or a sound file."""

    start: float = Field(default=0.0, ge=0, le=86_400, description="Where it begins, in seconds.")
    seconds: float | None = Field(
        default=None, gt=0, le=86_400, description="How long it is; left out, it goes on to the end."
    )


class ChoiceIn(In):
    """What to make of an asset; nothing = the whole of it, in the form that Postcard would take."""

    form: Form = Field(
        default=Form.AUTO,
        alias="as",
        description="mp4 or first_frame of an animation; mp4, 3gp or first_frame of a video; aac, amr or mp3 of sound.",
    )
    cut: CutIn | None = Field(default=None, description="Of a video or a sound file.")

    def choice(self) -> Choice:
        """Give the choice, in thousandths of a second."""
        if self.cut is None:
            return Choice(self.form)
        # What is too short to be rounded stays too short: 0 would be all that follows.
        seconds = max(0.001, round(self.cut.seconds, 3)) if self.cut.seconds is not None else 0.0
        return Choice(self.form, round(self.cut.start, 3), seconds)


class RenditionIn(ChoiceIn):
    """Which profile to fit to, and what to make of it."""

    profile: str = Field(default=DEFAULT_PROFILE, min_length=1, max_length=40, examples=["universal"])


class OriginalOut(Out):
    """What a rendition was made from."""

    content_type: str
    bytes: int
    width: int
    height: int
    frames: int
    seconds: float


class QualityOut(Out):
    """How a rendition was reached and what it kept; figures that do not apply are 0 or null."""

    setting: Literal["best", "fast"] = Field(
        description="At which it was made; only stills and video come out otherwise at the other."
    )
    encoder: str
    encoder_quality: int = Field(
        description="On the encoder's own scale, of a GIF its loss; 0 = none, or nothing was encoded."
    )
    encodes: int = Field(description="Encodes of the final size.")
    milliseconds: int
    ssim: float | None = Field(description="0 to 1; null when no pixel was encoded anew.")
    ssim_against: str = Field(description="Which SSIM it is, and what it compares with; or why there is none.")
    frames_in: int
    frames_out: int
    fps_in: float
    fps_out: float
    seconds: float
    colors: int = Field(description="Of a palette; 0 = as many as there are.")


class RenditionOut(Out):
    """An asset fitted to a budget and hosted."""

    id: str
    profile: str
    form: Form = Field(alias="as", description="What the caller chose; auto = nothing.")
    cut: dict[str, float] | None = Field(description="`start` and `seconds` of the piece that was chosen.")
    reason: str = Field(description="What sets it apart from the others of this asset, in words.")
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
    original: OriginalOut
    quality: QualityOut
    created_at: datetime
    stored_at: datetime | None
    last_requested_at: datetime | None
    available_until: datetime | None = Field(description="When the bucket's rule would remove it; null = never.")
    held_until: datetime | None = Field(description="Until when messages may still fetch it; null = none named it.")
    verified_at: datetime | None
    verified: dict[str, Any] | None = Field(description="The last fetch over the public URL, as OpenMarket does it.")


class FittingOut(Out):
    """What is being made of an asset at this moment."""

    profile: str = Field(description="`poster` is the still for pages.")
    form: Form = Field(alias="as")
    cut: dict[str, float] | None
    progress: float
    started_at: datetime


class AssetOut(Out):
    """What somebody uploaded."""

    id: str
    sha256: str
    filename: str = Field(description="The name that these bytes came under last.")
    other_names: list[str] = Field(description="The names before that, the newest first.")
    content_type: str
    bytes: int
    width: int
    height: int
    kind: str
    forms: list[str] = Field(description="What can be asked for with `as`.")
    frames: int
    seconds: float
    has_location: bool
    created_at: datetime
    created_by: str
    state: str = Field(description="fitting, ready or failed")
    progress: float | None = Field(
        description="While something is being fitted, how far it is, 0 to 1; null otherwise."
    )
    fittings: list[FittingOut] = Field(description="What is being fitted and has taken more than a second.")
    failure: dict[str, Any] | None = Field(
        description="Why it cannot go out as it is; `choices` lists what can be made of it instead, to be sent back as it is."
    )
    poster_url: str | None = Field(description="A still of a clip, for pages; no message carries it.")
    last_requested_at: datetime | None
    available_until: datetime | None
    held_until: datetime | None
    renditions: list[RenditionOut]


class AssetPageOut(Out):
    """Some assets, newest first."""

    items: list[AssetOut]
    next: str | None = Field(description="`before` of the next page; null = the end.")
