"""A video to what handsets play: MP4 (H.264 Baseline, AAC-LC) or 3GP (H.263, AMR), two passes to the byte budget.

ffmpeg (GPL) is a program of its own, run as a separate process. The video is decoded and reduced once; the passes work on that.
At the fast setting, one pass while it is decoded is all.
"""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from app.confine.programs import OnSeconds, ffmpeg_encoders
from app.errors import MediaUnsupported
from app.fit.choice import Cut, cut_of
from app.fit.h263 import encode_h263
from app.fit.one_pass import encode_at_once
from app.fit.output import write_fitted
from app.fit.passing import MP4_TYPE, THREE_GP_TYPE, is_strict_3gp, passing_type
from app.fit.poster import fit_first_picture, make_poster
from app.fit.progress import Progress
from app.fit.reduce import Reduced, reduce_pictures, reduce_sound
from app.fit.stamps import without_stamps
from app.fit.two_pass import Encoded, bytes_around, encode_second_pass, first_pass, measure_ssim
from app.fit.video_effort import Effort, choose_effort
from app.fit.video_plan import SILENT, VideoPlan, plan_video, source_fps, warn_of_floor
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form, Quality

_ENCODERS = {Form.MP4: ("libx264", "aac"), Form.THREE_GP: ("h263", "libopencore_amrnb")}
_NAMES = {
    Form.MP4: "x264 Baseline, {passes}; AAC-LC",
    Form.THREE_GP: "H.263 profile 0, one quantiser; AMR-NB",
}
_REDUCED, _SECOND_PASS = 0.65, 0.85  # how far the job is after each; the first pass goes with the reduction
_AT_ONCE = 0.9  # where one run does it all, and a correction is rare


@dataclass(frozen=True, slots=True)
class _Result:
    """What was made by which plan, of how many pictures beside how much sound, and how near it is to them."""

    encoded: Encoded
    plan: VideoPlan
    damage: str
    frames: int
    seconds: float
    sound_bytes: int
    ssim: float | None


def fit_video(
    path: Path,
    facts: Facts,
    budget: Budget,
    out_dir: Path,
    choice: Choice = WHOLE,
    *,
    fast: bool = False,
    for_pages: bool = False,
) -> Fitted:
    """Make the best MP4 or 3GP that ``budget`` allows, or one picture of it: upright, SDR, no metadata, index first.

    Byte for byte what came, or without its dates and names, when handsets play it as it is and it is within the budget. How
    far it is stands in ``out_dir / "progress"``. ``fast`` takes a quicker preset of the encoder; ``for_pages`` takes as the
    picture the one that stands for all, not the first. InvalidRequest when the cut is not inside
    the video; CannotFit when it is too long for its floor, with ``fits_seconds``, ``cut`` and ``instead``; MediaDamaged
    when no decoder gets through it.

    Raises:
        MediaUnsupported: an encoder is missing here, or a video may not go out.
    """
    started = time.monotonic_ns()
    if choice.form is Form.FIRST_FRAME:
        return (make_poster if for_pages else fit_first_picture)(path, facts, budget, out_dir, choice)
    cut = cut_of(facts, choice)
    passed = _pass_through(path, facts, budget, out_dir, choice) if cut.whole else None
    if passed is not None:
        return passed
    form = Form.THREE_GP if choice.form is Form.THREE_GP else Form.MP4
    kind = THREE_GP_TYPE if form is Form.THREE_GP else MP4_TYPE
    missing = sorted(set(_ENCODERS[form]) - ffmpeg_encoders())
    if kind not in budget.content_types or missing:
        why = f"the ffmpeg here has no {' and no '.join(missing)}" if missing else f"{kind} may not go out"
        raise MediaUnsupported(f"A video cannot become {form.value} here: {why}.", found=facts.content_type)
    result = _make(path, facts, cut, budget, out_dir, choice, fast=fast)
    return _describe(result, facts, cut, budget, out_dir, started)


def _pass_through(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice) -> Fitted | None:
    """Take it as it came, when it is within every limit; None when it must be made anew."""
    is_within = facts.bytes <= budget.max_bytes and max(facts.width, facts.height) <= budget.side_pixels
    if not is_within or facts.has_location or facts.color:
        return None
    original = path.read_bytes()
    data = without_stamps(original)
    kind = passing_type(data)
    is_wanted = {
        Form.AUTO: bool(kind),
        Form.MP4: kind == MP4_TYPE,
        Form.THREE_GP: is_strict_3gp(data),
    }[choice.form]
    if not is_wanted or kind not in budget.content_types:
        return None
    return write_fitted(
        data,
        budget,
        out_dir,
        content_type=kind,
        size=(facts.width, facts.height),
        quality=Quality(frames_in=facts.frames, frames_out=facts.frames, seconds=facts.seconds),
        given_up=() if data == original else ("metadata removed",),
        untouched=data == original,
    )


def _make(path: Path, facts: Facts, cut: Cut, budget: Budget, out_dir: Path, choice: Choice, *, fast: bool) -> _Result:
    """Plan, reduce and encode; a plan whose correction missed too makes way for the next that asks for less."""
    progress = Progress(out_dir)
    planned = plan_video(facts, budget, choice)
    while True:
        plan, effort = choose_effort(planned, facts, fast=fast)
        with tempfile.TemporaryDirectory(dir=out_dir) as name:
            folder = Path(name)
            result = None
            if effort.is_one_pass:
                result = _make_at_once(path, facts, cut, plan, budget, folder, effort, progress)
                effort = Effort.QUICK
            result = result or _make_in_passes(path, facts, cut, plan, budget, folder, effort, progress)
        if 0 < len(result.encoded.content) <= budget.max_bytes:
            progress.tell(1.0)
            return result
        planned = plan_video(facts, budget, choice, after=planned)


def _make_at_once(
    path: Path,
    facts: Facts,
    cut: Cut,
    plan: VideoPlan,
    budget: Budget,
    folder: Path,
    effort: Effort,
    progress: Progress,
) -> _Result | None:
    """Decode and encode at once; None where that does not go through."""
    spans = {1: (0.0, _AT_ONCE), 2: (_AT_ONCE, 1.0)}

    def part(number: int) -> OnSeconds:
        return progress.part(*spans[number], plan.seconds)

    run = encode_at_once(path, facts, cut, plan, budget, folder, effort, part=part)
    if run is None:
        return None
    sound_bytes = round(plan.seconds * plan.sound.bits / 8)
    return _Result(run.encoded, plan, "", run.frames, run.seconds, sound_bytes, run.encoded.ssim)


def _make_in_passes(
    path: Path,
    facts: Facts,
    cut: Cut,
    plan: VideoPlan,
    budget: Budget,
    folder: Path,
    effort: Effort,
    progress: Progress,
) -> _Result:
    """Reduce and encode in as many passes as it takes."""
    told = progress.part(0.0, _REDUCED, plan.seconds)
    sound, damage = reduce_sound(path, facts, cut, plan, folder)
    if sound is None:
        plan = replace(plan, sound=SILENT)
    beside = first_pass(plan, sound, budget, folder, effort) if plan.form is Form.MP4 else ()
    reduced = reduce_pictures(path, facts, cut, plan, sound, folder, beside=beside, on_seconds=told)
    encoded = _encode(reduced, plan, budget, effort, progress)
    is_done = 0 < len(encoded.content) <= budget.max_bytes
    ssim = encoded.ssim or (measure_ssim(reduced, encoded.content) if is_done else None)
    return _Result(encoded, plan, damage, reduced.frames, reduced.seconds, reduced.sound_bytes, ssim)


def _encode(reduced: Reduced, plan: VideoPlan, budget: Budget, effort: Effort, progress: Progress) -> Encoded:
    middle = (_REDUCED + _SECOND_PASS) / 2
    spans = {1: (_REDUCED, middle), 2: (middle, _SECOND_PASS), 3: (_SECOND_PASS, 1.0)}

    def part(number: int) -> OnSeconds:
        return progress.part(*spans[number], reduced.seconds)

    if plan.form is Form.THREE_GP:
        return encode_h263(reduced, plan, budget, part=part)
    return encode_second_pass(reduced, plan, budget, effort, part=part)


def _describe(result: _Result, facts: Facts, cut: Cut, budget: Budget, out_dir: Path, started_ns: int) -> Fitted:
    plan, kept_fps, was_fps = result.plan, result.plan.fps, source_fps(facts)
    frames_in = max(1, round(facts.frames * cut.seconds / facts.seconds))
    frames_out = min(result.frames, frames_in)
    is_slower = kept_fps < was_fps - 0.5
    has_bars = plan.picture != plan.size
    said = [
        cut.given_up,
        f"scaled from {facts.width}x{facts.height} to {plan.picture[0]}x{plan.picture[1]}"
        if plan.picture != (facts.width, facts.height)
        else "",
        f"black bars around it, to {plan.size[0]}x{plan.size[1]}, a size that H.263 has" if has_bars else "",
        f"{was_fps:.3g} frames a second reduced to {kept_fps:.3g}" if is_slower else "",
        f"{frames_in - frames_out} of {frames_in} pictures left out: they come faster than the others"
        if cut.whole and not is_slower and frames_out < frames_in - 1
        else "",
        f"pictures compressed to {_reached_bits(result, cut) // 1000} kb/s",
        warn_of_floor(plan, facts, budget),
        _lost_of_sound(facts, plan),
        result.damage,
        "interlaced: each picture made of one of its two halves" if facts.is_interlaced else "",
        "high dynamic range (HDR) brought to the standard one" if facts.color else "",
        "location and other metadata removed"
        if facts.has_location
        else "metadata removed"
        if facts.has_metadata
        else "",
    ]
    quality = Quality(
        encoder=_NAMES[plan.form].format(passes="one pass" if result.encoded.passes == 1 else "two passes"),
        encodes=result.encoded.passes,
        milliseconds=(time.monotonic_ns() - started_ns) // 1_000_000,
        ssim=result.ssim,
        frames_in=frames_in,
        frames_out=frames_out,
        seconds=round(max(result.seconds, cut.seconds) if plan.sound.bits else result.seconds, 3),
    )
    return write_fitted(
        result.encoded.content,
        budget,
        out_dir,
        content_type=plan.content_type,
        size=plan.size,
        quality=quality,
        given_up=filter(None, said),
    )


def _reached_bits(result: _Result, cut: Cut) -> int:
    """Tell the bits a second that were asked for, unless the pictures came to less: one or two of them need no more."""
    pictures = len(result.encoded.content) - bytes_around(result.sound_bytes, result.frames)
    return min(result.encoded.bits, int(max(0.0, pictures) * 8 / max(cut.seconds, result.seconds)))


def _lost_of_sound(facts: Facts, plan: VideoPlan) -> str:
    """Say what became of the sound."""
    if not facts.channels or not plan.sound.bits:
        return ""
    kept = "stereo" if plan.sound.channels == 2 else "mono"
    as_phone = ", as on the telephone" if plan.form is Form.THREE_GP else ""
    return f"sound compressed to {plan.sound.bits // 1000} kb/s {kept}{as_phone}"
