"""The frames of an APNG as they are shown: each decoded as a PNG of its own, then laid on the canvas as the specification says.

Pillow lays the first over the still that is no part of the animation, and makes what is half transparent too transparent.
Source: PNG, third edition (W3C): acTL, fcTL and fdAT.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from PIL import Image

from app.model.jpeg import Data

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FOR_ALL = frozenset({b"PLTE", b"tRNS"})  # what a frame needs besides its header and its data
_CLEARED, _TAKEN_BACK = 1, 2  # what becomes of a frame before the next; 0 = it stays
_OVER = 1  # how a frame is laid; 0 = it takes the place of what is there
_USUAL_DENOMINATOR = 100  # what 0 means
_NOTHING = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Control:
    """What is told of a frame: where it lies, for how long it is shown, what becomes of it, and how it is laid."""

    box: tuple[int, int, int, int]
    milliseconds: float
    disposal: int
    blend: int


def shown_frames(data: Data) -> Iterator[tuple[Image.Image, float]]:
    """Show one frame after the other, RGBA, each with its milliseconds; each is good until the next is asked for.

    A still that stands before the animation and is no part of it is left out.

    Args:
        data: the whole file; probe has checked its chunks and their order.

    Memory: the canvas, one frame, and what lay under it where it is taken back. What Pillow raises is not translated.
    """
    canvas = Image.new("RGBA", struct.unpack(">II", data[16:24]), _NOTHING)
    for control, frame in _frames(data):
        below = canvas.crop(control.box) if control.disposal == _TAKEN_BACK else None
        if control.blend == _OVER:
            canvas.alpha_composite(frame, control.box[:2])
        else:
            canvas.paste(frame, control.box)
        yield canvas, control.milliseconds
        if below is not None:
            canvas.paste(below, control.box)
        elif control.disposal == _CLEARED:
            canvas.paste(_NOTHING, control.box)


def _frames(data: Data) -> Iterator[tuple[_Control, Image.Image]]:
    """Decode each frame as it is stored."""
    header, control = b"", b""
    shared: list[bytes] = []
    content: list[bytes] = []
    for kind, body in chain(_chunks(data), [(b"fcTL", b"")]):
        if kind == b"fcTL":
            if control:
                yield _control_of(control), _decode(control, header, shared, content)
            control, content = body, []
        elif kind == b"IDAT" and control:  # with nothing told of it, it is the still
            content.append(body)
        elif kind == b"fdAT":
            content.append(body[4:])  # behind its number
        elif kind in _FOR_ALL:
            shared.append(_chunk(kind, body))
        elif kind == b"IHDR":
            header = body


def _chunks(data: Data) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _control_of(body: bytes) -> _Control:
    width, height, left, top, numerator, denominator, disposal, blend = struct.unpack(">4x4I2H2B", body)
    milliseconds = 1000 * numerator / (denominator or _USUAL_DENOMINATOR)
    return _Control((left, top, left + width, top + height), milliseconds, disposal, blend)


def _decode(control: bytes, header: bytes, shared: list[bytes], content: list[bytes]) -> Image.Image:
    """Decode a frame as the PNG that it would be alone: its own size, and all else as for the others."""
    alone = [_chunk(b"IHDR", control[4:12] + header[8:]), *shared, _chunk(b"IDAT", b"".join(content))]
    with Image.open(io.BytesIO(b"".join([_SIGNATURE, *alone, _chunk(b"IEND", b"")])), formats=["PNG"]) as frame:
        if frame.mode.startswith("I"):  # grey of 16 bits, which Pillow would clip
            return Image.fromarray((np.asarray(frame) >> 8).astype(np.uint8)).convert("RGBA")
        return frame.convert("RGBA")
