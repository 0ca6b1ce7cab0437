"""What bytes are by their first few, as far as MMS media go: enough to see a wrong Content-Type."""

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"MThd", "audio/midi"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_SAME = (
    {"image/jpeg", "image/jpg", "image/pjpeg"},
    {"image/bmp", "image/x-ms-bmp"},
    {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"},
    {"audio/mpeg", "audio/mp3"},
    {"audio/midi", "audio/mid", "audio/x-midi"},
    {"audio/ogg", "video/ogg", "application/ogg"},
    {"audio/webm", "video/webm", "video/x-matroska"},
    {"audio/amr", "audio/amr-wb", "audio/amr-nb"},
    {"text/vcard", "text/x-vcard", "text/directory"},
    {
        "video/mp4",
        "video/3gpp",
        "video/3gpp2",
        "video/quicktime",
        "audio/mp4",
        "audio/3gpp",
        "audio/3gpp2",
        "audio/x-m4a",
    },
)


def sniff(data: bytes) -> str:
    """Name the media type of ``data``, or an empty string when its start says nothing."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return _sniff_brand(data[8:12])
    head = data[:200].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if head.startswith(b"begin:vcard"):
        return "text/vcard"
    return "image/svg+xml" if b"<svg" in head else ""


def _sniff_brand(brand: bytes) -> str:
    if brand in {b"heic", b"heix", b"mif1", b"msf1"}:
        return "image/heic"
    if brand in {b"avif", b"avis"}:
        return "image/avif"
    return "video/3gpp" if brand.startswith(b"3g") else "video/mp4"


def types_agree(named: str, found: str) -> bool:
    """Tell whether a declared type is a name for what the bytes are."""
    return named == found or any(named in group and found in group for group in _SAME)
