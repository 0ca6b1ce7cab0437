"""What all the models share: strict on the way in, JSON of the design's words on the way out."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


def has_nul(value: object) -> bool:
    """Tell whether U+0000 stands in a text, or in one that a list or an object holds."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(has_nul(each) for each in value)


class In(BaseModel):
    """A request body or query: an unknown field is a mistake, not ignored, and so is U+0000, which PostgreSQL cannot keep."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _keepable(cls, value: Any) -> Any:
        if has_nul(value):
            raise ValueError("the character U+0000 is not possible in text")
        return value


class Out(BaseModel):
    """An answer."""

    # Some words of the API are none for a Python attribute, such as ``as``.
    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    def as_json(self) -> dict[str, Any]:
        """Give plain JSON, as the API answers it."""
        return self.model_dump(mode="json", by_alias=True)


class WrongOut(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="As its sender wrote it, an entry of a list by its index from 0: `recipients.3`.")
    message: str


class PlanOut(BaseModel):
    """What a piece of a clip or a sound file would be; of sound, only its length, form and bits."""

    seconds: float
    form: str = Field(alias="as", description="mp4 or 3gp; aac, amr or mp3")
    width: int = Field(default=0, description="Of the frame; 3GP has bars where its shape differs.")
    height: int = 0
    fps: float = Field(default=0.0, description="Frames a second.")
    video_bits_a_second: int = 0
    sound_bits_a_second: int = Field(description="0 = it has no sound.")


class ProblemOut(BaseModel):
    """RFC 9457: what went wrong, in words that may be shown; facts stand beside these members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="A page that explains this kind of error.")
    title: str
    status: int
    detail: str
    instance: str
    remedy: str = Field(default="", description="What the caller can do.")
    request_id: str = Field(default="", description="Under which the log knows this request.")
    errors: list[WrongOut] = Field(default_factory=list, description="Of every 422: what is wrong, field by field.")
    plans: list[PlanOut] = Field(
        default_factory=list,
        description="Of a clip or a sound file that is too long: at which size, rate and bits each cut of `choices` fits.",
    )


class PageQuery(In):
    """Which page of a list."""

    before: str = Field(default="", max_length=100, description="`next` of the page above.")
    limit: int = Field(default=50, ge=1, le=200)


class AfterQuery(In):
    """Which page of a list that goes on upwards."""

    after: str = Field(default="", max_length=100, description="`next` of the page above.")
    limit: int = Field(default=100, ge=1, le=1000)
