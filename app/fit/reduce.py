"""Decoding a video once: its sound as it will be, then its pictures, upright, at their final size and rate, in SDR.

What comes out are a sound file and raw pictures, which the passes of the encoder then read as often as they need; the first
pass may take the pictures while they are decoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.confine.programs import run_ffmpeg
from app.errors import MediaDamaged
from app.fit.choice import Cut, refuse_without_pictures
from app.fit.video_plan import VideoPlan, source_fps
from app.model.media import Facts, Form

CLEAN = (
    "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact",
)  # fmt: skip
"""No tags, no chapters, nothing that differs from one run or one build to the next."""

DAMAGED_SOUND = "damaged pieces of the sound left out"
_MOST_NAMED_CHANNELS = 6  # as probe counts them
_TRANSFERS = {"PQ": "smpte2084", "HLG": "arib-std-b67"}
_SOUND_CODECS = {Form.MP4: "aac", Form.THREE_GP: "libopencore_amrnb"}
_SOUND_CONTAINERS = {Form.MP4: "ipod", Form.THREE_GP: "3gp"}


@dataclass(frozen=True, slots=True)
class Reduced:
    """``pictures`` are raw yuv420p frames of ``size``, BT.601, TV range; ``sound`` is None when there is none."""

    pictures: Path
    sound: Path | None
    size: tuple[int, int]
    fps: float

    @property
    def frames(self) -> int:
        """How many pictures there are."""
        return self.pictures.stat().st_size * 2 // (self.size[0] * self.size[1] * 3)

    @property
    def seconds(self) -> float:
        """How long they are shown."""
        return self.frames / self.fps

    @property
    def sound_bytes(self) -> int:
        """How long the file of the sound is; 0 when there is none."""
        return self.sound.stat().st_size if self.sound else 0

    @property
    def inputs(self) -> list[tuple[Path, tuple[str, ...]]]:
        """How ffmpeg opens them again: pictures first."""
        width, height = self.size
        raw = (
            "-f",
            "rawvideo",
            "-pixel_format",
            "yuv420p",
            "-video_size",
            f"{width}x{height}",
            "-framerate",
            f"{self.fps:.6g}",
        )
        return [(self.pictures, raw), *([(self.sound, ("-f", "mov"))] if self.sound else [])]


def reduce_sound(path: Path, facts: Facts, cut: Cut, plan: VideoPlan, folder: Path) -> tuple[Path | None, str]:
    """Make the sound that is wanted, in ``folder``: it comes first, since the pictures get what bits it leaves.

    A little of it may be damaged, as it is at the end of a recording that broke off; what nobody can decode is left out.

    Returns:
        The file, None when there is no sound; and what is to be said of damage, else nothing.

    Raises:
        MediaDamaged: too much of it is damaged.
    """
    if not plan.sound.bits:
        return None, ""
    sound = folder / "sound.mov"
    options = (
        "-map",
        "0:a:0",
        *CLEAN,
        *sound_options(facts, plan),
        "-f",
        _SOUND_CONTAINERS[plan.form],
        f"file:{sound}",
    )
    if not run_ffmpeg(path, facts.content_type, *options, opening=cut.opening).returncode:
        return sound, ""
    if not run_ffmpeg(path, facts.content_type, *options, opening=cut.opening, may_skip=True).returncode:
        return sound, DAMAGED_SOUND
    one = ("-map", "0:a:0", "-frames:a", "1", "-f", "null", "-")
    if run_ffmpeg(path, facts.content_type, *one, opening=cut.opening, may_skip=True).returncode:
        return None, "sound left out: of a kind that no decoder here reads"
    raise MediaDamaged("No decoder gets through the sound of this video.", found=facts.content_type)


def reduce_pictures(
    path: Path,
    facts: Facts,
    cut: Cut,
    plan: VideoPlan,
    sound: Path | None,
    folder: Path,
    *,
    beside: Sequence[str] = (),
    on_seconds: Callable[[float], None],
) -> Reduced:
    """Decode the pictures of the piece of ``path`` that is wanted into ``folder``, whole, at their final size and rate.

    Args:
        path: the video; read, never changed.
        facts: what it is.
        cut: the piece.
        plan: what it becomes.
        sound: what ``reduce_sound`` made of it.
        folder: where they go.
        beside: options of a further output that is made meanwhile, of the same pictures: they are called ``[coded]``.
        on_seconds: is told how far it is.

    InvalidRequest when there is no picture in the piece.

    Raises:
        MediaDamaged: no decoder gets through it, or there is no picture in it.
    """
    pictures = folder / "pictures.yuv"
    forks = "split[coded][kept]" if beside else "null[kept]"
    done = run_ffmpeg(
        path, facts.content_type, "-filter_complex", f"[0:V:0]{picture_filters(facts, cut, plan)},{forks}", *beside,
        "-map", "[kept]", *CLEAN, "-c:v", "rawvideo", "-f", "rawvideo", f"file:{pictures}",
        opening=cut.opening_for_pictures, on_seconds=on_seconds,
    )  # fmt: skip
    reduced = Reduced(pictures, sound, plan.size, plan.fps)
    if not done.returncode and not reduced.frames and not cut.whole:
        refuse_without_pictures(facts, cut)
    if done.returncode or not reduced.frames:
        raise MediaDamaged("No decoder gets through this video.", found=facts.content_type)
    return reduced


def sound_options(facts: Facts, plan: VideoPlan) -> tuple[str, ...]:
    """Name what makes the sound."""
    coder = ("-aac_coder", plan.sound.coder) if plan.form is Form.MP4 else ()
    return (
        "-af", ",".join([*mixing(facts), "aresample=async=1:first_pts=0"]),
        "-c:a", _SOUND_CODECS[plan.form], *coder, "-ac", str(plan.sound.channels),
        "-ar", str(plan.sound.hertz), "-b:a", str(plan.sound.bits),
    )  # fmt: skip


def mixing(facts: Facts) -> list[str]:
    """Name the filter that mixes channels whose places nobody knows, all alike; ffmpeg mixes those that it knows by itself."""
    if facts.channels <= _MOST_NAMED_CHANNELS:
        return []
    return [f"pan=mono|c0<{'+'.join(f'c{number}' for number in range(facts.channels))}"]


def picture_filters(facts: Facts, cut: Cut, plan: VideoPlan) -> str:
    """Name the filters from the decoder's pictures (ffmpeg has turned them upright) to the plan's frames, those of the cut.

    Pictures that are shown for less than one frame of the plan, all together, become one.
    """
    width, height = plan.picture
    end = ":eof_action=pass" if facts.frames * plan.fps <= source_fps(facts) else ""
    piece = [] if cut.whole else [f"trim=end_frame={max(1, round(cut.seconds * plan.fps))}"]
    filters = [
        *deinterlacing(facts),
        f"fps={plan.fps:.6g}:start_time=0{end}",
        *piece,
        *scaling(facts, (width, height)),
        "format=yuv420p",
    ]
    if plan.picture != plan.size:
        filters.append(f"pad={plan.size[0]}:{plan.size[1]}:(ow-iw)/2:(oh-ih)/2")
    return ",".join([*filters, "setsar=1"])


def deinterlacing(facts: Facts) -> list[str]:
    """Name the filter that makes pictures of one moment, of those alone that are said to be of two: scaling would blur both."""
    return ["bwdif=mode=send_frame:deint=interlaced"] if facts.is_interlaced else []


def scaling(facts: Facts, size: tuple[int, int]) -> list[str]:
    """Name the filters that scale to ``size`` in the colours that handsets expect: SDR, BT.601, TV range.

    HDR is tone-mapped after it was scaled: linear light in floating point takes 100 MB for a frame of 4K.
    """
    width, height = size
    transfer = _TRANSFERS.get(facts.color)
    if transfer is None:
        return [f"scale={width}:{height}:flags=bicubic:out_color_matrix=bt601:out_range=tv"]
    return [
        f"scale={width}:{height}:flags=bicubic",
        f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc",
        "zscale=t=linear:npl=100",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=tonemap=hable:desat=0",
        "zscale=t=bt709:m=170m:r=tv",
    ]
