"""Mutated real files through the confined pool: a result within the budget or one of our errors, never anything else.

Every second case has a choice: a form, a cut, the poster of a clip. What comes out must be what it is said to be, too.

    python -m tests.media.fuzz [CASES] [SEED]        (make fuzz: 10,000 of them; make fuzz ARGS="500 7")

It prints its seed and what came out how often, and ends with 1 when a decoder died, hung, or raised something that was not
foreseen. The files that did so are kept in a folder that it names.
"""

import base64
import collections
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

import structlog

from app.confine import DecoderPool
from app.confine.programs import ffmpeg_path
from app.errors import PostcardError
from app.fit.media import DECODERS as FITTING
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form
from app.probe.media import DECODERS as PROBING
from tests.media import clips, pictures
from tests.media.jobs import probe_fit_and_probe

BUDGET = Budget(20_000, 320)
UNFORESEEN = (
    "No decoder gets through this file.",
    "The decoder broke on this file.",
    "took longer",
    "more memory than there is",
)


def real_files() -> list[bytes]:
    """Give one small file of every kind, and a few that cameras and browsers wrote."""
    return [*_stills(), *_animations(), *_contacts(), *(_clips() if ffmpeg_path() else ())]


def _stills() -> list[bytes]:
    still = pictures.photograph(120, 90)
    return [
        *(pictures.save(still, kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "HEIF", "AVIF", "BMP", "TIFF")),
        *(path.read_bytes() for path in sorted((Path(__file__).parent / "files").glob("*.[jp][pn]g"))),
        pictures.save(still, "JPEG", progressive=True, exif=pictures.exif(orientation=6, gps=True)),
        pictures.save(still.convert("L"), "JPEG", progressive=True),
        pictures.save(still, "JPEG", icc_profile=pictures.wide_gamut_profile()),
        pictures.cmyk_jpeg(80, 60),
        pictures.save(still.convert("RGBA"), "PNG", exif=pictures.exif(gps=True)),
        pictures.save(still.convert("I;16"), "PNG"),
        pictures.save(still.quantize(50), "PNG", transparency=3),
        pictures.save(still.convert("1"), "PNG"),
        pictures.save(still, "TIFF", compression="tiff_lzw"),
        pictures.save(still, "WEBP", lossless=True),
    ]


def _animations() -> list[bytes]:
    moving = pictures.drawing_that_moves(60, 5)
    return [pictures.animation(moving, kind, loop=0) for kind in ("GIF", "WEBP", "PNG")] + [
        pictures.animation(moving, "AVIF")
    ]


def _contacts() -> list[bytes]:
    photo = base64.b64encode(pictures.save(pictures.photograph(60, 45), "JPEG", exif=pictures.exif(gps=True)))
    return [
        b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nEND:VCARD\r\n",
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:M\xfcller;Zo\xeb\r\nPHOTO;ENCODING=BASE64;JPEG:\r\n %b\r\n\r\nEND:VCARD\r\n"
        % photo,
        b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:A\r\nPHOTO:data:image/jpeg;base64,%b\r\nEND:VCARD\r\n" % photo,
    ]


def _clips() -> list[bytes]:
    h263 = ("-c:v", "h263", "-s", "128x96", "-r", "15", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1")
    vp8 = ("-c:v", "libvpx", "-s", "64x48", "-c:a", "libopus")
    small = [clips.clip(name, 1, size="64x48", rate=5) for name in ("c.mp4", "c.mov", "c.mkv", "c.webm", "c.avi")]
    sounds = [clips.sound(f"s.{ending}", 1) for ending in ("mp3", "ogg", "amr", "wav", "m4a", "flac", "aac")]
    return [
        *small,
        *sounds,
        clips.coded("c.3gp", *h263, seconds=1),
        clips.coded("live.webm", *vp8, "-live", "1", seconds=1),
        clips.coded("pieces.mp4", "-s", "64x48", "-movflags", "frag_keyframe+empty_moov", seconds=1),
        clips.make("s.opus", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "libopus"),
    ]


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Change, cut, double, insert or shuffle a few pieces, more often near the start, where headers are."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 12))):
        at = int(len(data) * chance.random() ** chance.choice((1, 3)))
        length = chance.choice((1, 1, 2, 4, 16, 256))
        match chance.randrange(6):
            case 0 | 1:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 2:
                data[at : at + length] = bytes([chance.choice((0, 255, 127, 128))]) * length
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = data[at : at + length]
            case _:
                data = data[: chance.randrange(1, len(data) + 1)] if len(data) > 1 and chance.random() < 0.2 else data
    return bytes(data)


def choose(chance: random.Random) -> Choice:
    """Choose a form and a cut, possible or not, for every second case."""
    if chance.random() < 0.5:
        return WHOLE
    cut = chance.random() < 0.5
    start = chance.choice((0.0, 0.001, 0.1, 0.5, 0.9, 0.999, 1.0, 7.0)) if cut else 0.0
    seconds = chance.choice((0.0, 0.001, 0.1, 0.101, 0.5, 1.0, 5.0)) if cut else 0.0
    return Choice(chance.choice(list(Form)), start, seconds)


def is_as_told(fitted: Fitted, found: Facts) -> bool:
    """Tell whether a result is within the budget, and of the type, length and size that is said."""
    # The pixels of a 3GP are 12:11, and probe tells how many square ones it shows.
    is_size = found.content_type == "video/3gpp" or (fitted.width, fitted.height) == (found.width, found.height)
    is_length = fitted.path.stat().st_size == fitted.bytes == found.bytes <= BUDGET.max_bytes
    return is_size and is_length and fitted.content_type == found.content_type


def run(cases: int, seed: int) -> int:
    """Try ``cases`` mutations; returns how many ended in a way that was not foreseen."""
    chance = random.Random(seed)
    files = real_files()
    outcomes: collections.Counter[str] = collections.Counter()
    kept = Path(tempfile.mkdtemp(prefix="postcard-fuzz-"))
    pool = DecoderPool(1, seconds=60, memory_bytes=1_000_000_000, preload=[*PROBING, *FITTING, "tests.media.jobs"])
    began, bad = time.monotonic(), 0
    sys.stdout.write(f"seed {seed}\n")
    try:
        with tempfile.TemporaryDirectory() as folder:
            upload = Path(folder) / "upload"
            for number in range(cases):
                content = mutate(chance.choice(files), chance)
                upload.write_bytes(content)
                choice, for_pages = choose(chance), chance.random() < 0.1
                try:
                    fitted, found = pool.run(
                        probe_fit_and_probe, upload, BUDGET, Path(folder), choice=choice, for_pages=for_pages
                    )
                    outcome = f"fitted {fitted.content_type}"
                    unforeseen = not is_as_told(fitted, found)
                    fitted.path.unlink(missing_ok=True)
                except PostcardError as refused:
                    outcome = refused.slug
                    unforeseen = any(said in refused.detail for said in UNFORESEEN)
                outcomes[outcome] += 1
                if unforeseen:
                    bad += 1
                    outcomes["NOT FORESEEN"] += 1
                    (kept / f"{seed}-{number}").write_bytes(content)
                    sys.stdout.write(f"not foreseen: {seed}-{number}, {outcome}, {choice}, for pages: {for_pages}\n")
    finally:
        pool.close()
    for outcome, count in outcomes.most_common():
        sys.stdout.write(f"{count:7} {outcome}\n")
    sys.stdout.write(
        f"{cases} cases in {time.monotonic() - began:.0f} s; {bad} not foreseen{f', kept in {kept}' if bad else ''}\n"
    )
    if not bad:
        kept.rmdir()
    return bad


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )  # warnings are its daily bread
    numbers = [int(each) for each in sys.argv[1:]]
    sys.exit(1 if run(*(numbers + [10_000, random.randrange(1 << 32)][len(numbers) :])) else 0)
