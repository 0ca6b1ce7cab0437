"""What else is in a picture: where it was taken, and what programs and people wrote into it."""

from typing import Any

from PIL import ExifTags, Image

_LOCATION_WORDS = (b"GPSLatitude", b"GPSLongitude", b"GPSCoordinates", b"photoshop:City", b"Iptc4xmpCore:Location",
                   b"LocationCreated", b"LocationShown", b"geo:lat", b"photoshop:State", b"photoshop:Country")  # fmt: skip
# IPTC records 2:90 city, 2:92 sublocation, 2:95 state, 2:101 country, each after 0x1C 0x02.
_IPTC_PLACES = (b"\x1c\x02\x5a", b"\x1c\x02\x5c", b"\x1c\x02\x5f", b"\x1c\x02\x65")
_NOT_PERSONAL = frozenset({
    "icc_profile", "dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density", "adobe", "adobe_transform", "gamma",
    "progressive", "progression", "transparency", "version", "background", "duration", "loop", "timestamp", "compression",
    "bit_depth", "icc_profile_type", "chroma", "primary", "depth_images", "aux", "nclx_profile", "thumbnails", "srgb",
    "chromaticity", "interlace", "aspect", "extension", "default_image", "resolution", "metadata", "mp", "mpoffset",
    "sizes", "tiff_orientation", "original_orientation", "heif", "camera_intrinsic_matrix", "camera_extrinsic_matrix_rot",
    "blend", "disposal", "bbox",
})  # fmt: skip
_GPS_VERSION = 0
# EXIF shares its tags with TIFF, where these say how the pixels are stored; orientation tells nothing of anybody either.
_LAYOUT_TAGS = frozenset({*range(254, 260), 262, 266, *range(273, 279), *range(279, 284), 284, 296, 301, 317, 320,
                          *range(322, 326), 338, 339, 530, 531, 532, 34675})  # fmt: skip


def orientation_of(image: Image.Image) -> int:
    """Tell the EXIF orientation, 1 (upright) when there is none or it is not one of 1 to 8."""
    value = _exif_of(image).get(ExifTags.Base.Orientation, 1)
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _exif_of(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001 -- Pillow's EXIF reader raises many kinds on broken blocks; a picture without EXIF is fine
        return Image.Exif()


def has_location(image: Image.Image) -> bool:
    """Tell whether EXIF, XMP, IPTC or a text says where it was taken; a block that cannot be read is taken to say so."""
    raw = [value for key, value in image.info.items() if key not in _NOT_PERSONAL]
    if any(word in text for text in map(_bytes_of, raw) for word in _LOCATION_WORDS):
        return True
    photoshop = image.info.get("photoshop")
    if isinstance(photoshop, dict) and any(
        place in _bytes_of(block) for block in photoshop.values() for place in _IPTC_PLACES
    ):
        return True
    return _has_gps(image)


def _has_gps(image: Image.Image) -> bool:
    try:
        exif = image.getexif()
        if ExifTags.IFD.GPSInfo not in exif:
            return False
        return bool(set(exif.get_ifd(ExifTags.IFD.GPSInfo)) - {_GPS_VERSION})
    except Exception:  # noqa: BLE001 -- as above; what cannot be read could be a place
        return True


def has_metadata(image: Image.Image) -> bool:
    """Tell whether there is any EXIF, XMP, IPTC, comment or text."""
    return bool(set(_exif_of(image)) - _LAYOUT_TAGS) or any(
        value for key, value in image.info.items() if key not in _NOT_PERSONAL
    )


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (list, tuple)):
        return b" ".join(map(_bytes_of, value))
    return str(value).encode("utf-8", "replace") if isinstance(value, str) else b""
