"""What a decoder says of a picture: all of it is decoded once, as cheaply as the format allows."""

from dataclasses import replace
from pathlib import Path

import pillow_heif
from PIL import Image

from app.errors import MediaDamaged, MediaTooBig
from app.model.media import Facts, Kind
from app.probe.metadata import has_location, has_metadata, orientation_of
from app.probe.sniff import Format

pillow_heif.register_heif_opener()
Image.init()  # all plug-ins now, once, before the pool forks
# We count pixels ourselves, before anything is decoded, and refuse rather than warn.
Image.MAX_IMAGE_PIXELS = None

_LEAST_DRAFT_PIXELS = 64


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
            _decode_cheaply(image)
            # Text and EXIF may stand behind the pixels.
            return replace(facts, has_location=has_location(image), has_metadata=has_metadata(image))
    except (MediaTooBig, MemoryError):
        raise  # the pool has a sentence of its own for memory
    except Exception as failed:
        raise MediaDamaged(
            f"This is {found.name}, but it is damaged or incomplete.", found=found.content_type
        ) from failed


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise MediaTooBig(
            f"This picture has {image.width:,} x {image.height:,} pixels; at most {max_pixels:,} are opened.",
            limit=max_pixels,
            pixels=pixels,
        )


def _describe(image: Image.Image, found: Format, path: Path) -> Facts:
    frames = int(getattr(image, "n_frames", 1)) if found.decoder in {"GIF", "WEBP", "PNG", "AVIF"} else 1
    orientation = orientation_of(image)
    width, height = image.size if orientation < 5 else image.size[::-1]
    return Facts(
        kind=Kind.ANIMATION if frames > 1 else Kind.STILL,
        content_type=found.content_type,
        bytes=path.stat().st_size,
        width=width,
        height=height,
        frames=frames,
        orientation=orientation,
        color=image.mode,
        has_alpha=image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info,
        has_profile=bool(image.info.get("icc_profile")),
    )


def _decode_cheaply(image: Image.Image) -> None:
    """Decode every byte: a JPEG at an eighth of its side, which still reads all of its data."""
    if image.format in {"JPEG", "MPO"} and min(image.size) >= _LEAST_DRAFT_PIXELS:
        image.draft(None, (image.width // 8, image.height // 8))
    image.load()
