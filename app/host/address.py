"""The address of bytes: prefix, SHA-256 in hex, extension of the real type. It depends on nothing else."""

import re

from app.errors import MediaUnsupported, RecordsInconsistent

EXTENSIONS: dict[str, str] = {
    "application/ogg": "ogg",
    "audio/3gpp": "3gp",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/amr-wb": "awb",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/x-m4a": "m4a",
    "audio/x-wav": "wav",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "image/webp": "webp",
    "text/calendar": "ics",
    "text/plain": "txt",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "video/mp4": "mp4",
    "video/mpeg": "mpg",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"(?:.*/)?([0-9a-f]{64})\.[a-z0-9]{2,5}")


def key_of(sha256: str, content_type: str, *, prefix: str) -> str:
    """Make the key of bytes: ``m/`` + 64 hex digits + ``.jpg``.

    Args:
        sha256: 64 lower-case hex digits of the bytes.
        content_type: the real type, as the decoder says; parameters are ignored.
        prefix: ends with a slash; says who may read (media are public, originals private).

    Raises:
        MediaUnsupported: the type has no extension in the table.
        RecordsInconsistent: ``sha256`` is no SHA-256.
    """
    bare = content_type.partition(";")[0].strip().lower()
    if bare not in EXTENSIONS:
        raise MediaUnsupported(f"Files of type {bare or 'unknown'} are not hosted.", content_type=bare)
    if not _SHA256.fullmatch(sha256):
        raise RecordsInconsistent("An address needs a SHA-256 of 64 lower-case hex digits.", sha256=sha256)
    return f"{prefix}{sha256}.{EXTENSIONS[bare]}"


def sha256_of_key(key: str) -> str:
    """Read the SHA-256 back from a key.

    Raises:
        RecordsInconsistent: the key was not made by :func:`key_of`.
    """
    found = _KEY.fullmatch(key)
    if not found:
        raise RecordsInconsistent("This key is not an address made of content.", key=key)
    return found[1]


def shown_name(key: str) -> str:
    """Tell the file name a handset may show: the first 12 hex digits and the extension, never the uploader's name."""
    return f"{sha256_of_key(key)[:12]}.{key.rpartition('.')[2]}"
