"""APNG against the specification: a composer of its own, in numbers that are not rounded, and ffmpeg as a second witness."""

import random
import struct
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.confine.programs import ffmpeg_path
from app.fit.apng import shown_frames
from app.fit.frames import load_frames
from app.model.media import Kind
from tests.media import pictures
from tests.media.fitting import fit, probe
from tests.media.pictures import png_chunk

SIZE = (64, 48)
RED, GREEN, HALF_BLUE, NOTHING = (255, 0, 0, 255), (0, 160, 0, 255), (0, 0, 255, 128), (0, 0, 0, 0)
Layer = NDArray[Any]


@dataclass(frozen=True)
class Piece:
    """A frame as it is stored, RGBA or grey of 16 bits; ``disposal`` and ``blend`` are the specification's numbers."""

    left: int
    top: int
    pixels: Layer
    disposal: int = 0
    blend: int = 0


def plain(color: tuple[int, int, int, int], width: int = SIZE[0], height: int = SIZE[1]) -> Layer:
    return np.tile(np.array(color, np.uint8), (height, width, 1))


def apng(pieces: Sequence[Piece], still: Layer | None = None, plays: int = 0) -> bytes:
    """Write an APNG; ``still`` is what stands before the animation and is no part of it."""

    def rows(pixels: Layer) -> bytes:
        return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))

    bits, color = (8, 6) if pieces[0].pixels.ndim == 3 else (16, 0)
    header = struct.pack(">2I5B", *SIZE, bits, color, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header), png_chunk(b"acTL", struct.pack(">2I", len(pieces), plays))]
    chunks += [png_chunk(b"IDAT", rows(still))] if still is not None else []
    number = 0
    for piece in pieces:
        height, width = piece.pixels.shape[:2]
        told = struct.pack(">5I2H2B", number, width, height, piece.left, piece.top, 1, 10, piece.disposal, piece.blend)
        chunks.append(png_chunk(b"fcTL", told))
        is_first = number == 0 and still is None
        number += 1 if is_first else 2
        data = rows(piece.pixels)
        chunks.append(
            png_chunk(b"IDAT", data) if is_first else png_chunk(b"fdAT", struct.pack(">I", number - 1) + data)
        )
    return b"".join([b"\x89PNG\r\n\x1a\n", *chunks, png_chunk(b"IEND", b"")])


def composed(pieces: Sequence[Piece]) -> list[NDArray[np.float64]]:
    """Lay the frames as the specification says: RGB times alpha, and alpha, 0 to 255."""
    canvas = np.zeros((SIZE[1], SIZE[0], 4))
    shown = []
    for number, piece in enumerate(pieces):
        height, width = piece.pixels.shape[:2]
        box = np.s_[piece.top : piece.top + height, piece.left : piece.left + width]
        before = canvas.copy()
        laid = piece.pixels.astype(float)
        laid[..., :3] *= laid[..., 3:] / 255
        canvas[box] = laid + canvas[box] * (1 - laid[..., 3:] / 255) if piece.blend else laid
        shown.append(canvas.copy())
        if piece.disposal == 1 or (piece.disposal == 2 and not number):
            canvas[box] = 0
        elif piece.disposal == 2:
            canvas = before
    return shown


def by_chance(seed: int) -> list[Piece]:
    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    pieces = []
    for number in range(chance.randint(2, 6)):
        left, top = (chance.randint(0, 50), chance.randint(0, 40)) if number else (0, 0)
        width, height = (chance.randint(1, SIZE[0] - left), chance.randint(1, SIZE[1] - top)) if number else SIZE
        pixels = numbers.integers(0, 256, (height, width, 4), np.uint8)
        pixels[..., 3] = numbers.choice([0, 128, 255], pixels.shape[:2])
        pieces.append(Piece(left, top, pixels, chance.choice([0, 1, 2]), chance.choice([0, 1])))
    return pieces


@pytest.mark.parametrize("seed", range(40))
def test_frames_are_laid_as_the_specification_says(seed: int) -> None:
    pieces = by_chance(seed)
    still = plain((255, 200, 0, 255)) if seed % 2 else None
    ours = [np.asarray(image).astype(float) for image, _ in shown_frames(apng(pieces, still))]
    for layer, wanted in zip(ours, composed(pieces), strict=True):
        layer[..., :3] *= layer[..., 3:] / 255
        assert np.abs(layer - wanted).max() < 5


@pytest.mark.parametrize("still", [None, plain((255, 200, 0, 255))])
def test_frames_are_laid_as_ffmpeg_lays_them(tmp_path: Path, still: Layer | None) -> None:
    drawn = plain(NOTHING)
    drawn[10:30, 10:30] = RED
    pieces = [Piece(0, 0, drawn, blend=1), Piece(20, 20, plain(HALF_BLUE, 30, 20), 2, 1), Piece(2, 2, plain(GREEN, 20, 20), 1),
              Piece(5, 5, plain(HALF_BLUE, 20, 20), 0, 1), Piece(40, 30, plain(NOTHING, 10, 10))]  # fmt: skip
    file = tmp_path / "moving.png"
    file.write_bytes(apng(pieces, still))
    run = [
        str(ffmpeg_path()),
        "-v",
        "error",
        "-i",
        str(file),
        "-pix_fmt",
        "rgba",
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "-",
    ]
    theirs = np.frombuffer(subprocess.run(run, capture_output=True, check=True).stdout, np.uint8).reshape(
        -1, SIZE[1], SIZE[0], 4
    )
    ours = [np.asarray(image).astype(int) for image, _ in shown_frames(file.read_bytes())]
    for layer, wanted in zip(ours, theirs, strict=True):
        seen = layer[..., 3] > 0
        assert np.abs(layer[..., 3] - wanted[..., 3]).max() <= 2
        assert np.abs(layer[seen] - wanted[seen]).max() <= 3


def test_the_first_frame_is_not_laid_over_the_still_before_it(tmp_path: Path) -> None:
    drawn = plain(NOTHING)
    drawn[10:30, 10:30] = RED
    content = apng(
        [Piece(0, 0, drawn, blend=1), Piece(40, 10, plain(GREEN, 20, 20), blend=1)], plain((255, 200, 0, 255))
    )
    facts = probe(tmp_path, content)
    assert (facts.kind, facts.frames) == (Kind.ANIMATION, 2)
    first = next(load_frames(tmp_path / "upload", facts, 1920).replay())
    assert tuple(first[2, 2]) == (255, 255, 255)
    assert tuple(first[20, 20]) == RED[:3]


def test_grey_of_sixteen_bits_is_not_clipped() -> None:
    deep = [Piece(0, 0, np.full(SIZE[::-1], level * 257, ">u2")) for level in (40, 90)]
    shades = [np.asarray(image)[0, 0].tolist() for image, _ in shown_frames(apng(deep))]
    assert shades == [[40, 40, 40, 255], [90, 90, 90, 255]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB"])
def test_every_kind_of_pixels_is_decoded(mode: str) -> None:
    source = [frame.convert(mode) for frame in pictures.drawing_that_moves(40, 3)]
    ours = [np.asarray(image) for image, _ in shown_frames(pictures.animation(source, "PNG"))]
    for layer, wanted in zip(ours, source, strict=True):
        assert np.abs(layer.astype(int) - np.asarray(wanted.convert("RGBA")).astype(int)).max() <= 1


@pytest.mark.parametrize(("plays", "loop"), [(65_536, 65_535), (65_537, 65_535), (2**31 - 1, 65_535)])
def test_more_plays_than_a_gif_can_say_are_the_most_that_it_can(tmp_path: Path, plays: int, loop: int) -> None:
    pieces = [Piece(0, 0, pixels) for pixels in (plain(RED), plain(GREEN))]
    for piece in pieces:
        piece.pixels[:, :20] = (255, 255, 255, 255)
    fitted = fit(tmp_path, apng(pieces, plays=plays))
    with Image.open(fitted.path) as image:
        assert image.info["loop"] == loop
    told = "repeated 65,535 times, the most that a GIF can say"
    assert (told in fitted.given_up) == (plays - 1 > loop)
