"""What a vCard holds: lines that make sense, and photos that are looked at like any picture."""

import io
from pathlib import Path

from PIL import Image

from app.errors import MediaDamaged, MediaTooBig
from app.model.media import Facts, Kind
from app.model.vcard import parse_vcard
from app.probe.metadata import has_location

_MOST_BYTES = 5_000_000
_MOST_PHOTO_PIXELS = 50_000_000
_PHOTO_FORMATS = ("JPEG", "PNG", "GIF")


def probe_contact(path: Path) -> Facts:
    """Describe a vCard; ``has_location`` tells of a place inside its photo, not of the address that it is meant to give.

    Raises:
        MediaDamaged: cut off, or without a version or a name.
        MediaTooBig: longer than any contact is.
    """
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise MediaTooBig(f"This contact has {size:,} bytes; at most {_MOST_BYTES:,} are opened.", limit=_MOST_BYTES)
    try:
        lines = parse_vcard(path.read_bytes())
    except ValueError as broken:
        raise MediaDamaged(f"This is a contact (vCard), but {broken}.", found="text/x-vcard") from broken
    placed = any(_is_placed(line.photo) for line in lines if line.photo is not None)
    return Facts(kind=Kind.CONTACT, content_type="text/x-vcard", bytes=size, frames=0, has_location=placed)


def _is_placed(photo: bytes) -> bool:
    """Tell whether a photo says where it was taken; one that cannot be opened is taken to say so, and goes."""
    try:
        with Image.open(io.BytesIO(photo), formats=_PHOTO_FORMATS) as image:
            if image.width * image.height > _MOST_PHOTO_PIXELS:
                return True
            image.load()  # of a PNG some of its text may stand behind the pixels
            return has_location(image)
    except Exception:  # noqa: BLE001 -- Pillow raises many kinds on broken headers
        return True
