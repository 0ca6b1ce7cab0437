"""A vCard: as it came where it fits, its photos without metadata; else its photos smaller, and at last without them."""

import io
import time
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from app.errors import CannotFit
from app.fit.codecs import FAST
from app.fit.jpeg import estimate, search_jpeg
from app.fit.output import write_fitted
from app.fit.pixels import fitted_size
from app.fit.strip import STRIPS
from app.model.media import Budget, Facts, Fitted, Quality
from app.model.vcard import Line, holds_picture_alone, parse_vcard, photo_line, with_picture, write_vcard

CONTACT_TYPE = "text/x-vcard"
_PHOTO_SIDE = 320
_LEAST_PHOTO_BYTES = 1_500
_MOST_PHOTO_PIXELS = 50_000_000
_PHOTO_FORMATS = ("JPEG", "PNG", "GIF")
_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
_BASE64_GROWTH = 1.40  # four for three, and the line ends


def fit_contact(path: Path, facts: Facts, budget: Budget, out_dir: Path) -> Fitted:
    """Make a vCard in UTF-8 that ``budget`` allows; every line but the photos stays as it is, and their pixels where they fit.

    A photo that is only linked to does not go out: a handset would fetch from a stranger what nobody has looked at.

    Raises:
        CannotFit: too long even without photos, or a contact may not go out.
    """
    started = time.monotonic_ns()
    data = path.read_bytes()
    every = parse_vcard(data)
    lines = [line for line in every if line.photo != b"" and not line.is_link]
    stripped = [_strip(line) for line in lines]
    utf8 = "" if write_vcard(every) == data else "letters written as UTF-8"
    if len(data) <= budget.max_bytes and stripped == every and not utf8:
        return write_fitted(
            data, budget, out_dir, content_type=CONTACT_TYPE, size=(0, 0), quality=Quality(), untouched=True
        )
    content, lost = _within(lines, stripped, budget)
    if stripped != lines and not lost:
        lost = f"{'location and other ' if facts.has_location else ''}metadata of the photo removed"
    said = dict.fromkeys((lost, *_left_out(every), utf8))
    quality = Quality(milliseconds=(time.monotonic_ns() - started) // 1_000_000)
    return write_fitted(
        content, budget, out_dir, content_type=CONTACT_TYPE, size=(0, 0), quality=quality, given_up=filter(None, said),
    )  # fmt: skip


def _left_out(lines: list[Line]) -> tuple[str, str]:
    """Say which photos go whatever the room: those that cannot be read, and those that are elsewhere."""
    return (
        "photo left out" if any(line.photo == b"" for line in lines) else "",
        "link to a photo left out" if any(line.is_link for line in lines) else "",
    )


def _within(lines: list[Line], stripped: list[Line | None], budget: Budget) -> tuple[bytes, str]:
    """Write it with as much of its photos as fits; returns that, and what became of them beyond their metadata.

    Raises:
        CannotFit: too long even without photos.
    """
    bare = [line for line in lines if line.photo is None]
    photos = len(lines) - len(bare)
    room = budget.max_bytes - len(write_vcard(bare))
    if room < 0:
        raise CannotFit(
            f"Without its photos this contact has {budget.max_bytes - room:,} bytes; the limit is {budget.max_bytes:,}.",
            limit_bytes=budget.max_bytes,
            best_bytes=budget.max_bytes - room,
        )
    whole = [line for line in stripped if line is not None]
    content = write_vcard(whole)
    if len(whole) == len(lines) and len(content) <= budget.max_bytes:
        return content, ""
    smaller = _with_smaller_photos(lines, room // max(1, photos))
    content = write_vcard(smaller)
    if len(content) > budget.max_bytes:
        smaller, content = bare, write_vcard(bare)
    kept = sum(line.photo is not None for line in smaller)
    return content, "photo made smaller" if kept == photos else "photo left out"


def _strip(line: Line) -> Line | None:
    """Take out of a photo whatever its pixels do not need; None where that takes a new encoding, or it cannot be opened.

    An original that a handset has to turn, or that moves, is encoded anew, too; a bomb comes to None as well.
    """
    if line.photo is None:
        return line
    try:
        with Image.open(io.BytesIO(line.photo), formats=_PHOTO_FORMATS) as image:
            if image.width * image.height > _MOST_PHOTO_PIXELS:
                return None
            if image.getexif().get(ExifTags.Base.Orientation, 1) != 1 or getattr(image, "n_frames", 1) > 1:
                return None
            bare = STRIPS[_TYPES[image.format or ""]](line.photo)
    except Exception:  # noqa: BLE001 -- as in _shrink, which says what it takes too much memory for
        return None
    return line if bare == line.photo and holds_picture_alone(line) else with_picture(line, bare)


def _with_smaller_photos(lines: list[Line], room_bytes: int) -> list[Line]:
    """Encode each photo anew within its share of the room; one that does not fit or cannot be opened is left out."""
    kept: list[Line] = []
    for line in lines:
        if line.photo is None:
            kept.append(line)
        elif jpeg := _shrink(line.photo, int(room_bytes / _BASE64_GROWTH) - 100):
            kept.append(photo_line(line.name, line.version, jpeg))
    return kept


def _shrink(photo: bytes, max_bytes: int) -> bytes | None:
    if max_bytes < _LEAST_PHOTO_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(photo), formats=_PHOTO_FORMATS) as image:
            if image.width * image.height > _MOST_PHOTO_PIXELS:
                return None
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 -- decoders raise many kinds; a contact without its broken photo is still a contact
        return None
    reduced = upright.resize(fitted_size(upright.width, upright.height, _PHOTO_SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(reduced)
    found = search_jpeg(max_bytes, estimate(pixels, max_bytes, FAST))
    return found.content if len(found.content) <= max_bytes else None
