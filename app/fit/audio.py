"""A sound file to AAC-LC in an M4A, at the bits that the budget leaves."""

import tempfile
import time
from pathlib import Path

from app.confine.programs import ffmpeg_path, run_ffmpeg
from app.errors import CannotFit, MediaDamaged, MediaUnsupported
from app.fit.choice import Cut, cut_of, facts_of
from app.fit.output import write_fitted
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form, Quality

AUDIO_TYPE = "audio/mp4"
LEAST_BITS = 12_000  # a second, mono: speech that can be understood
MOST_BITS = 128_000
STEREO_FROM_BITS = 64_000
_AIM = 0.96
_BYTES_OF_BOXES = 2_000
_BYTES_A_SECOND_IN_BOXES = 130
_TRIES = 3
_PASSING = frozenset({"audio/amr", "audio/mpeg"})  # what handsets play as it is


def fit_audio(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice = WHOLE) -> Fitted:
    """Make the best M4A that ``budget`` allows; AMR and MP3 within it pass byte for byte.

    Raises:
        MediaUnsupported: no ffmpeg here, or sound may not go out.
        CannotFit: too long; ``fits_seconds`` says which length would fit.
        MediaDamaged: no decoder gets through it.
    """
    started = time.monotonic_ns()
    cut = cut_of(facts, choice)
    if cut.whole and choice.form is Form.AUTO and _passes(facts, budget):
        return write_fitted(
            path.read_bytes(), budget, out_dir, content_type=facts.content_type, size=(0, 0),
            quality=Quality(seconds=facts.seconds), untouched=True,
        )  # fmt: skip
    if AUDIO_TYPE not in budget.content_types or ffmpeg_path() is None or choice.form not in {Form.AUTO, Form.AAC}:
        raise MediaUnsupported("Sound files cannot be fitted here.", found=facts.content_type)
    facts = facts_of(facts, cut)
    boxes = _BYTES_OF_BOXES + _BYTES_A_SECOND_IN_BOXES * facts.seconds
    bits = int(min(MOST_BITS, (budget.max_bytes * _AIM - boxes) * 8 / facts.seconds))
    if bits < LEAST_BITS:
        fits_seconds = max(
            0, int((budget.max_bytes * _AIM - _BYTES_OF_BOXES) / (LEAST_BITS / 8 + _BYTES_A_SECOND_IN_BOXES))
        )
        raise CannotFit(
            f"{facts.seconds:.0f} seconds of sound do not fit {budget.max_bytes:,} bytes; cut it to {fits_seconds} seconds.",
            limit_bytes=budget.max_bytes,
            best_bytes=int(LEAST_BITS * facts.seconds / 8 + boxes),
            fits_seconds=fits_seconds,
            instead=["cut"],
        )
    content, bits, tries = _encode(path, facts, cut, budget, out_dir, bits)
    lost = "metadata removed" if facts.has_metadata or facts.has_location else ""
    return write_fitted(
        content, budget, out_dir, content_type=AUDIO_TYPE, size=(0, 0),
        quality=Quality(
            encoder="AAC-LC", encodes=tries, milliseconds=(time.monotonic_ns() - started) // 1_000_000, seconds=facts.seconds
        ),
        given_up=filter(None, (cut.given_up, f"compressed to {bits // 1000} kb/s", lost)),
    )  # fmt: skip


def _passes(facts: Facts, budget: Budget) -> bool:
    """Tell whether it can go out as it came."""
    is_ours = facts.content_type == AUDIO_TYPE and not facts.has_metadata
    return (
        facts.bytes <= budget.max_bytes
        and not facts.has_location
        and (is_ours or facts.content_type in _PASSING)
        and facts.content_type in budget.content_types
    )


def _encode(path: Path, facts: Facts, cut: Cut, budget: Budget, out_dir: Path, bits: int) -> tuple[bytes, int, int]:
    """Encode, and again at fewer bits where it is too long; returns the file, its bits a second and the tries.

    Raises:
        MediaDamaged: no decoder gets through it.
    """
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        made = Path(folder) / "sound.m4a"
        tries, content = 0, b""
        while tries < _TRIES:
            tries += 1
            layout = ("-ac", "2", "-ar", "44100") if bits >= STEREO_FROM_BITS else ("-ac", "1", "-ar", "32000")
            done = run_ffmpeg(
                path, facts.content_type, "-map", "0:a:0", "-vn", "-map_metadata", "-1", "-map_chapters", "-1",
                "-fflags", "+bitexact", "-flags:a", "+bitexact", "-c:a", "aac", *layout, "-b:a", str(bits),
                "-movflags", "+faststart", "-f", "ipod", f"file:{made}",
                opening=cut.opening,
            )  # fmt: skip
            if done.returncode:
                raise MediaDamaged("No decoder gets through this sound file.", found=facts.content_type)
            content = made.read_bytes()
            if len(content) <= budget.max_bytes:
                break
            bits = int(bits * 0.97 * budget.max_bytes / len(content))
    return content, bits, tries
