"""From a file to pixels: decoded, upright, RGB in sRGB, flattened, no larger than asked for, never enlarged."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, TiffImagePlugin

from app.errors import MediaDamaged
from app.fit.arrays import Pixels, image_of, resize, turn_upright
from app.fit.colors import coding_of, to_srgb
from app.fit.libraries import SIMPLEJPEG
from app.model.media import Facts

pillow_heif.register_heif_opener()
Image.init()  # all plug-ins now, once, before the pool forks
Image.MAX_IMAGE_PIXELS = None  # probe has counted them

_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
_DEEP_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_GROUND = (255, 255, 255)
_DARK = (40, 40, 40)
_TOO_BRIGHT_FOR_WHITE = 225
_BITS = 8
_BYTES_OF_HEADERS, _PNG_BITS, _AV1_DEPTH = 4096, 24, 6
_SEVERAL = {"TIFF": "pages", "HEIF": "pictures"}
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
        coding = coding_of(image)
    colors = image_of(pixels).convert("RGB")
    converted, given_up = to_srgb(colors if facts.color == "RGB" else colors.getchannel("R"), coding)
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
        pictures = int(getattr(opened, "n_frames", 1))
        bits, coding = bits_of(opened, path), coding_of(opened)
        opened.draft(None, size)
        opened.load()
        image, deep = _to_eight_bits(opened, bits)
        colors, alpha = _split(image, size)
        colors, converted = to_srgb(colors, coding)
        flat, flattened = _flatten(colors, alpha)
        noun = _SEVERAL.get(opened.format or "")
    left_out = (f"{pictures - 1} of {pictures} {noun} left out",) if noun and pictures > 1 else ()
    return Picture(np.asarray(flat), (*left_out, *deep, *flattened, *converted))


def needs_converting(path: Path, facts: Facts) -> bool:
    """Tell whether some handset would show a picture wrong as it is: other colours than sRGB, over 8 bits, or transparency.

    Its pixels are looked at only where there may be transparency by the header.
    """
    if facts.content_type == "image/jpeg" and not facts.has_profile:
        return False
    with Image.open(path, formats=_FORMATS) as image:
        if bits_of(image, path) > _BITS or not coding_of(image).is_srgb:
            return True
        return facts.has_alpha and image.convert("RGBA").getchannel("A").getextrema() != (255, 255)


def has_strays(jpeg: bytes) -> bool:
    """Tell whether there are bytes behind the coded pixels of a scan that none of them needs; nine or more are seen.

    Nobody can tell without simplejpeg: False.
    """
    if SIMPLEJPEG is None:
        return False
    try:
        SIMPLEJPEG.decode_jpeg(jpeg, "GRAY", min_height=1, min_width=1, min_factor=8, fastdct=True, strict=True)
    except ValueError as warned:
        return "extraneous bytes" in str(warned)  # libjpeg-turbo has a number for it, which its API does not give
    return False


def bits_of(image: Image.Image, path: Path) -> int:
    """Tell the bits a channel of a file that is opened as ``image``."""
    if image.format == "HEIF":
        return int(image.info.get("bit_depth", _BITS))
    if image.format == "TIFF":
        return max(map(int, image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))))  # type: ignore[attr-defined]  # -- a TIFF has it
    if image.format not in {"PNG", "AVIF"}:
        return _BITS
    with path.open("rb") as file:
        head = file.read(_BYTES_OF_HEADERS)
    if image.format == "PNG":
        return head[_PNG_BITS]
    at = head.find(b"av1C") + _AV1_DEPTH  # a bit each for more than 8, and for 12 in place of 10
    return _BITS if at >= len(head) or not head[at] & 0x40 else 12 if head[at] & 0x20 else 10


def _to_eight_bits(image: Image.Image, bits: int) -> tuple[Image.Image, tuple[str, ...]]:
    """Scale deep grey and floating point to 8 bits: Pillow's own conversion would clip them; the rest it has scaled itself."""
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = float(values.min()), float(values.max())
        scaled = (values - low) * (255 / (high - low) if high > low else 0)
        return Image.fromarray(scaled.astype(np.uint8)), ("floating point reduced to 8 bits",)
    told = (f"{bits} bits a channel reduced to 8",) if bits > _BITS else ()
    clear = image.info.get("transparency")
    if image.mode not in _DEEP_MODES:
        if told and isinstance(clear, tuple):
            image.info["transparency"] = tuple(value >> 8 for value in clear)
        return image, told
    deep = np.asarray(image)
    if image.mode == "I":  # 32 bits, of which whoever wrote them used 8 or 16
        bits = 16 if deep.max(initial=0) > 255 else _BITS
    gray = Image.fromarray(np.clip(deep >> bits - _BITS, 0, 255).astype(np.uint8))
    if isinstance(clear, int):
        gray.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
    return gray, told


def _split(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, Image.Image | None]:
    """Part colours (L, RGB, CMYK or LAB) and alpha, both reduced to ``size``; palettes and odd modes are brought to RGB."""
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        # Premultiplied, so that the hidden colour of a transparent pixel does not bleed into its neighbours.
        layer = image if image.mode == "RGBA" else image.convert("RGBA")
        if layer.size != size:
            layer = layer.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).convert("RGBA")
        colors = layer.getchannel("R") if image.mode in {"L", "LA", "La"} else layer.convert("RGB")
        return colors, layer.getchannel("A")
    if image.mode not in {"RGB", "L", "CMYK", "LAB"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return image, None


def _flatten(colors: Image.Image, alpha: Image.Image | None) -> tuple[Image.Image, tuple[str, ...]]:
    """Lay a transparent picture on a ground; RGB in sRGB."""
    if alpha is None or alpha.getextrema() == (255, 255):
        return colors, ()
    colors.putalpha(alpha)
    name, color = ground_for(colors)
    ground = Image.new("RGBA", colors.size, (*color, 255))
    return Image.alpha_composite(ground, colors).convert("RGB"), (f"transparency flattened on {name}",)


def ground_for(layer: Image.Image) -> tuple[str, tuple[int, int, int]]:
    """Choose white, or dark grey for what is so bright that it would vanish on white, such as a white logo."""
    small = np.asarray(layer.resize((64, 64), Image.Resampling.BOX).convert("RGBA"), dtype=np.float32)
    weight = small[..., 3]
    luma = small[..., :3] @ np.array((0.299, 0.587, 0.114), np.float32)
    if weight.sum() > 0 and (luma * weight).sum() / weight.sum() > _TOO_BRIGHT_FOR_WHITE:
        return "dark grey", _DARK
    return "white", _GROUND
