"""Colours to sRGB: by what a profile does, whatever it is called, or by the gamma that a PNG tells."""

import io
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_SRGB = ImageCms.createProfile("sRGB")
_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
_UNREADABLE = (ImageCms.PyCMSError, OSError, ValueError)
_MOST_LEVELS_OFF = 2  # of 255: what a profile may do and still be called sRGB
_USUAL_GAMMA = 1 / 2.2
_GAMMA_SPAN = 0.05
_LIKELY_GAMMAS = (0.2, 5.0)  # beyond that it is a mistake of whoever wrote it
_P3, _SRGB_CURVE = 12, 13  # color_primaries and transfer_characteristics of ITU-T H.273
# XYZ of the primaries of Display P3 (SMPTE EG 432-1), adapted to D50 by the Bradford transform, as ICC wants them.
_P3_PRIMARIES = {
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}


@dataclass(frozen=True, slots=True)
class Coding:
    """How numbers stand for colours: an ICC ``profile``, else a ``gamma`` as PNG has it (0.0 = none is told: sRGB)."""

    profile: bytes = b""
    gamma: float = 0.0

    @property
    def is_srgb(self) -> bool:
        """Tell whether the colours are those of sRGB, or nobody can tell which others."""
        return is_srgb(self.profile) if self.profile else not self.has_other_gamma

    @property
    def has_other_gamma(self) -> bool:
        """Tell whether a gamma is told that is far from the usual one, and not absurd."""
        likely = _LIKELY_GAMMAS[0] <= self.gamma <= _LIKELY_GAMMAS[1]
        return likely and abs(self.gamma / _USUAL_GAMMA - 1) > _GAMMA_SPAN


def coding_of(image: Image.Image) -> Coding:
    """Read it from an opened picture: its ICC profile; of a HEIC its colour numbers (Display P3 alone); of a PNG its gamma."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return Coding(profile)
    numbers = image.info.get("nclx_profile") or {}
    if (numbers.get("color_primaries"), numbers.get("transfer_characteristics")) == (_P3, _SRGB_CURVE):
        return Coding(_display_p3())
    gamma = image.info.get("gamma", 0.0)
    return Coding(gamma=gamma if image.format == "PNG" and "srgb" not in image.info else 0.0)


def to_srgb(image: Image.Image, coding: Coding) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert L, RGB, CMYK or LAB to RGB in sRGB; also says in words what that changed."""
    if coding.profile:
        return _by_profile(image, coding.profile)
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(image, lab, _SRGB, outputMode="RGB") or image.convert("RGB"), ()
    if image.mode == "CMYK":
        return image.convert("RGB"), ("colours converted from CMYK",)
    converted = image.convert("RGB")
    if not coding.has_other_gamma:
        return converted, ()
    return converted.point(_table_from(coding.gamma) * 3), ("colours converted to sRGB",)


def _by_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    try:
        if _mode_of(profile) == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if image.mode in _SWATCHES and is_srgb(profile):
            return image.convert("RGB"), ()
        return _convert(image, profile), ("colours converted to sRGB",)
    except _UNREADABLE:
        return image.convert("RGB"), ("a colour profile that cannot be read was ignored",)


def _swatches() -> dict[str, Image.Image]:
    """Make what a profile is tried on: all greys; and 9 x 9 x 9 colours."""
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    return {"L": Image.fromarray(np.arange(256, dtype=np.uint8)[None]), "RGB": Image.fromarray(cube)}


_SWATCHES = _swatches()


@lru_cache(maxsize=16)
def is_srgb(profile: bytes) -> bool:
    """Tell whether an ICC profile leaves colours as they are, within two levels of 255, or cannot be read."""
    try:
        mode = _mode_of(profile)
        if mode not in _SWATCHES:
            return False
        before = _SWATCHES[mode]
        after = _convert(before, profile)
    except _UNREADABLE:
        return True
    strays = np.asarray(after).astype(int) - np.asarray(before.convert("RGB"))
    return bool(np.abs(strays).max() <= _MOST_LEVELS_OFF)


@lru_cache(maxsize=16)
def _mode_of(profile: bytes) -> str:
    """Tell which mode of Pillow's the profile is for.

    Raises:
        ValueError: none, or OSError: it is no profile.
    """
    space = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip()
    if space not in _MODES:
        raise ValueError(f"a profile for {space}")
    return _MODES[space]


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to RGB in sRGB.

    Raises:
        ValueError: the profile is for other pixels, or OSError, PyCMSError: it cannot be read.
    """
    mode = _mode_of(profile)
    if image.mode != mode:
        raise ValueError(f"a profile for {mode} in a picture of {image.mode}")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    if converted is None:
        raise ValueError("nothing was converted")
    return converted


def _table_from(gamma: float) -> list[int]:
    """Tell what each level of such a gamma is in sRGB: to light, then by the curve of IEC 61966-2-1."""
    light = (np.arange(256) / 255) ** (1 / gamma)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    return [int(level) for level in levels.round()]


@lru_cache(maxsize=1)
def _display_p3() -> bytes:
    """Make the profile of Display P3: that of sRGB, whose curve it has, with its own primaries."""
    data = bytearray(ImageCms.ImageCmsProfile(_SRGB).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        primary = _P3_PRIMARIES.get(bytes(data[at : at + 4]))
        if primary:
            start = int.from_bytes(data[at + 4 : at + 8], "big")
            struct.pack_into(">3i", data, start + 8, *(round(value * 65536) for value in primary))
    return bytes(data)
