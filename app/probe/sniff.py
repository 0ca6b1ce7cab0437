"""The first bytes tell the format; what we do not take is called by its name."""

import re
from dataclasses import dataclass

from app.model.mpeg_audio import skip_id3v2

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Format:
    """A format by its bytes: ``name`` with article, for sentences; ``decoder`` is Pillow's name of one, or empty."""

    name: str
    content_type: str
    decoder: str = ""

    @property
    def unread(self) -> str:
        """Say that no decoder gets through a file that begins like this."""
        return f"This is {self.name}, but it is damaged, incomplete or of a rare kind: open it, save it anew, and send that."


JPEG = Format("a JPEG picture", "image/jpeg", "JPEG")
PNG = Format("a PNG picture", "image/png", "PNG")
GIF = Format("a GIF picture", "image/gif", "GIF")
WEBP = Format("a WebP picture", "image/webp", "WEBP")
HEIC = Format("a HEIC picture", "image/heic", "HEIF")
AVIF = Format("an AVIF picture", "image/avif", "AVIF")
BMP = Format("a BMP picture", "image/bmp", "BMP")
TIFF = Format("a TIFF picture", "image/tiff", "TIFF")

EMPTY = Format("an empty file", "")
TEXT = Format("plain text", "text/plain")
UNKNOWN = Format("a file of an unknown kind", "application/octet-stream")
MATROSKA = Format("a video (Matroska)", "video/x-matroska")
_WEBM = Format("a video (WebM)", "video/webm")
_MP4 = Format("a video (MP4)", "video/mp4")
_M4A = Format("a sound file (M4A)", "audio/mp4")
_MP3 = Format("a sound file (MP3)", "audio/mpeg")
_FLAC = Format("a sound file (FLAC)", "audio/flac")

_STARTS: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"%PDF-", Format("a PDF document", "application/pdf")),
    (b"%!PS", Format("a PostScript document", "application/postscript")),
    (b"\xc5\xd0\xd3\xc6", Format("an EPS drawing", "application/postscript")),
    (b"PK\x03\x04", Format("a zip archive or an office document", "application/zip")),
    (b"PK\x05\x06", Format("an empty zip archive", "application/zip")),
    (b"Rar!\x1a\x07", Format("a RAR archive", "application/vnd.rar")),
    (b"7z\xbc\xaf\x27\x1c", Format("a 7z archive", "application/x-7z-compressed")),
    (b"\x1f\x8b", Format("a gzip archive", "application/gzip")),
    (b"BZh", Format("a bzip2 archive", "application/x-bzip2")),
    (b"\xfd7zXZ\x00", Format("an xz archive", "application/x-xz")),
    (b"\x28\xb5\x2f\xfd", Format("a zstd archive", "application/zstd")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format("an old office document", "application/x-ole-storage")),
    (b"{\\rtf", Format("an RTF document", "application/rtf")),
    (b"8BPS", Format("a Photoshop file", "image/vnd.adobe.photoshop")),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", Format("a JPEG XL picture", "image/jxl")),
    (b"\xff\x0a", Format("a JPEG XL picture", "image/jxl")),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Format("a JPEG 2000 picture", "image/jp2")),
    (b"\xff\x4f\xff\x51", Format("a JPEG 2000 picture", "image/jp2")),
    (b"\x00\x00\x01\x00", Format("an icon", "image/vnd.microsoft.icon")),
    (b"\x7fELF", Format("a program", "application/x-elf")),
    (b"MZ", Format("a program", "application/vnd.microsoft.portable-executable")),
    (b"SQLite format 3\x00", Format("a database", "application/vnd.sqlite3")),
    (b"-----BEGIN PGP", Format("an encrypted file", "application/pgp-encrypted")),
    (b"\x1aE\xdf\xa3", MATROSKA),
    (b"\x00\x00\x01\xba", Format("a video (MPEG)", "video/mpeg")),
    (b"\x00\x00\x01\xb3", Format("a video (MPEG)", "video/mpeg")),
    (b"FLV\x01", Format("a video (FLV)", "video/x-flv")),
    (b"0&\xb2u\x8ef\xcf\x11", Format("a video or sound file (Windows Media)", "video/x-ms-asf")),
    (b"OggS", Format("a sound file (Ogg)", "audio/ogg")),
    (b"fLaC", _FLAC),
    (b"#!AMR", Format("a sound file (AMR)", "audio/amr")),
    (b"caff", Format("a sound file (CAF)", "audio/x-caf")),
    (b"wvpk", Format("a sound file (WavPack)", "audio/x-wavpack")),
    (b"MAC ", Format("a sound file (Monkey's Audio)", "audio/x-ape")),
    (b"DSD ", Format("a sound file (DSD)", "audio/x-dsf")),
    (b"MThd", Format("a MIDI file", "audio/midi")),
    (b"#EXTM3U", Format("a playlist", "application/vnd.apple.mpegurl")),
)
_WAV = Format("a sound file (WAV)", "audio/wav")
_AIFF = Format("a sound file (AIFF)", "audio/aiff")
_CHUNKS = {
    b"RIFF": {
        b"WEBP": WEBP,
        b"WAVE": _WAV,
        b"AVI ": Format("a video (AVI)", "video/x-msvideo"),
    },
    b"RF64": {b"WAVE": _WAV},
    b"FORM": {b"AIFF": _AIFF, b"AIFC": _AIFF},
}
_QUICKTIME = Format("a video (QuickTime)", "video/quicktime")
# What stands first in a QuickTime file from before there were brands, as older cameras write it.
_OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"})
_BRANDS = {
    b"avif": AVIF,
    b"avis": AVIF,
    b"qt  ": _QUICKTIME,
    b"M4A ": _M4A,
    b"M4B ": _M4A,
    b"crx ": Format("a raw camera file", "image/x-canon-cr3"),
}
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_MARKUP = (
    (re.compile(rb"<svg[\s>:]", re.IGNORECASE), Format("an SVG drawing", "image/svg+xml")),
    (re.compile(rb"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|<script[\s>]", re.IGNORECASE),
     Format("an HTML page", "text/html")),
    (re.compile(rb"^<\?xml"), Format("an XML document", "application/xml")),
)  # fmt: skip
_MPEG_AUDIO = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef]")  # MPEG 2.5, 2 and 1
_AAC = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
_CONTROLS = frozenset(range(32)) - {7, 8, 9, 10, 12, 13, 27}


def sniff(head: bytes) -> Format:
    """Tell the format by the first ``HEAD_BYTES`` bytes; UNKNOWN when nothing is recognised."""
    if not head:
        return EMPTY
    found = _sniff_box(head) or _CHUNKS.get(head[:4], {}).get(head[8:12])
    if found:
        return found
    if head.startswith(b"ID3"):
        return _sniff_tagged(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return BMP
    for start, found in _STARTS:
        if head.startswith(start):
            return _WEBM if found is MATROSKA and b"webm" in head[:64] else found
    return _sniff_text(head) or _sniff_stream(head) or UNKNOWN


def _sniff_tagged(head: bytes) -> Format:
    """Tell what stands behind an ID3 tag: an MP3, unless the tag is short enough to see that it is not."""
    behind = head[skip_id3v2(head, 0) :]
    return _FLAC if behind.startswith(b"fLaC") else _sniff_stream(behind) or _MP3


def _sniff_box(head: bytes) -> Format | None:
    if head[4:8] == b"ftyp":
        return _sniff_brand(head)
    return _QUICKTIME if head[4:8] in _OLD_QUICKTIME and head[0] < ord(" ") else None  # a length in front, no words


def _sniff_brand(head: bytes) -> Format:
    """Tell the members of the ISO base media family apart by their brands."""
    length = max(16, min(int.from_bytes(head[:4], "big"), len(head)))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    # AVIF names mif1 among its compatible brands, so its own brands are asked for first.
    for brand in (*brands[:1], *(each for each in brands if each in {b"avif", b"avis"})):
        if brand in _BRANDS:
            return _BRANDS[brand]
    if any(brand in _HEIC_BRANDS for brand in brands):
        return HEIC
    if brands[0][:3] in {b"3gp", b"3g2"}:
        return Format("a video (3GP)", "video/3gpp")
    return _MP4


def _sniff_text(head: bytes) -> Format | None:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        codec = "utf-16-le" if head[0] == 0xFF else "utf-16-be"
        head = head[2:].decode(codec, "replace").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text or any(byte in _CONTROLS for byte in text):
        return None
    if text[:11].upper() == b"BEGIN:VCARD":
        return Format("a contact (vCard)", "text/x-vcard")
    if text.startswith(b"<"):
        for pattern, found in _MARKUP:
            if pattern.search(text):
                return found
    try:
        text.decode()
    except UnicodeDecodeError as wrong:
        # The head may end in the middle of a character.
        if wrong.start < len(text) - 4:
            return None
    return TEXT


def _sniff_stream(head: bytes) -> Format | None:
    """Recognise sound files that have no signature but a frame header."""
    if _MPEG_AUDIO.match(head):
        return _MP3
    if _AAC.match(head):
        return Format("a sound file (AAC)", "audio/aac")
    return None
