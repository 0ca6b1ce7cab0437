"""A picture to JPEG or PNG: as it is where it fits, stripped where that is enough, encoded anew where it must be."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import CannotFit
from app.fit.arrays import Pixels, resize
from app.fit.codecs import BEST, FAST, Codec
from app.fit.jpeg import Encoded, estimate, search_jpeg
from app.fit.output import metadata_lost, write_fitted
from app.fit.pixels import Picture, decode_luma, has_strays, load_picture, needs_converting
from app.fit.png import encode_flat_png
from app.fit.sample import take_bands
from app.fit.ssim import luma_ssim
from app.fit.strip import STRIPS, is_plain_jpeg
from app.model.jpeg import walk_jpeg
from app.model.media import Budget, Facts, Fitted, Quality

_LOSSY = frozenset({"image/jpeg", "image/heic", "image/avif"})
_LEAST_SIDE = 64
_LEAST_QUALITY_OF_THE_SMALLEST = 10.0
_BANDS_OF_ONE_JUDGED = 16
_BYTES_BY_SIDE = 1.7  # at one quality the bytes grow by this power of the side: detail is lost with the pixels


@dataclass(frozen=True, slots=True)
class _Encoding:
    """An encoded picture with what it is and how it was reached."""

    content: bytes
    content_type: str
    pixels: Pixels
    quality: Quality
    given_up: tuple[str, ...] = ()


def fit_still(path: Path, facts: Facts, budget: Budget, out_dir: Path, *, fast: bool = False) -> Fitted:
    """Make the best JPEG or PNG of a picture that ``budget`` allows.

    Byte for byte what came, when it is within the budget, upright, of a kind that every handset takes, in sRGB of 8 bits, opaque,
    and holds nothing but its pixels. Without its metadata and otherwise the same, when that is all that is in the way. Otherwise
    encoded anew: sRGB, upright, flattened on a ground, never enlarged, a PNG without loss where that is short enough, 96 to 100 %
    of the bytes when it needs the room.

    ``fast`` takes the quicker of two encoders. Raises CannotFit with ``limit_bytes`` and ``best_bytes``. Cost: at most
    three encodes of the final size.
    """
    started = time.monotonic_ns()
    content = _without_decoding(path, facts, budget)
    if content is not None:
        untouched, data = content
        lost = () if untouched else metadata_lost(facts) or ("metadata removed",)
        return write_fitted(
            data, budget, out_dir, content_type=facts.content_type, size=(facts.width, facts.height),
            quality=Quality(milliseconds=_milliseconds(started)), given_up=lost, untouched=untouched,
        )  # fmt: skip
    picture = load_picture(path, facts, budget.side_pixels)
    encoding = _encode_flat(picture, facts, budget) or _encode_photograph(picture, budget, FAST if fast else BEST)
    width, height = encoding.pixels.shape[1], encoding.pixels.shape[0]
    scaled = () if (width, height) == (facts.width, facts.height) else (
        f"scaled from {facts.width}x{facts.height} to {width}x{height}",
    )  # fmt: skip
    quality = encoding.quality
    return write_fitted(
        encoding.content, budget, out_dir, content_type=encoding.content_type, size=(width, height),
        quality=replace(quality, milliseconds=_milliseconds(started)),
        given_up=(*scaled, *encoding.given_up, *picture.given_up, *metadata_lost(facts)),
    )  # fmt: skip


def _milliseconds(started_ns: int) -> int:
    return (time.monotonic_ns() - started_ns) // 1_000_000


def _without_decoding(path: Path, facts: Facts, budget: Budget) -> tuple[bool, bytes] | None:
    """Tell what can go out without decoding: (True, the bytes as they are), (False, the bytes without metadata) or None."""
    strip = STRIPS.get(facts.content_type)
    if strip is None or facts.content_type not in budget.content_types or facts.orientation != 1:
        return None
    if max(facts.width, facts.height) > budget.side_pixels:
        return None
    data = path.read_bytes()
    if facts.content_type == "image/jpeg" and not is_plain_jpeg(walk_jpeg(data)):
        return None
    stripped = strip(data)
    if len(stripped) > budget.max_bytes or needs_converting(path, facts):
        return None
    if facts.content_type == "image/jpeg" and has_strays(stripped):
        return None
    return stripped == data, stripped


def _encode_flat(picture: Picture, facts: Facts, budget: Budget) -> _Encoding | None:
    """Keep a drawing or a screenshot as PNG, where the original was without loss and it fits."""
    if facts.content_type in _LOSSY or "image/png" not in budget.content_types:
        return None
    is_whole = facts.content_type == "image/png" and picture.size == (facts.width, facts.height)
    encoded = encode_flat_png(picture.pixels, budget.max_bytes, any_colors=is_whole)
    if encoded is None:
        return None
    content, colors, ssim = encoded
    encoder = "Pillow PNG, palette" if colors else "Pillow PNG"
    quality = Quality(encoder=encoder, encodes=1, ssim=ssim, colors=colors)
    return _Encoding(
        content, "image/png", picture.pixels, quality, () if ssim == 1 else (f"reduced to {colors} colours",)
    )


def _encode_photograph(picture: Picture, budget: Budget, codec: Codec) -> _Encoding:
    pixels, encoded = _choose_side(picture.pixels, budget.max_bytes, codec)
    quality = round(encoded.quality)
    return _Encoding(
        encoded.content,
        "image/jpeg",
        pixels,
        Quality(
            encoder=encoded.codec.name,
            encoder_quality=quality,
            encodes=encoded.encodes,
            ssim=_ssim_of_sample(pixels, encoded),
        ),
        (f"compressed to JPEG quality {quality}",),
    )


def _ssim_of_sample(pixels: Pixels, encoded: Encoded) -> float:
    """Judge a sixteenth of the rows, encoded as the whole was: bands of whole coding units come out as they do in the whole."""
    bands = take_bands(pixels, _BANDS_OF_ONE_JUDGED)
    content = encoded.content if bands is pixels else encoded.codec.encode(bands, encoded.quality)
    return luma_ssim(bands, decode_luma(content))


def _choose_side(full: Pixels, max_bytes: int, codec: Codec) -> tuple[Pixels, Encoded]:
    """Find side and quality together: the full side, unless the quality would fall under the codec's least there.

    Raises:
        CannotFit: even the smallest side at the lowest quality is too long.
    """
    pixels = full
    while max(pixels.shape[:2]) > _LEAST_SIDE:
        curve = estimate(pixels, max_bytes, codec)
        if curve.quality_for(max_bytes) >= codec.least_quality:
            encoded = search_jpeg(max_bytes, curve)
            if len(encoded.content) <= max_bytes:
                return pixels, encoded
        shrink = min(0.9, (max_bytes / curve.bytes_at(codec.good_quality)) ** (1 / _BYTES_BY_SIDE))
        factor = max(_LEAST_SIDE, int(max(pixels.shape[:2]) * shrink)) / max(full.shape[:2])
        pixels = resize(full, (max(1, round(full.shape[1] * factor)), max(1, round(full.shape[0] * factor))))
    return pixels, _encode_smallest(pixels, max_bytes, codec)


def _encode_smallest(pixels: Pixels, max_bytes: int, codec: Codec) -> Encoded:
    """Encode what is not made smaller any more, at a quality below the floor if it must be.

    Raises:
        CannotFit: not even so.
    """
    curve = estimate(pixels, max_bytes, codec)
    encoded = search_jpeg(max_bytes, curve, least_quality=_LEAST_QUALITY_OF_THE_SMALLEST)
    if len(encoded.content) > max_bytes:
        raise CannotFit(
            f"The shortest acceptable version has {len(encoded.content):,} bytes; the limit is {max_bytes:,}.",
            limit_bytes=max_bytes,
            best_bytes=len(encoded.content),
        )
    return encoded
