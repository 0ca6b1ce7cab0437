"""A sound file to what handsets play: AAC-LC in an M4A, AMR-NB or MP3, at the bits that the budget leaves."""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from app.confine.programs import OnSeconds, run_ffmpeg
from app.errors import CannotFit, MediaDamaged
from app.fit.audio_plan import ENCODERS, TYPES, AudioPlan, plan_audio
from app.fit.choice import Cut, cut_of
from app.fit.hidden import holds_more
from app.fit.output import write_fitted
from app.fit.passing import is_plain_m4a
from app.fit.progress import Progress
from app.fit.reduce import CLEAN, DAMAGED_SOUND, mixing
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form, Quality
from app.model.mpeg_audio import is_layer_3, mpeg_frames

_CORRECTED_AIM = 0.97
_NAMES = {Form.AAC: "AAC-LC", Form.AMR: "AMR-NB", Form.MP3: "LAME MP3"}
_CONTAINERS = {
    Form.AAC: ("-movflags", "+faststart", "-f", "ipod"),
    Form.AMR: ("-f", "amr"),
    Form.MP3: ("-id3v2_version", "0", "-write_xing", "0", "-f", "mp3"),
}
_AMR_START = b"#!AMR\n"  # the wide-band kind begins otherwise, and few handsets play it


@dataclass(frozen=True, slots=True)
class _Made:
    """A sound file, and what is to be said of damage, else nothing."""

    content: bytes
    damage: str


def fit_audio(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice = WHOLE) -> Fitted:
    """Make the best sound file that ``budget`` allows; what handsets play passes, byte for byte or without its tags.

    How far it is stands in ``out_dir / "progress"``. InvalidRequest when the cut is not inside of it; MediaUnsupported
    when the form cannot be made here; CannotFit when it is too long for its floor, with ``fits_seconds``, ``cut`` and
    ``instead``; MediaDamaged when no decoder gets through it.
    """
    started = time.monotonic_ns()
    cut = cut_of(facts, choice)
    passed = _pass_through(path, facts, budget, out_dir, choice) if cut.whole else None
    if passed is not None:
        return passed
    plan = plan_audio(facts, budget, choice)
    progress = Progress(out_dir)
    made, plan, runs = _encode(path, facts, cut, plan, budget, out_dir, progress)
    progress.tell(1.0)
    quality = Quality(
        encoder=_NAMES[plan.form],
        encodes=runs,
        milliseconds=(time.monotonic_ns() - started) // 1_000_000,
        seconds=round(cut.seconds, 3),
    )
    return write_fitted(
        made.content, budget, out_dir, content_type=plan.content_type, size=(0, 0), quality=quality,
        given_up=filter(None, (cut.given_up, *_lost(facts, plan), made.damage, _metadata_lost(facts))),
    )  # fmt: skip


def _metadata_lost(facts: Facts) -> str:
    if facts.has_location:
        return "location and other metadata removed"
    return "metadata removed" if facts.has_metadata else ""


def _lost(facts: Facts, plan: AudioPlan) -> tuple[str, ...]:
    """Say what compression, mixing and sampling took."""
    return (
        f"compressed to {plan.bits / 1000:.3g} kb/s",
        "mixed to mono" if plan.channels == 1 and facts.channels > 1 else "",
        "mixed to stereo" if plan.channels == 2 and facts.channels > 2 else "",
        f"{facts.hertz / 1000:g} kHz reduced to {plan.hertz / 1000:g}" if plan.hertz < facts.hertz else "",
        "as on the telephone: speech stays clear, music suffers"
        if plan.form is Form.AMR and facts.hertz > plan.hertz
        else "",
    )


def _pass_through(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice) -> Fitted | None:
    """Take it as it came, or without its tags and its cover, when that is within the budget; None when it must be made anew."""
    form = _form_of(path, facts)
    if form is None or choice.form not in {Form.AUTO, form} or TYPES[form] not in budget.content_types:
        return None
    data = path.read_bytes()
    is_clean = not (facts.has_location or facts.has_metadata) and _holds_sound_alone(data, form)
    if is_clean and facts.bytes > budget.max_bytes:
        return None
    content = data if is_clean else _without_tags(path, facts, form, out_dir)
    # A copy of an M4A that an edit list had cut still has some of what it hides.
    if not 0 < len(content) <= budget.max_bytes or not (is_clean or _holds_sound_alone(content, form)):
        return None
    return write_fitted(
        content, budget, out_dir, content_type=TYPES[form], size=(0, 0), quality=Quality(seconds=facts.seconds),
        given_up=() if is_clean else (_metadata_lost(facts) or "metadata removed",), untouched=is_clean,
    )  # fmt: skip


def _holds_sound_alone(data: bytes, form: Form) -> bool:
    """Tell whether there is nothing in it but its sound: decoders pass over tags that they do not know, and tell of none of them.

    An AMR has been read to its end by probe, frame by frame.
    """
    if form is Form.MP3:
        return _mp3_frames(data) == data
    return form is Form.AMR or not holds_more(data)


def _mp3_frames(data: bytes) -> bytes:
    """Join the frames of an MP3; nothing where only a decoder can tell them apart."""
    return b"".join(data[begin:end] for begin, end in mpeg_frames(data) or ())


def _form_of(path: Path, facts: Facts) -> Form | None:
    """Tell as which form handsets would play it; None when they would not."""
    if facts.content_type == TYPES[Form.MP3]:
        return Form.MP3 if is_layer_3(path.read_bytes()) else None
    if facts.content_type == TYPES[Form.AMR]:
        with path.open("rb") as file:
            return Form.AMR if file.read(len(_AMR_START)) == _AMR_START else None
    is_m4a = facts.content_type == TYPES[Form.AAC] and is_plain_m4a(path.read_bytes())
    return Form.AAC if is_m4a else None


def _without_tags(path: Path, facts: Facts, form: Form, out_dir: Path) -> bytes:
    """Copy the sound as it is, and nothing else."""
    if form is Form.MP3:
        return _mp3_frames(path.read_bytes())
    return _run(path, facts, out_dir, "-c:a", "copy", *_CONTAINERS[form]).content


def _encode(
    path: Path, facts: Facts, cut: Cut, plan: AudioPlan, budget: Budget, out_dir: Path, progress: Progress
) -> tuple[_Made, AudioPlan, int]:
    """Encode, and once more at fewer bits where it is too long; returns the file, what it became, and the runs.

    Raises:
        CannotFit: the correction is too long too.
    """
    made = _run_plan(path, facts, cut, plan, out_dir, progress.part(0.0, 0.8, cut.seconds))
    if len(made.content) <= budget.max_bytes:
        return made, plan, 1
    plan = replace(plan, bits=int(plan.bits * _CORRECTED_AIM * budget.max_bytes / len(made.content)))
    again = _run_plan(path, facts, cut, plan, out_dir, progress.part(0.8, 1.0, cut.seconds))
    if len(again.content) > budget.max_bytes:
        raise CannotFit(
            f"The shortest acceptable version has {len(again.content):,} bytes; the limit is {budget.max_bytes:,}.",
            limit_bytes=budget.max_bytes,
            best_bytes=len(again.content),
        )
    return again, plan, 2


def _run_plan(path: Path, facts: Facts, cut: Cut, plan: AudioPlan, out_dir: Path, on_seconds: OnSeconds) -> _Made:
    mixed = mixing(facts)
    return _run(
        path, facts, out_dir, *(("-af", *mixed) if mixed else ()),
        "-c:a", ENCODERS[plan.form], "-ac", str(plan.channels), "-ar", str(plan.hertz), "-b:a", str(plan.bits),
        *_CONTAINERS[plan.form], cut=cut, on_seconds=on_seconds,
    )  # fmt: skip


def _run(
    path: Path, facts: Facts, out_dir: Path, *options: str, cut: Cut | None = None, on_seconds: OnSeconds | None = None
) -> _Made:
    """Run ffmpeg over the sound alone; a fiftieth of it may be damaged.

    Raises:
        MediaDamaged: no decoder gets through it.
    """
    # A cut is made behind the decoder: sound files without an index are sought by guessing.
    piece = () if cut is None or cut.whole else ("-ss", f"{cut.start:.6f}", "-t", f"{cut.seconds:.6f}")
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        made = Path(folder) / "sound"
        command = ("-map", "0:a:0", "-vn", *piece, *CLEAN, *options, f"file:{made}")
        for damage in ("", DAMAGED_SOUND):
            done = run_ffmpeg(path, facts.content_type, *command, on_seconds=on_seconds, may_skip=bool(damage))
            if not done.returncode and made.exists():
                return _Made(made.read_bytes(), damage)
    raise MediaDamaged("No decoder gets through this sound file.", found=facts.content_type)
