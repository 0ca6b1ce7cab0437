"""From a file to pixels: decoded, upright, RGB in sRGB, flattened, no larger than asked for, never enlarged."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from app.errors import MediaDamaged
from app.fit.arrays import Pixels, image_of, resize, turn_upright
from app.fit.libraries import SIMPLEJPEG
from app.model.media import Facts

pillow_heif.register_heif_opener()
Image.init()  # all plug-ins now, once, before the pool forks
Image.MAX_IMAGE_PIXELS = None  # probe has counted them

_SRGB = ImageCms.createProfile("sRGB")
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
_DEEP_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_GROUND = (255, 255, 255)
_DARK = (40, 40, 40)
_TOO_BRIGHT_FOR_WHITE = 225
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "HEIF", "AVIF", "BMP", "TIFF")


@dataclass(frozen=True, slots=True)
class Picture:
    """``pixels`` are RGB in sRGB, upright, H x W x 3, or x 4 when they come from a JPEG by the short way.

    ``given_up`` says what was lost on the way, scaling not included.
    """

    pixels: Pixels
    given_up: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]


def fitted_size(width: int, height: int, side_pixels: int) -> tuple[int, int]:
    """Scale a size down so that its longer side is at most ``side_pixels``; never up, never to nothing."""
    longer = max(width, height)
    if longer <= side_pixels:
        return width, height
    return max(1, round(width * side_pixels / longer)), max(1, round(height * side_pixels / longer))


def load_picture(path: Path, facts: Facts, side_pixels: int) -> Picture:
    """Decode ``path`` with its longer side at most ``side_pixels``.

    A JPEG is decoded at the smallest n/8 of its size that suffices (libjpeg's scaled inverse transform), then reduced by
    OpenCV; everything else goes through Pillow.

    Raises:
        MediaDamaged: the decoder does not get through it.
        MemoryError: more memory than this process may use.
    """
    size = fitted_size(facts.width, facts.height, side_pixels)
    if facts.orientation >= 5:
        size = size[::-1]
    try:
        picture = _load_jpeg(path, facts, size) or _load_any(path, size)
    except MemoryError:
        raise
    except Exception as failed:
        raise MediaDamaged("The picture is damaged or incomplete.", found=facts.content_type) from failed
    return Picture(turn_upright(picture.pixels, facts.orientation), picture.given_up)


def _load_jpeg(path: Path, facts: Facts, size: tuple[int, int]) -> Picture | None:
    """Take the short way for an RGB or grey JPEG; None where it does not lead."""
    if SIMPLEJPEG is None or facts.content_type != "image/jpeg" or facts.color not in {"RGB", "L"}:
        return None
    data = path.read_bytes()
    try:
        pixels = SIMPLEJPEG.decode_jpeg(data, "RGBX", min_width=size[0], min_height=size[1])
    except ValueError:
        return None  # Pillow forgives more
    del data  # megabytes, at the moment that takes the most memory
    pixels = resize(pixels, size)
    if not facts.has_profile:
        return Picture(pixels, ())
    with Image.open(path, formats=["JPEG"]) as image:
        profile = image.info.get("icc_profile")
    converted, given_up = _to_srgb(image_of(pixels).convert("RGB"), profile)
    return Picture(np.asarray(converted), given_up)


def decode_luma(content: bytes) -> Pixels:
    """Decode the luma alone of a JPEG that we made, H x W."""
    if SIMPLEJPEG is not None:
        return np.asarray(SIMPLEJPEG.decode_jpeg(content, "GRAY")[..., 0], dtype=np.uint8)
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        image.draft("L", None)
        return np.asarray(image.convert("L"))


def _load_any(path: Path, size: tuple[int, int]) -> Picture:
    with Image.open(path, formats=_FORMATS) as opened:
        opened.draft(None, size)
        opened.load()
        profile = opened.info.get("icc_profile")
        pages = int(getattr(opened, "n_frames", 1)) if opened.format == "TIFF" else 1
        image, deep = _to_eight_bits(opened)
        image, flattened = _flatten(image, size)
        if image.size != size:
            image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        image, converted = _to_srgb(image, profile)
    left_out = (f"{pages - 1} of {pages} pages left out",) if pages > 1 else ()
    return Picture(np.asarray(image), (*left_out, *deep, *flattened, *converted))


def _to_eight_bits(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Scale 16-bit grey and floating point to 8 bits: Pillow's own conversion would clip them."""
    if image.mode in _DEEP_MODES:
        deep = np.asarray(image)
        reduced = deep >> 8 if deep.max(initial=0) > 255 else deep
        return Image.fromarray(np.clip(reduced, 0, 255).astype(np.uint8)), ("16 bits a channel reduced to 8",)
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = float(values.min()), float(values.max())
        scaled = (values - low) * (255 / (high - low) if high > low else 0)
        return Image.fromarray(scaled.astype(np.uint8)), ("floating point reduced to 8 bits",)
    return image, ()


def _flatten(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, tuple[str, ...]]:
    """Lay a transparent picture on a ground, reduced first so that edges stay clean; bring palettes and odd modes to RGB."""
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        # Premultiplied, so that the hidden colour of a transparent pixel does not bleed into its neighbours.
        layer = image if image.mode == "RGBA" else image.convert("RGBA")
        if layer.size != size:
            layer = layer.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).convert("RGBA")
        if layer.getchannel("A").getextrema() == (255, 255):
            return layer.convert("RGB"), ()
        name, color = ground_for(layer)
        ground = Image.new("RGBA", layer.size, (*color, 255))
        return Image.alpha_composite(ground, layer).convert("RGB"), (f"transparency flattened on {name}",)
    if image.mode in {"RGB", "L", "CMYK", "LAB"}:
        return image, ()
    return image.convert("L" if image.mode == "1" else "RGB"), ()


def ground_for(layer: Image.Image) -> tuple[str, tuple[int, int, int]]:
    """Choose white, or dark grey for what is so bright that it would vanish on white, such as a white logo."""
    small = np.asarray(layer.resize((64, 64), Image.Resampling.BOX).convert("RGBA"), dtype=np.float32)
    weight = small[..., 3]
    luma = small[..., :3] @ np.array((0.299, 0.587, 0.114), np.float32)
    if weight.sum() > 0 and (luma * weight).sum() / weight.sum() > _TOO_BRIGHT_FOR_WHITE:
        return "dark grey", _DARK
    return "white", _GROUND


def _to_srgb(image: Image.Image, profile: Any) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert to RGB in sRGB, by the picture's own profile where it has one that fits."""
    if isinstance(profile, bytes) and profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" in ImageCms.getProfileDescription(source):
                return image.convert("RGB"), ()
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
            if converted is not None:
                return converted, ("colours converted to sRGB",)
        except (ImageCms.PyCMSError, OSError, ValueError):
            return image.convert("RGB"), ("a colour profile that cannot be read was ignored",)
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(image, lab, _SRGB, outputMode="RGB") or image.convert("RGB"), ()
    return image.convert("RGB"), ("colours converted from CMYK",) if image.mode == "CMYK" else ()
