"""Nouns of media: what was uploaded, what it is, what it must fit, what it became."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What sort of media a file is, whatever its format."""

    STILL = "still"
    ANIMATION = "animation"
    VIDEO = "video"
    AUDIO = "audio"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Spooled:
    """An upload on local disk: the caller owns ``path`` and unlinks it.

    ``sha256`` is 64 lower-case hex digits of the whole file; ``filename`` is cleaned for display, never a path.
    """

    path: Path
    sha256: str
    bytes: int
    filename: str
    declared_type: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file really is, as the decoder says.

    ``width`` and ``height`` are pixels as shown, after orientation; ``orientation`` is the EXIF number (1 upright).
    ``color`` is the decoder's mode, such as "RGB", "CMYK", "P"; of a video "PQ" or "HLG" when it is HDR. ``seconds`` is
    0.0 for a still; ``fps`` is the rate at which the pictures of a video follow each other while they move, 0.0 = not known,
    ``frames`` those that are shown. ``channels`` are those of a clip's sound, 0 = it has none, 6 = more than two, more than
    that = so many in no known layout; ``hertz`` is its sample rate. ``is_interlaced``: its pictures are of two moments, line by
    line, as television has them.
    """

    kind: Kind
    content_type: str
    bytes: int
    width: int = 0
    height: int = 0
    frames: int = 1
    seconds: float = 0.0
    orientation: int = 1
    color: str = ""
    has_alpha: bool = False
    has_location: bool = False
    has_metadata: bool = False
    has_profile: bool = False
    channels: int = 2
    hertz: int = 48_000
    fps: float = 0.0
    is_interlaced: bool = False


CONTENT_TYPES = (
    "image/jpeg", "image/png", "image/gif", "video/mp4", "video/3gpp", "audio/mp4", "audio/mpeg", "audio/amr", "text/x-vcard",
)  # fmt: skip
"""What may go out in a message, besides text."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for one piece of media, all inclusive: bytes, the longer side in pixels, media types that may go out."""

    max_bytes: int
    side_pixels: int
    content_types: tuple[str, ...] = CONTENT_TYPES


class Form(StrEnum):
    """What a piece of media is to become, when the caller chooses; AUTO is what Postcard would make of it."""

    AUTO = "auto"
    MP4 = "mp4"
    THREE_GP = "3gp"
    FIRST_FRAME = "first_frame"
    AAC = "aac"
    AMR = "amr"
    MP3 = "mp3"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller chose to have made of an asset: a form, and a cut of it.

    ``start`` is where the cut begins and ``seconds`` how long it is, both in seconds; ``seconds`` 0.0 = to the end.
    The default is the whole of it, in the form that Postcard would take.
    """

    form: Form = Form.AUTO
    start: float = 0.0
    seconds: float = 0.0


WHOLE = Choice()
"""No choice was made: the whole of it, in the form that Postcard would take."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named limit of a whole message, with where the figure comes from."""

    name: str
    max_bytes: int
    side_pixels: int
    purpose: str
    source: str
    dated: date


@dataclass(frozen=True, slots=True)
class Operator:
    """A mobile operator; ``profile_by_kind`` maps a sender kind to a profile name; ``side_pixels`` 0 = the profile's."""

    id: str
    name: str
    country: str
    openmarket_id: int | None
    profile_by_kind: dict[str, str]
    side_pixels: int
    max_bytes: int
    source: str
    dated: date


@dataclass(frozen=True, slots=True)
class Quality:
    """How a rendition was reached and what it kept.

    ``ssim`` is luma SSIM (0..1) against the upright original scaled to the same pixels; None when nothing was encoded anew.
    ``encoder_quality`` is the encoder's own scale, 0 when it has none.
    """

    encoder: str = ""
    encoder_quality: int = 0
    encodes: int = 0
    milliseconds: int = 0
    ssim: float | None = None
    frames_in: int = 1
    frames_out: int = 1
    seconds: float = 0.0
    colors: int = 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """Media within a budget, on local disk; the caller owns ``path`` and unlinks it.

    ``untouched`` says that the bytes are those of the upload. ``given_up`` names every loss in words, empty if none.
    """

    path: Path
    content_type: str
    bytes: int
    sha256: str
    width: int
    height: int
    untouched: bool
    quality: Quality
    given_up: tuple[str, ...] = ()


class AssetState(StrEnum):
    """Where an asset stands."""

    FITTING = "fitting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Asset:
    """What somebody uploaded.

    ``failure`` is a problem (slug, title, detail, facts): why it could not be fitted as it is. With the state *ready* it says
    so still, and something that was chosen instead could be made. ``filename`` is the last name that these bytes came
    under, ``other_names`` those before.
    """

    id: str
    sha256: str
    filename: str
    facts: Facts
    state: AssetState
    failure: dict[str, Any] | None
    original_key: str
    created_at: datetime
    created_by: str
    other_names: tuple[str, ...] = ()


class ObjectState(StrEnum):
    """Where a hosted object stands; *deleting* takes no new references."""

    PENDING = "pending"
    HOSTED = "hosted"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class HostedObject:
    """One key in the bucket: the same bytes are kept once.

    ``stored_at`` is LastModified as read back from the store; ``last_requested_at`` the last send that named it.
    ``verified`` is the last self-test (None: never).
    """

    key: str
    sha256: str
    content_type: str
    bytes: int
    state: ObjectState
    stored_at: datetime | None
    last_requested_at: datetime | None
    verified_at: datetime | None
    verified: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Rendition:
    """An asset fitted to a budget, as kept in the records.

    ``fast`` is the setting that it was made at: at the other one the same original becomes other bytes.
    """

    id: str
    asset_id: str
    profile: str
    budget: Budget
    key: str
    content_type: str
    bytes: int
    sha256: str
    width: int
    height: int
    untouched: bool
    quality: Quality
    given_up: tuple[str, ...]
    created_at: datetime
    choice: Choice = WHOLE
    fast: bool = False
    object: HostedObject | None = field(default=None, compare=False)
