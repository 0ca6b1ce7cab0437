"""Pictures made on the spot: photograph-like pixels, and files of every kind with what real ones carry."""

import io
import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
import piexif
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw

pillow_heif.register_heif_opener()

Pixels = NDArray[np.uint8]
LATITUDE = ((51, 1), (28, 1), (40, 1))


@cache
def photograph(width: int, height: int, seed: int = 0, grain: float = 0.02) -> Image.Image:
    """Make pixels with the spectrum of a photograph (detail at every scale, some grain); the same for the same seed."""
    chance = np.random.default_rng(seed)
    sum_of_scales = np.zeros((height, width, 3), np.float32)
    for scale in (2, 4, 8, 16, 32, 64, 128, 256):
        noise = chance.standard_normal((height // scale + 2, width // scale + 2, 3)).astype(np.float32)
        sum_of_scales += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(scale**0.8)
    sum_of_scales -= sum_of_scales.min()
    sum_of_scales /= sum_of_scales.max()
    sum_of_scales += chance.standard_normal(sum_of_scales.shape).astype(np.float32) * np.float32(grain)
    return Image.fromarray((sum_of_scales.clip(0, 1) * 255).astype(np.uint8))


def marked(width: int, height: int) -> Image.Image:
    """Make a grey picture whose upper left corner is red and whose upper right one is green: turning shows."""
    image = Image.new("RGB", (width, height), (128, 128, 128))
    image.paste((250, 10, 10), (0, 0, width // 4, height // 4))
    image.paste((10, 250, 10), (width - width // 4, 0, width, height // 4))
    return image


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode by Pillow's name of the format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(*, orientation: int = 1, gps: bool = False) -> bytes:
    """Write EXIF as a phone does."""
    return bytes(
        piexif.dump(
            {
                "0th": {piexif.ImageIFD.Make: b"Phone", piexif.ImageIFD.Orientation: orientation},
                "GPS": {piexif.GPSIFD.GPSLatitudeRef: b"N", piexif.GPSIFD.GPSLatitude: LATITUDE} if gps else {},
            }
        )
    )


def phone_photo(
    width: int = 4032, height: int = 3024, *, orientation: int = 1, gps: bool = True, seed: int = 0
) -> bytes:
    """Make a JPEG as a phone does: 4:2:0, quality 92, EXIF with a place."""
    return save(photograph(width, height, seed), "JPEG", quality=92, exif=exif(orientation=orientation, gps=gps))


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Write one chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int = 65_500, height: int = 65_500) -> bytes:
    """Write a small PNG that announces a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def wide_gamut_profile() -> bytes:
    """Make an ICC profile with other colours than sRGB: a Lab one for RGB is not to be had, so XYZ is rewritten.

    The red and green primaries of sRGB are exchanged, so a conversion that ignores the profile is seen at once.
    """
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12)}
    red, green = (data[tags[name] + 4 : tags[name] + 12] for name in (b"rXYZ", b"gXYZ"))
    data[tags[b"rXYZ"] + 4 : tags[b"rXYZ"] + 12], data[tags[b"gXYZ"] + 4 : tags[b"gXYZ"] + 12] = green, red
    return bytes(data).replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


def linear_profile() -> bytes:
    """Make an ICC profile that is called sRGB and has its primaries, but no curve: half of the light is half of the number."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    at = data.index(b"para") + 12
    return data[:at] + struct.pack(">5i", 65536, 65536, 0, 65536, 0) + data[at + 20 :]


def gray_profile(gamma: float) -> bytes:
    """Make an ICC profile for grey, of such a gamma."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)  # D50
    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"kTRC", 156 + len(white), len(curve))
    head = struct.pack(">I4sI4s4s4s12s4s", 0, b"none", 0x02100000, b"mntr", b"GRAY", b"XYZ ", bytes(12), b"acsp")
    content = head.ljust(68, b"\0") + white[8:]
    content = content.ljust(128, b"\0") + tags + white + curve
    return struct.pack(">I", len(content)) + content[4:]


def deep_png(values: NDArray[np.uint16], *chunks: bytes) -> bytes:
    """Write a PNG of 16 bits a channel: H x W is grey, H x W x 2 to 4 as many channels; ``chunks`` stand before the pixels."""
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    made = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def cmyk_jpeg(width: int = 300, height: int = 200) -> bytes:
    """Make a CMYK JPEG."""
    return save(photograph(width, height).convert("CMYK"), "JPEG", quality=90)


def flat_art(width: int, height: int, *, alpha: bool = False) -> Image.Image:
    """Make a drawing of few colours."""
    image = Image.new("RGBA" if alpha else "RGB", (width, height), (0, 0, 0, 0) if alpha else (240, 240, 240))
    for index in range(12):
        left = index * width // 12
        image.paste(
            (20 * index, 255 - 20 * index, 60, 255)[: 4 if alpha else 3],
            (left, height // 4, left + width // 20 + 1, height // 2),
        )
    return image


@cache
def pan(width: int, height: int, count: int, seed: int = 0) -> tuple[Image.Image, ...]:
    """Make frames of a camera that moves over a photograph."""
    scene = photograph(width * 2, height * 2, seed)
    return tuple(
        scene.crop((width * index // count, height * index // count // 2, width * index // count + width,
                    height * index // count // 2 + height))
        for index in range(count)
    )  # fmt: skip


def drawing_that_moves(side: int, count: int) -> list[Image.Image]:
    """Make frames of flat art: a square that travels over a plain ground."""
    frames = []
    for index in range(count):
        frame = Image.new("RGB", (side, side), (250, 240, 220))
        left = (side - side // 5) * index // count
        frame.paste((200, 40, 60), (left, side // 3, left + side // 5, side // 3 + side // 5))
        frames.append(frame)
    return frames


def animation(
    frames: Sequence[Image.Image], kind: str = "GIF", *, milliseconds: float | list[int] = 100, **options: Any
) -> bytes:
    """Encode frames; ``loop`` 0 is for ever."""
    return save(frames[0], kind, save_all=True, append_images=list(frames[1:]), duration=milliseconds, **options)


def screenshot(width: int, height: int) -> Image.Image:
    """Draw what a phone shows: bars, bubbles and lines of text."""
    image = Image.new("RGB", (width, height), (246, 246, 248))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, height // 14), fill=(30, 60, 120))
    for line in range(24):
        top = height // 10 + line * height // 28
        left = 40 if line % 2 else width // 4
        draw.rounded_rectangle(
            (left, top, left + width * 2 // 3, top + height // 36),
            20,
            fill=(220, 248, 198) if line % 2 else (255, 255, 255),
        )
        draw.text(
            (left + 20, top + 12),
            f"Line {line}: the parcel comes on Tuesday at {line}:30",
            fill=(20, 20, 20),
            font_size=34,
        )
    return image
