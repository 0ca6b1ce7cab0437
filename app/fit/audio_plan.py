"""Before a sound file is encoded: in which form, at how many bits, and how many seconds of it would fit.

Where the caller leaves the form to us: AMR-NB where it is telephone sound already (8 kHz), or where fewer bits are left than
AAC needs; AAC otherwise. Whether it is speech or music is not guessed: from 16 kb/s on AAC carries both, below that AMR keeps
speech clear where AAC keeps nothing, and what it does to music is said.
"""

from dataclasses import dataclass, replace
from typing import Any, NoReturn

from app.confine.programs import ffmpeg_encoders
from app.errors import CannotFit, MediaUnsupported
from app.fit.choice import cut_of
from app.limits import floor_named
from app.model.media import Budget, Choice, Facts, Form

AIM = 0.975
MOST_BITS = 128_000
_LEAST_AAC_BITS = int(floor_named("audio_aac_bits").value)  # rule: docs/limits.md#floors
_BYTES_OF_BOXES = 1_500
_TELEPHONE_HERTZ = 8_000

TYPES = {Form.AAC: "audio/mp4", Form.AMR: "audio/amr", Form.MP3: "audio/mpeg"}
ENCODERS = {Form.AAC: "aac", Form.AMR: "libopencore_amrnb", Form.MP3: "libmp3lame"}

# Least bits a second, samples a second, channels.
_AAC = (
    (96_000, 44_100, 2), (64_000, 44_100, 2), (40_000, 44_100, 1), (28_000, 32_000, 1), (20_000, 24_000, 1),
    (_LEAST_AAC_BITS, 16_000, 1),
)  # fmt: skip
# The constant bit rates of MPEG-1 and, from 40 kb/s down, of MPEG-2.
_MP3 = (
    (128_000, 44_100, 2), (112_000, 44_100, 2), (96_000, 44_100, 2), (80_000, 44_100, 2), (64_000, 44_100, 1),
    (56_000, 44_100, 1), (48_000, 44_100, 1), (40_000, 24_000, 1), (32_000, 24_000, 1), (24_000, 24_000, 1), (16_000, 16_000, 1),
)  # fmt: skip
# AMR-NB's modes, bits a second, and the bytes of a frame of 20 ms with the byte before it.
_AMR = ((12_200, 32), (10_200, 27), (7_950, 21), (7_400, 20), (6_700, 18), (5_900, 16), (5_150, 14), (4_750, 13))


@dataclass(frozen=True, slots=True)
class AudioPlan:
    """What a sound file will be: ``bits`` and ``hertz`` a second; ``fits_seconds`` is how long a piece fits at the floor."""

    form: Form
    content_type: str
    bits: int
    hertz: int
    channels: int
    seconds: float
    fits_seconds: int


def plan_audio(facts: Facts, budget: Budget, choice: Choice) -> AudioPlan:
    """Choose form and bits for what the budget leaves; nothing is read or encoded.

    InvalidRequest when the cut is not inside of it. CannotFit when even the floor needs more: ``fits_seconds``, ``plans``,
    ``cut`` and ``instead`` say what is possible.

    Raises:
        MediaUnsupported: the form may not go out, or the ffmpeg here cannot make it.
    """
    cut = cut_of(facts, choice)
    possible = [form for form in TYPES if TYPES[form] in budget.content_types and ENCODERS[form] in ffmpeg_encoders()]
    wanted = _preference(facts) if choice.form is Form.AUTO else (choice.form,)
    forms = [form for form in wanted if form in possible]
    if not forms:
        name = "sent" if choice.form is Form.AUTO else f"made {choice.form.value}"
        missing = [ENCODERS[form] for form in wanted if ENCODERS[form] not in ffmpeg_encoders()]
        why = f"the ffmpeg here has no {' and no '.join(missing)}" if missing else "its type may not go out"
        raise MediaUnsupported(f"A sound file cannot be {name} here: {why}.", found=facts.content_type)
    plans = [plan for form in forms if (plan := _plan_form(facts, budget, cut.seconds, form)) is not None]
    if not plans:
        _refuse(facts, budget, choice, cut.seconds, forms, possible)
    return replace(plans[0], fits_seconds=max(_fits_seconds(budget, form) for form in forms))


def _preference(facts: Facts) -> tuple[Form, ...]:
    if 0 < facts.hertz <= _TELEPHONE_HERTZ:
        return Form.AMR, Form.AAC, Form.MP3
    return Form.AAC, Form.AMR, Form.MP3


def _plan_form(facts: Facts, budget: Budget, seconds: float, form: Form) -> AudioPlan | None:
    """Take the most bits that fit in a form; None when its floor does not."""
    if form is Form.AAC:
        return _plan_aac(facts, budget, seconds)
    if form is Form.MP3:
        room = (budget.max_bytes - _BYTES_OF_BOXES) * 8 / (seconds + 0.2)
        fitting = next((rung for rung in _MP3 if rung[0] <= room and rung[2] <= max(1, facts.channels)), None)
        return _plan(form, *fitting, seconds) if fitting else None
    frames = seconds * 50 + 2
    mode = next((bits for bits, length in _AMR if frames * length + 6 <= budget.max_bytes), None)
    return _plan(form, mode, _TELEPHONE_HERTZ, 1, seconds) if mode else None


def _plan_aac(facts: Facts, budget: Budget, seconds: float) -> AudioPlan | None:
    """Take the first rung whose bits are there, after its index; None when there is none."""
    room = (budget.max_bytes * AIM - _BYTES_OF_BOXES) * 8 / seconds
    for least, hertz, channels in _AAC:
        bits = int(min(MOST_BITS, room - _index_bits(hertz)))
        if bits >= least:
            kept = min(channels, max(1, facts.channels))
            return _plan(Form.AAC, min(bits, MOST_BITS // 2 * kept), hertz, kept, seconds)
    return None


def _index_bits(hertz: int) -> float:
    """An M4A lists the length of each frame, of 1,024 samples, in four bytes."""
    return hertz / 1024 * 4 * 8


def _plan(form: Form, bits: int, hertz: int, channels: int, seconds: float) -> AudioPlan:
    return AudioPlan(form, TYPES[form], bits, hertz, channels, seconds, fits_seconds=0)


def _fits_seconds(budget: Budget, form: Form) -> int:
    """Tell how many whole seconds fit at the floor of a form."""
    if form is Form.AMR:
        return int((budget.max_bytes - 6) / (50 * _AMR[-1][1]))
    if form is Form.MP3:
        return max(0, int((budget.max_bytes - _BYTES_OF_BOXES) * 8 / _MP3[-1][0] - 0.2))
    return max(0, int((budget.max_bytes * AIM - _BYTES_OF_BOXES) * 8 / (_LEAST_AAC_BITS + _index_bits(_AAC[-1][1]))))


def _refuse(
    facts: Facts, budget: Budget, choice: Choice, seconds: float, forms: list[Form], possible: list[Form]
) -> NoReturn:
    """Say what would fit instead: a piece, or another form.

    Raises:
        CannotFit: always.
    """
    fits_seconds = max(_fits_seconds(budget, form) for form in forms)
    pieces = [_plan_form(facts, budget, fits_seconds, form) for form in forms] if fits_seconds else []
    plans = [_plan_to_json(plan) for plan in pieces if plan is not None][:1]
    others = [form for form in possible if form not in forms and _plan_form(facts, budget, seconds, form) is not None]
    ways = [
        *(f"cut it to {plan['seconds']:g} seconds ({plan['sound_bits_a_second'] / 1000:.3g} kb/s)" for plan in plans),
        *(f"take it as {form.value}" for form in others),
    ]
    cut: dict[str, Any] = {"cut": {"start": choice.start, "seconds": fits_seconds}} if fits_seconds else {}
    raise CannotFit(
        f"{seconds:.0f} seconds of sound do not fit {budget.max_bytes:,} bytes: {', or '.join(ways) or 'there is no way'}.",
        limit_bytes=budget.max_bytes,
        best_bytes=int(budget.max_bytes * seconds / fits_seconds) if fits_seconds else int(650 * seconds),
        fits_seconds=fits_seconds,
        plans=plans,
        instead=[*(["cut"] if fits_seconds else []), *(form.value for form in others)],
        **cut,
    )


def _plan_to_json(plan: AudioPlan) -> dict[str, Any]:
    """Say in which form and at which bits that many seconds fit."""
    return {"seconds": plan.seconds, "as": plan.form.value, "sound_bits_a_second": plan.bits}
