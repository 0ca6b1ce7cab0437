"""Pictures that say where they were taken, in every way that is known; every text holds ``SECRET``, every EXIF ``RATIONALS``."""

import struct
import zlib
from collections.abc import Callable

import piexif
from PIL import Image, TiffImagePlugin

from tests.media import pictures

SECRET = b"51.477928N-0.001545W"
LATITUDE = ((51, 7), (28, 11), (40009, 1013))
RATIONALS = tuple(struct.pack(f"{order}6I", 51, 7, 28, 11, 40009, 1013) for order in "<>")


def _picture() -> Image.Image:
    return pictures.photograph(200, 150)


def _thumbnail() -> bytes:
    return pictures.save(pictures.photograph(64, 48), "JPEG", quality=60, comment=SECRET)


def exif() -> bytes:
    """Write EXIF with GPS, a maker's note, a comment, and a thumbnail that tells it too."""
    gps = {
        piexif.GPSIFD.GPSLatitudeRef: b"N",
        piexif.GPSIFD.GPSLatitude: LATITUDE,
        piexif.GPSIFD.GPSAreaInformation: SECRET,
    }
    blocks = {"0th": {piexif.ImageIFD.Make: b"Phone", piexif.ImageIFD.ImageDescription: SECRET}, "GPS": gps}
    blocks["Exif"] = {
        piexif.ExifIFD.MakerNote: b"PHONE\0" + SECRET,
        piexif.ExifIFD.UserComment: b"ASCII\0\0\0" + SECRET,
    }
    blocks |= {"1st": {piexif.ImageIFD.Make: b"Phone"}, "thumbnail": _thumbnail()}
    return bytes(piexif.dump(blocks))


def exif_of_thumbnail_alone() -> bytes:
    """Write EXIF that tells no place itself: its thumbnail does."""
    blocks = {"0th": {piexif.ImageIFD.Make: b"Phone"}, "1st": {piexif.ImageIFD.Make: b"Phone"}}
    return bytes(piexif.dump(blocks | {"thumbnail": _thumbnail()}))


def xmp() -> bytes:
    """Write XMP under a prefix of its own, so that only who reads XML knows what is in it."""
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:q="http://ns.adobe.com/exif/1.0/" q:GPSLatitude="' + SECRET + b'"/></rdf:RDF></x:xmpmeta>'
        b'<?xpacket end="w"?>'
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpeg_with(*segments: bytes) -> bytes:
    plain = pictures.save(_picture(), "JPEG", quality=85)
    return plain[:20] + b"".join(segments) + plain[20:]


def _iptc() -> bytes:
    record = b"\x1c\x02\x5c" + struct.pack(">H", len(SECRET)) + SECRET
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record + b"\0" * (len(record) % 2)


def _extended_xmp() -> bytes:
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0123456789ABCDEF0123456789ABCDEF"
    return head + struct.pack(">II", len(xmp()), 0) + xmp()


def _second_picture() -> bytes:
    """Write what phones append: another whole JPEG, with a place of its own."""
    return pictures.save(_picture(), "JPEG", quality=85) + pictures.save(_picture(), "JPEG", quality=60, exif=exif())


def _png_with(*chunks: bytes) -> bytes:
    plain = pictures.save(_picture(), "PNG")
    return plain[:33] + b"".join(chunks) + plain[33:]


def _png_text(kind: bytes) -> bytes:
    return {
        b"tEXt": b"Raw profile type exif\0" + SECRET,
        b"zTXt": b"Comment\0\0" + zlib.compress(SECRET),
        b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(),
    }[kind]


def _gif_with(extension: bytes) -> bytes:
    plain = pictures.save(_picture(), "GIF")
    return plain[:-1] + extension + plain[-1:]


def _tiff() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270], tags[700], tags[33723] = SECRET.decode(), xmp(), _iptc()
    image = _picture()
    block = image.getexif()
    block.get_ifd(0x8825).update({1: "N", 2: tuple(over / under for over, under in LATITUDE), 28: SECRET})
    for tag, value in tags.items():
        block[tag] = value
    return pictures.save(image, "TIFF", exif=block)


MAKERS: dict[str, Callable[[], bytes]] = {
    "jpeg exif": lambda: pictures.save(_picture(), "JPEG", quality=85, exif=exif()),
    "jpeg thumbnail": lambda: pictures.save(_picture(), "JPEG", quality=85, exif=exif_of_thumbnail_alone()),
    "jpeg xmp": lambda: _jpeg_with(_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp())),
    "jpeg extended xmp": lambda: _jpeg_with(_segment(0xE1, _extended_xmp())),
    "jpeg iptc": lambda: _jpeg_with(_segment(0xED, b"Photoshop 3.0\0" + _iptc())),
    "jpeg comment": lambda: _jpeg_with(_segment(0xFE, SECRET)),
    "jpeg note of a stranger": lambda: _jpeg_with(_segment(0xEB, b"WHERE\0" + SECRET)),
    "jpeg second picture": _second_picture,
    "png exif": lambda: pictures.save(_picture(), "PNG", exif=exif()),
    "png text": lambda: _png_with(pictures.png_chunk(b"tEXt", _png_text(b"tEXt"))),
    "png compressed text": lambda: _png_with(pictures.png_chunk(b"zTXt", _png_text(b"zTXt"))),
    "png xmp": lambda: _png_with(pictures.png_chunk(b"iTXt", _png_text(b"iTXt"))),
    "png chunk of a stranger": lambda: _png_with(pictures.png_chunk(b"plAc", SECRET)),
    "gif comment": lambda: _gif_with(b"!\xfe" + bytes([len(SECRET)]) + SECRET + b"\0"),
    "gif xmp": lambda: _gif_with(b"!\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0"),
    "webp": lambda: pictures.save(_picture(), "WEBP", exif=exif(), xmp=xmp()),
    "heic": lambda: pictures.save(_picture(), "HEIF", exif=exif(), xmp=xmp()),
    "avif": lambda: pictures.save(_picture(), "AVIF", exif=exif(), xmp=xmp()),
    "tiff": _tiff,
}
"""Each way of telling a place, by name."""
