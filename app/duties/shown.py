"""Parts of inbound messages, and originals, as they may be shown: text as text, pictures encoded anew in a confined process.

What came stays as it came in the row of its POST, or under its private key, which no address serves.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.duties.postcard import Postcard
from app.errors import MediaUnsupported, NotFound
from app.fit.shown import write_shown
from app.model.media import Kind
from app.model.messages import Inbound, InboundPart
from app.probe.media import probe_media
from app.records.assets import get_asset
from app.records.callbacks import callback_of_inbound
from app.report.callback import parse_callback

SIDE_PIXELS = 1280
# Beside a rendition the original must look like itself.
ORIGINAL_SIDE_PIXELS = 1920
ORIGINAL_QUALITY = 95
TEXT = "text/plain"
PICTURES = "image/"


@dataclass(frozen=True, slots=True)
class Shown:
    """Bytes of our own making, and their type."""

    content_type: str
    content: bytes


def is_shown(content_type: str) -> bool:
    """Tell whether parts of a type can be shown at all."""
    return content_type == TEXT or content_type.startswith(PICTURES)


def show_part(post: Postcard, inbound_id: str, index: int) -> Shown:
    """Make one part of an inbound message ready to be shown; ``index`` counts from 0, in the order they came.

    Raises:
        NotFound: no such message or part, or too long ago.
        MediaUnsupported: it is neither text nor a picture.
    """
    with post.database.read() as connection:
        callback = callback_of_inbound(connection, inbound_id)
    if not callback.body:
        raise NotFound(
            "What came with this message is not kept any more (POSTCARD_RETENTION_CALLBACKS_DAYS).", id=inbound_id
        )
    message = parse_callback(callback.body, callback.content_type, callback.request_id)
    parts = message.parts if isinstance(message, Inbound) else ()
    if not 0 <= index < len(parts):
        raise NotFound(f"The message has {len(parts)} parts; they count from 0.", id=inbound_id[:60])
    part = parts[index]
    if part.content_type == TEXT:
        return Shown("text/plain; charset=utf-8", part.content.decode("utf-8", "replace").encode())
    if not part.content_type.startswith(PICTURES):
        raise MediaUnsupported(f"Only text and pictures are shown; this part is {part.content_type[:80]}.")
    return Shown("image/jpeg", _encode_anew(post, part))


def show_original(post: Postcard, asset_id: str) -> Shown:
    """Make the original of a picture, or the first frame of an animation, ready to be shown beside what became of it.

    Raises:
        MediaUnsupported: it is no picture; a clip has a poster.
    """
    with post.database.read() as connection:
        asset = get_asset(connection, asset_id)
    if asset.facts.kind not in {Kind.STILL, Kind.ANIMATION}:
        raise MediaUnsupported(f"Only pictures are shown beside their renditions; this is {asset.facts.content_type}.")
    with TemporaryDirectory(dir=post.spool_dir, prefix="shown-") as folder:
        came, shown = Path(folder) / "came", Path(folder) / "shown.jpg"
        post.store.fetch(asset.original_key, came)
        side, quality = ORIGINAL_SIDE_PIXELS, ORIGINAL_QUALITY
        post.decoders.run(write_shown, came, asset.facts, shown, side_pixels=side, quality=quality)
        return Shown("image/jpeg", shown.read_bytes())


def _encode_anew(post: Postcard, part: InboundPart) -> bytes:
    """Decode and encode a picture, whatever it claims to be.

    Raises:
        MediaUnsupported: it is no picture.
    """
    with TemporaryDirectory(dir=post.spool_dir, prefix="shown-") as folder:
        came, shown = Path(folder) / "came", Path(folder) / "shown.jpg"
        came.write_bytes(part.content)
        facts = post.decoders.run(
            probe_media,
            came,
            filename="part",
            declared_type=part.content_type,
            max_pixels=post.settings.upload.max_pixels,
        )
        if facts.kind not in {Kind.STILL, Kind.ANIMATION}:
            raise MediaUnsupported(f"Only text and pictures are shown; this part is {facts.content_type}.")
        post.decoders.run(write_shown, came, facts, shown, side_pixels=SIDE_PIXELS)
        return shown.read_bytes()
