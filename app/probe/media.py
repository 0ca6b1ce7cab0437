"""The entry: the bytes decide, name and declared type are hints that may lie."""

import re
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePath

from app.confine.programs import CLIP_TYPES, ffmpeg_path
from app.errors import MediaDamaged, MediaUnsupported, UploadEmpty
from app.model.media import Facts
from app.probe.ends import bytes_behind
from app.probe.sniff import EMPTY, HEAD_BYTES, Format, sniff

ACCEPTED = (
    "JPEG",
    "PNG",
    "HEIC",
    "WebP",
    "AVIF",
    "GIF",
    "BMP",
    "TIFF",
    "animated GIF",
    "animated WebP",
    "APNG",
    "vCard",
)
ACCEPTED_CLIPS = ("MP4", "MOV", "3GP", "WebM", "Matroska", "AVI", "MP3", "M4A", "Ogg", "FLAC", "AMR", "WAV", "AAC")
# Endings that promise something which could be sent; of any other nobody is surprised.
_PROMISING = {each.lower() for each in (*ACCEPTED, *ACCEPTED_CLIPS)} | {
    "jpg",
    "heif",
    "tif",
    "vcf",
    "mkv",
    "oga",
    "m4v",
}
# The box that says of a track what it was before it was encrypted, and how it is now (ISO/IEC 14496-12, 23001-7).
_ENCRYPTION = re.compile(rb"sinf[\s\S]{4}frma[\s\S]{8}schm[\s\S]{4}(cenc|cens|cbc1|cbcs|piff|itun)")
# How the blocks of a track are encrypted: ContentEncodings, ContentEncoding, ContentEncryption, ContentEncAlgo (RFC 9559).
_ENCRYPTED_BLOCKS = re.compile(
    rb"\x6d\x80[\s\S]{1,8}\x62\x40[\s\S]{1,60}?\x50\x35[\s\S]{1,60}?\x47\xe1(?:\x81|[\s\S]{8})([\x01-\x05])"
)
_TRACKS_WITHIN = 1 << 20  # bytes: what is told of the tracks stands before the pictures
DECODERS = ("app.probe.clip", "app.probe.contact", "app.probe.still")
"""What the processes that probe import before they begin, and nobody else: Pillow takes memory."""


def probe_media(path: Path, *, filename: str = "", declared_type: str = "", max_pixels: int) -> Facts:
    """Tell what the file at ``path`` really is, decoding all of it.

    Args:
        path: the upload; read, never changed.
        filename: the name that it came with; only ever used in a sentence.
        declared_type: the Content-Type that it came with; only ever used in a sentence.
        max_pixels: most pixels of one picture, width x height.

    MediaTooBig when it has more, MediaDamaged when it ends too early or no decoder gets through it.

    Raises:
        UploadEmpty: no bytes.
        MediaUnsupported: something that cannot be sent; ``found`` and ``accepted`` name it.
    """
    with path.open("rb") as file:
        found = sniff(file.read(HEAD_BYTES))
    if found is EMPTY:
        raise UploadEmpty("The file has no bytes.")
    if found.content_type in CLIP_TYPES and ffmpeg_path() is not None:
        from app.probe.clip import probe_clip

        _check_end(path, found)
        _check_open(path, found)
        return probe_clip(path, found)
    if found.content_type == "text/x-vcard":
        from app.probe.contact import probe_contact

        return probe_contact(path)
    if not found.decoder:
        raise MediaUnsupported(
            f"This is {found.name}{_lie(found, filename, declared_type)}.",
            found=found.content_type,
            accepted=_accepted(),
        )
    from app.probe.still import probe_still

    _check_end(path, found)
    return probe_still(path, found, max_pixels=max_pixels)


def _accepted() -> list[str]:
    return [*ACCEPTED, *(ACCEPTED_CLIPS if ffmpeg_path() else ())]


def _check_end(path: Path, found: Format) -> None:
    """Refuse what ends before the picture does, and what goes on behind it: two files in one fool somebody.

    Raises:
        MediaDamaged: it ends too early.
        MediaUnsupported: it goes on.
    """
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            behind = bytes_behind(found.content_type, data)
    except ValueError as broken:
        raise MediaDamaged(
            f"This is {found.name}, but it is cut off or damaged: {broken}.", found=found.content_type
        ) from broken
    if behind:
        raise MediaUnsupported(
            f"This is {found.name} with {behind:,} byte{'' if behind == 1 else 's'} of something else behind its end: "
            "open it, save it anew, and send that.",
            found=f"{found.content_type} and more",
            accepted=_accepted(),
        )


def _check_open(path: Path, found: Format) -> None:
    """Refuse what is encrypted by its name: a decoder would only call it damaged.

    Raises:
        MediaUnsupported: an MP4 or MOV whose samples are encrypted (Common Encryption, FairPlay), a WebM whose blocks are.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        if found.content_type in {"video/webm", "video/x-matroska"}:
            scheme = "WebM encryption" if _ENCRYPTED_BLOCKS.search(data, 0, _TRACKS_WITHIN) else ""
        else:
            told = _ENCRYPTION.search(data)
            scheme = told[1].decode("ascii") if told else ""
    if scheme:
        raise MediaUnsupported(
            f"This is {found.name}, and it is encrypted ({scheme}).",
            found=f"{found.content_type}, encrypted",
            accepted=_accepted(),
        )


def _lie(found: Format, filename: str, declared_type: str) -> str:
    """Say that the name promised something that could be sent, when it did."""
    suffix = PurePath(filename).suffix.lower()
    if suffix[1:] in _PROMISING and suffix[1:] not in found.content_type:
        return f", although its name ends in {suffix}"
    if declared_type.startswith("image/") and declared_type != found.content_type and declared_type[6:].isalnum():
        return f", although it was sent as {declared_type}"
    return ""
