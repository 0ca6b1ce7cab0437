"""What a decoder says of a picture or an animation: all of it is decoded once, as cheaply as the format allows."""

from dataclasses import replace
from pathlib import Path

import pillow_heif
from PIL import Image

try:
    import simplejpeg
except ImportError:  # without it Pillow decides, which lets a scan that was cut off and ended pass
    simplejpeg = None

from app.errors import MediaDamaged, MediaTooBig
from app.model.media import Facts, Kind
from app.probe.metadata import has_location, has_metadata, orientation_of
from app.probe.sniff import Format

pillow_heif.register_heif_opener()
Image.init()  # all plug-ins now, once, before the pool forks
# We count pixels ourselves, before anything is decoded, and refuse rather than warn.
Image.MAX_IMAGE_PIXELS = None

_LEAST_DRAFT_PIXELS = 64
_DAMAGE = ("premature end of data segment", "Premature end of JPEG file", "bad Huffman code")
_MOST_FRAMES = 3_000
_MOST_PIXELS_OF_ALL_FRAMES = 20  # times the pixels of a still
_NOT_KEPT_MS = 10  # browsers show a delay of up to this for longer, in whatever format
_DEFAULT_MS = 100  # so long


def probe_still(path: Path, found: Format, *, max_pixels: int) -> Facts:
    """Open and decode a picture of the format ``found``.

    Raises:
        MediaTooBig: more than ``max_pixels``; known from the header alone.
        MemoryError: more memory than this process may use.
        MediaDamaged: the decoder does not get through it.
    """
    try:
        with Image.open(path, formats=[found.decoder]) as image:
            _check_pixels(image, max_pixels)
            if found.decoder == "TIFF":
                image.load()  # turns it upright: size and orientation are those of the pixels only afterwards
            facts = _describe(image, found, path)
            if facts.kind is Kind.ANIMATION:
                _check_frames(facts, max_pixels)
                facts = replace(facts, seconds=_decode_frames(image))
            elif not _is_whole_jpeg(image, path):
                _decode_cheaply(image)
            # Text and EXIF may stand behind the pixels.
            return replace(facts, has_location=has_location(image), has_metadata=has_metadata(image))
    except (MediaTooBig, MemoryError):
        raise  # the pool has a sentence of its own for memory
    except Exception as failed:
        raise MediaDamaged(found.unread, found=found.content_type) from failed


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise MediaTooBig(
            f"This picture has {image.width:,} x {image.height:,} pixels; at most {max_pixels:,} are opened.",
            limit=max_pixels,
            pixels=pixels,
        )


def _describe(image: Image.Image, found: Format, path: Path) -> Facts:
    pictures = int(getattr(image, "n_frames", 1)) if found.decoder in {"GIF", "WEBP", "PNG", "AVIF"} else 1
    orientation = orientation_of(image)
    width, height = image.size if orientation < 5 else image.size[::-1]
    return Facts(
        kind=Kind.ANIMATION if pictures > 1 else Kind.STILL,
        content_type=found.content_type,
        bytes=path.stat().st_size,
        width=width,
        height=height,
        frames=pictures - _pictures_before(image),
        orientation=orientation,
        color=image.mode,
        has_alpha=image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info,
        has_profile=bool(image.info.get("icc_profile")),
    )


def _pictures_before(image: Image.Image) -> int:
    """Count what stands before the animation: an APNG may show a still of its own to programs that know no animations."""
    return 1 if image.info.get("default_image") else 0


def _check_frames(facts: Facts, max_pixels: int) -> None:
    if facts.frames > _MOST_FRAMES:
        raise MediaTooBig(
            f"This animation has {facts.frames:,} frames; at most {_MOST_FRAMES:,} are opened.", limit=_MOST_FRAMES
        )
    limit = _MOST_PIXELS_OF_ALL_FRAMES * max_pixels
    if facts.frames * facts.width * facts.height > limit:
        raise MediaTooBig(
            f"This animation has {facts.frames:,} frames of {facts.width:,} x {facts.height:,} pixels; at most "
            f"{limit:,} pixels are opened.",
            limit=limit,
        )


def _decode_frames(image: Image.Image) -> float:
    """Decode every picture, one after the other, and tell how many seconds those of the animation are shown."""
    milliseconds = 0.0
    before = _pictures_before(image)
    for index in range(int(getattr(image, "n_frames", 1))):
        image.seek(index)
        image.load()
        if index < before:
            continue
        wait = image.info.get("duration", 0)
        milliseconds += wait if isinstance(wait, (int, float)) and wait > _NOT_KEPT_MS else _DEFAULT_MS
    return round(milliseconds / 1000, 3)


def _is_whole_jpeg(image: Image.Image, path: Path) -> bool:
    """Decode every byte of a JPEG, at an eighth of its side; False when Pillow has to say whether it is one.

    Pillow passes over what libjpeg only warns of: of a scan that is cut off and ended it shows the upper half, over grey.

    Raises:
        ValueError: the scan ends too early, or its codes are none.
    """
    if image.format not in {"JPEG", "MPO"} or simplejpeg is None:
        return False
    try:
        simplejpeg.decode_jpeg(
            path.read_bytes(),
            "GRAY",
            min_height=1,
            min_width=1,
            min_factor=8,
            fastdct=True,
            fastupsample=True,
            strict=True,
        )
    except ValueError as warned:
        # libjpeg-turbo has numbers for these, which its API does not give; other warnings are harmless.
        if any(damage in str(warned) for damage in _DAMAGE):
            raise
        return False
    return True


def _decode_cheaply(image: Image.Image) -> None:
    """Decode every byte: a JPEG at an eighth of its side, which still reads all of its data."""
    if image.format in {"JPEG", "MPO"} and min(image.size) >= _LEAST_DRAFT_PIXELS:
        image.draft(None, (image.width // 8, image.height // 8))
    image.load()
