"""The fast setting in one pass: it fills the budget from whatever container, and falls back where it does not go through."""

from pathlib import Path

import pytest

from app.model.media import Budget, Choice, Form
from tests.media import clips
from tests.media.fitting import fit, probe

CODED = ("-c:v", "libx264", "-crf", "20", "-c:a", "aac")


@pytest.mark.parametrize("max_bytes", [60_000, 150_000, 290_000])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv", "clip.webm", "clip.avi"])
def test_every_container_fills_the_budget_with_one_correction_at_most(
    tmp_path: Path, name: str, max_bytes: int
) -> None:
    budget = Budget(max_bytes, 1920)
    fitted = fit(tmp_path, clips.clip(name, 4), budget, fast=True)
    assert 0.96 * max_bytes <= fitted.bytes <= max_bytes
    assert fitted.quality.encodes <= 3  # noise at the fewest bits may miss twice; then it goes in passes
    made = probe(tmp_path, fitted.path.read_bytes())
    assert made.seconds == pytest.approx(4, abs=0.2)
    assert (made.content_type, made.has_location, made.channels) == ("video/mp4", False, 1)
    assert abs((fitted.quality.frames_out or 0) - made.frames) <= 1


def test_uneven_times_and_a_cut_keep_their_length(tmp_path: Path) -> None:
    fitted = fit(tmp_path, clips.with_uneven_times(), Budget(60_000, 1920), fast=True)
    assert probe(tmp_path, fitted.path.read_bytes()).seconds == pytest.approx(2, abs=0.2)
    wanted = Choice(Form.MP4, start=1.3, seconds=2)
    cut = fit(tmp_path, clips.coded("c.mp4", *CODED, seconds=4), Budget(60_000, 1920), wanted, fast=True)
    assert 0.96 * 60_000 <= cut.bytes <= 60_000
    assert probe(tmp_path, cut.path.read_bytes()).seconds == pytest.approx(2, abs=0.15)


def test_a_turned_clip_comes_out_upright(tmp_path: Path) -> None:
    fitted = fit(tmp_path, clips.clip("clip.mp4", 2, rotated=True), Budget(100_000, 1920), fast=True)
    assert fitted.height > fitted.width


def test_what_does_not_go_at_once_goes_in_passes(tmp_path: Path) -> None:
    whole = clips.coded("whole.avi", "-c:v", "mpeg4", "-c:a", "ac3", source="testsrc2=s=160x90:r=25:d={seconds}")
    at = whole.rfind(b"01wb", 0, whole.rfind(b"idx1"))  # the last packet of sound, torn inside of its chunk
    length = int.from_bytes(whole[at + 4 : at + 8], "little")
    torn = whole[: at + 8] + whole[at + 8 : at + 40] + bytes(length - 32) + whole[at + 8 + length :]
    fitted = fit(tmp_path, torn, choice=Choice(Form.MP4), fast=True)
    assert "damaged pieces of the sound left out" in fitted.given_up
    assert probe(tmp_path, fitted.path.read_bytes()).channels == 1
