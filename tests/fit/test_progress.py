"""How far a fitting is: told while ffmpeg works, never backwards, read without trust."""

import os
import threading
import time
from pathlib import Path

import pytest

from app.fit.progress import FILE, Progress, read_progress
from app.model.media import Choice, Form
from tests.media import clips
from tests.media.fitting import fit


def _seen_while_fitting(folder: Path, content: bytes, form: Form) -> list[float]:
    """Fit, and give what was told meanwhile."""
    seen, done = [], threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(read_progress(folder / "out"))
            time.sleep(0.005)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        fit(folder, content, choice=Choice(form))
    finally:
        done.set()
        watcher.join()
    return seen


@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP])
def test_a_video_tells_how_far_it_is_and_never_goes_back(tmp_path: Path, form: Form) -> None:
    seen = _seen_while_fitting(tmp_path, clips.clip("clip.mp4", 4, size="1280x720"), form)
    assert seen == sorted(seen)
    assert any(0 < fraction < 1 for fraction in seen)
    assert read_progress(tmp_path / "out") == 1.0


def test_a_sound_file_tells_how_far_it_is_and_never_goes_back(tmp_path: Path) -> None:
    """Seven minutes: ffmpeg speaks twice a second, and 0.8 is where its only run ends."""
    content = clips.make("long.wav", "-f", "lavfi", "-i", "sine=f=440:d=420", "-ar", "8000")
    seen = _seen_while_fitting(tmp_path, content, Form.AMR)
    assert seen == sorted(seen)
    assert any(0 < fraction < 0.8 for fraction in seen)
    assert read_progress(tmp_path / "out") == 1.0


def test_a_short_sound_file_ends_at_one(tmp_path: Path) -> None:
    fit(tmp_path, clips.sound("s.wav", 20), choice=Choice(Form.AAC))
    assert read_progress(tmp_path / "out") == 1.0


def test_it_is_written_four_times_a_second_at_most(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    tell = progress.part(0.0, 0.5, 10)
    for step in range(1, 1000):
        tell(step / 100)
    assert read_progress(tmp_path) < 0.1
    progress.tell(1.0)
    assert read_progress(tmp_path) == 1.0
    progress.tell(0.2)
    assert read_progress(tmp_path) == 1.0


@pytest.mark.parametrize("content", [b"", b"much", b"nan", b"inf", b"\xff\xfe", b"1e999"])
def test_what_is_no_fraction_counts_as_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read_progress(tmp_path) == 0.0


def test_what_is_beyond_the_ends_is_brought_to_them(tmp_path: Path) -> None:
    for content, fraction in ((b"-3", 0.0), (b"7", 1.0), (b"0.25" + b"0" * 5_000, 0.25)):
        (tmp_path / FILE).write_bytes(content)
        assert read_progress(tmp_path) == fraction


def test_no_link_is_followed_and_no_pipe_is_waited_for(tmp_path: Path) -> None:
    assert read_progress(tmp_path) == 0.0
    (tmp_path / "elsewhere").write_text("0.5")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    assert read_progress(tmp_path) == 0.0
    (tmp_path / FILE).unlink()
    os.mkfifo(tmp_path / FILE)
    assert read_progress(tmp_path) == 0.0
