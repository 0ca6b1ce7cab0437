"""A vCard: as it came where it fits; else its photos smaller, and at last without them."""

import io
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from app.errors import CannotFit
from app.fit.codecs import FAST
from app.fit.jpeg import estimate, search_jpeg
from app.fit.output import write_fitted
from app.fit.pixels import fitted_size
from app.model.media import Budget, Facts, Fitted, Quality
from app.model.vcard import Line, parse_vcard, photo_line, read_text, version_of, write_vcard

CONTACT_TYPE = "text/x-vcard"
_PHOTO_SIDE = 320
_LEAST_PHOTO_BYTES = 1_500
_MOST_PHOTO_PIXELS = 50_000_000
_BASE64_GROWTH = 1.40  # four for three, and the line ends


def fit_contact(path: Path, facts: Facts, budget: Budget, out_dir: Path) -> Fitted:
    """Make a vCard in UTF-8 that ``budget`` allows; every line but the photos stays as it is.

    Raises:
        CannotFit: too long even without photos, or a contact may not go out.
    """
    started = time.monotonic_ns()
    data = path.read_bytes()
    text = read_text(data)
    if len(data) <= budget.max_bytes and not facts.has_location and data == text.encode():
        return write_fitted(
            data, budget, out_dir, content_type=CONTACT_TYPE, size=(0, 0), quality=Quality(), untouched=True
        )
    lines = parse_vcard(text)
    bare = [line for line in lines if line.photo is None]
    photos = len(lines) - len(bare)
    room = budget.max_bytes - len(write_vcard(bare))
    if room < 0:
        raise CannotFit(
            f"Without its photos this contact has {budget.max_bytes - room:,} bytes; the limit is {budget.max_bytes:,}.",
            limit_bytes=budget.max_bytes,
            best_bytes=budget.max_bytes - room,
        )
    given_up: list[str] = []
    content = write_vcard(lines)
    if photos and (facts.has_location or len(content) > budget.max_bytes):
        smaller = _with_smaller_photos(lines, version_of(text), room // photos)
        content = write_vcard(smaller)
        if len(content) > budget.max_bytes:
            smaller, content = bare, write_vcard(bare)
        kept = sum(line.photo is not None for line in smaller)
        given_up = ["photo made smaller"] if kept == photos else ["photo left out"]
    if data != text.encode():
        given_up.append("letters written as UTF-8")
    quality = Quality(milliseconds=(time.monotonic_ns() - started) // 1_000_000)
    return write_fitted(
        content, budget, out_dir, content_type=CONTACT_TYPE, size=(0, 0), quality=quality, given_up=given_up
    )


def _with_smaller_photos(lines: list[Line], version: str, room_bytes: int) -> list[Line]:
    """Encode each photo anew within its share of the room; one that does not fit or cannot be opened is left out."""
    kept: list[Line] = []
    for line in lines:
        if line.photo is None:
            kept.append(line)
        elif jpeg := _shrink(line.photo, int(room_bytes / _BASE64_GROWTH) - 100):
            kept.append(photo_line(line.name, version, jpeg))
    return kept


def _shrink(photo: bytes, max_bytes: int) -> bytes | None:
    if max_bytes < _LEAST_PHOTO_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(photo), formats=("JPEG", "PNG", "GIF")) as image:
            if image.width * image.height > _MOST_PHOTO_PIXELS:
                return None
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 -- decoders raise many kinds; a contact without its broken photo is still a contact
        return None
    reduced = upright.resize(fitted_size(upright.width, upright.height, _PHOTO_SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(reduced)
    found = search_jpeg(pixels, max_bytes, estimate(pixels, max_bytes, FAST))
    return found.content if found else None
