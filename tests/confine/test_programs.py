"""ffmpeg beside us: it dies with its decoder, reads one file by one demuxer, and says what it is able to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.confine import DecoderPool
from app.confine.programs import ffmpeg_encoders, ffmpeg_path, run_ffmpeg, run_ffmpeg_on_own
from app.errors import MediaDamaged, MediaTooBig
from app.fit import fit_media
from app.model.media import Budget, Choice, Facts, Form, Kind
from tests.media import clips

_ENDLESS = "from app.confine.programs import run_ffmpeg_on_own as run; from pathlib import Path; "
_ENDLESS += "run([(Path('{file}'), ('-stream_loop', '-1', '-re'))], '-f', 'null', '-', on_seconds={told})"


def children_of(pid: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def is_ffmpeg(pid: int) -> bool:
    try:
        return "ffmpeg" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("told", ["None", "print"])
@pytest.mark.parametrize("kill", ["process", "group"])
def test_ffmpeg_dies_with_the_process_that_runs_it(tmp_path: Path, told: str, kill: str) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(clips.clip("clip.mp4", 2))
    script = _ENDLESS.format(file=file, told=told)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, start_new_session=True) as decoder:
        while not any(map(is_ffmpeg, started := children_of(decoder.pid))):
            assert decoder.poll() is None
            time.sleep(0.01)
        if kill == "group":
            os.killpg(decoder.pid, signal.SIGKILL)
        else:
            decoder.kill()
        decoder.wait()
    while any(map(is_ffmpeg, started)):
        time.sleep(0.01)


def test_the_ffmpeg_that_we_bring_has_every_encoder_that_is_needed() -> None:
    assert {"libx264", "aac", "h263", "libopencore_amrnb", "libmp3lame"} <= ffmpeg_encoders()


_TRAPS = {
    "a playlist": "#EXTM3U\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n",
    "a playlist of URLs": "#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:{port}/x.ts\n#EXT-X-ENDLIST\n",
    "a list of files": "ffconcat version 1.0\nfile '{secret}'\n",
    "a description": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video {port} RTP/AVP 96\n",
}


@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP, Form.FIRST_FRAME])
@pytest.mark.parametrize("start", [0.0, 0.5])
@pytest.mark.parametrize("trap", sorted(_TRAPS))
def test_no_way_to_fit_a_video_opens_anything_but_the_file(tmp_path: Path, trap: str, form: Form, start: float) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(clips.clip("clip.mp4", 2))
    upload = tmp_path / "upload.mp4"
    upload.write_text(_TRAPS[trap].format(secret=secret, port=9))
    # As if the probe had been fooled: these facts would be believed.
    facts = Facts(Kind.VIDEO, "video/mp4", upload.stat().st_size, 640, 360, frames=60, seconds=2)
    with pytest.raises(MediaDamaged):
        fit_media(upload, facts, Budget(290_000, 1920), tmp_path, choice=Choice(form, start=start))


def test_no_way_to_fit_a_sound_file_opens_anything_but_the_file(tmp_path: Path) -> None:
    upload = tmp_path / "upload.mp3"
    upload.write_text(_TRAPS["a list of files"].format(secret=tmp_path / "secret.mp3"))
    for content_type in ("audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4"):
        facts = Facts(Kind.AUDIO, content_type, 2_000_000, seconds=2)
        with pytest.raises(MediaDamaged):
            fit_media(upload, facts, Budget(290_000, 1920), tmp_path, choice=Choice(Form.AMR))


def test_inside_of_a_real_container_a_reference_to_another_file_is_not_followed(tmp_path: Path) -> None:
    made = clips.make("clip.mov", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-c:v", "mjpeg")
    at = made.find(b"url ")
    # The flag "the media are in this file" is cleared: they would be looked for where the reference says.
    (tmp_path / "upload").write_bytes(made[: at + 4] + bytes(4) + made[at + 8 :])
    done = run_ffmpeg(tmp_path / "upload", "video/quicktime", "-f", "null", "-")
    own = run_ffmpeg_on_own([(tmp_path / "upload", ("-f", "mov"))], "-f", "null", "-")
    assert ffmpeg_path()
    assert b"http" not in done.stderr + own.stderr


_LACKING = """
import sys
from pathlib import Path
from app.errors import MediaUnsupported
from app.fit import fit_media
from app.model.media import Budget, Choice, Facts, Form, Kind

for kind, form in ((Kind.VIDEO, Form.THREE_GP), (Kind.AUDIO, Form.AMR), (Kind.AUDIO, Form.MP3)):
    facts = Facts(kind, "video/mp4", 9_000_000, 640, 360, frames=60, seconds=2)
    try:
        fit_media(Path(sys.argv[1]), facts, Budget(290_000, 1920), Path(sys.argv[2]), choice=Choice(form))
    except MediaUnsupported as refused:
        print(refused.detail)
"""


def test_an_ffmpeg_without_an_encoder_is_named_as_the_reason(tmp_path: Path) -> None:
    # Debian's ffmpeg has no AMR: here is one that has neither that nor MP3, in the place where ours is looked for.
    program = tmp_path / "imageio_ffmpeg/binaries/ffmpeg-lacking"
    program.parent.mkdir(parents=True)
    (tmp_path / "imageio_ffmpeg/__init__.py").touch()
    program.write_text(
        "#!/bin/sh\necho ' V....D libx264  H.264'\necho ' V....D h263  H.263'\necho ' A....D aac  AAC'\n"
    )
    program.chmod(0o755)
    (tmp_path / "upload").write_bytes(b"anything")
    done = subprocess.run(
        [sys.executable, "-c", _LACKING, str(tmp_path / "upload"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "A video cannot become 3gp here: the ffmpeg here has no libopencore_amrnb.",
        "A sound file cannot be made amr here: the ffmpeg here has no libopencore_amrnb.",
        "A sound file cannot be made mp3 here: the ffmpeg here has no libmp3lame.",
    ]


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"cpu_seconds": 1.0}, "more CPU time"), ({"file_bytes": 100_000}, "more room on the disk")],
    ids=["CPU time", "disk"],
)
def test_a_whole_clip_beyond_our_limits_is_not_called_damaged(
    tmp_path: Path, limits: dict[str, Any], words: str
) -> None:
    (tmp_path / "clip").write_bytes(clips.repeated(20, size="1920x1080", rate=60, crf=42))
    facts = Facts(Kind.VIDEO, "video/mp4", 10_000_000, 1920, 1080, 1200, 20.0, channels=0)
    pool = DecoderPool(1, seconds=120, memory_bytes=2 << 30, preload=["app.fit.video"], **limits)
    try:
        with pytest.raises(MediaTooBig, match=words):
            pool.run(fit_media, tmp_path / "clip", facts, Budget(285_904, 1920), tmp_path)
    finally:
        pool.close()
