"""ffmpeg beside us: it dies with its decoder, reads one file by one demuxer, and says what it is able to."""

import base64
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.confine import DecoderPool
from app.confine.feed import feed_ffmpeg
from app.confine.programs import ffmpeg_encoders, ffmpeg_path, run_ffmpeg, run_ffmpeg_on_own, run_program
from app.errors import MediaDamaged, MediaTooBig
from app.fit import fit_media
from app.model.media import Budget, Choice, Facts, Form, Kind
from tests.media import clips, pictures

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
    "a playlist": ("upload.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n"),
    "a playlist of URLs": (
        "upload.m3u8",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:{port}/x.ts\n#EXT-X-ENDLIST\n",
    ),
    "a list of files": ("upload.ffconcat", "ffconcat version 1.0\nfile secret.ts\n"),
    "a description": (
        "upload.sdp",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} TCP/MPEG 33\n",
    ),
}


@dataclass
class Trap:
    """A server that notes what is asked of it and answers nothing, and a clip that nobody uploaded."""

    folder: Path
    port: int
    asked: list[bytes]

    def set(self, kind: str, name: str = "") -> Path:
        usual, text = _TRAPS[kind]
        upload = self.folder / (name or usual)
        upload.write_text(text.format(port=self.port))
        return upload


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    asked: list[bytes] = []

    class Caught(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline())

    (tmp_path / "secret.ts").write_bytes(clips.clip("secret.ts", 2, size="64x48"))
    with socketserver.TCPServer(("127.0.0.1", 0), Caught) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield Trap(tmp_path, server.server_address[1], asked)
        server.shutdown()
        thread.join()


def test_without_our_options_ffmpeg_falls_into_these_traps(trap: Trap) -> None:
    def follow(kind: str, name: str = "") -> int:
        options = ("-protocol_whitelist", "file,http,tcp", "-i", f"file:{trap.set(kind, name)}", "-f", "null", "-")
        return run_program([ffmpeg_path() or "ffmpeg", "-v", "error", "-nostdin", *options]).returncode

    assert follow("a playlist") == follow("a list of files") == follow("a list of files", "upload.mp4") == 0
    assert not trap.asked
    assert follow("a playlist of URLs")
    assert trap.asked[0].startswith(b"GET /x.ts")


@pytest.mark.parametrize("form", [Form.MP4, Form.THREE_GP, Form.FIRST_FRAME])
@pytest.mark.parametrize("start", [0.0, 0.5])
@pytest.mark.parametrize("name", ["", "upload.mp4"], ids=["its own name", "a name that lies"])
@pytest.mark.parametrize("kind", sorted(_TRAPS))
def test_no_way_to_fit_a_video_opens_anything_but_the_file(
    trap: Trap, kind: str, name: str, form: Form, start: float
) -> None:
    upload = trap.set(kind, name)
    out = trap.folder / "out"
    out.mkdir()
    # As if the probe had been fooled: these facts would be believed.
    facts = Facts(Kind.VIDEO, "video/mp4", upload.stat().st_size, 640, 360, frames=60, seconds=2)
    with pytest.raises(MediaDamaged):
        fit_media(upload, facts, Budget(290_000, 1920), out, choice=Choice(form, start=start))
    assert not trap.asked
    assert not list(out.rglob("*.*"))


@pytest.mark.parametrize(
    "content_type", ["audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4", "audio/flac", "audio/aac"]
)
@pytest.mark.parametrize("kind", sorted(_TRAPS))
def test_no_way_to_fit_a_sound_file_opens_anything_but_the_file(trap: Trap, kind: str, content_type: str) -> None:
    facts = Facts(Kind.AUDIO, content_type, 2_000_000, seconds=2)
    with pytest.raises(MediaDamaged):
        fit_media(trap.set(kind), facts, Budget(290_000, 1920), trap.folder, choice=Choice(Form.AMR))
    assert not trap.asked


@pytest.mark.parametrize("reference", ["http://127.0.0.1:{port}/x.wav", "data:audio/wav;base64,{sound}"])
def test_even_a_demuxer_that_follows_references_reaches_nothing_but_files(trap: Trap, reference: str) -> None:
    sound = base64.b64encode(clips.sound("s.wav", 1)).decode()
    upload = trap.folder / "upload.ffconcat"
    upload.write_text(f"ffconcat version 1.0\nfile '{reference.format(port=trap.port, sound=sound)}'\n")
    done = run_ffmpeg_on_own([(upload, ("-f", "concat", "-safe", "0"))], "-f", "null", "-")
    assert done.returncode
    assert b"not on whitelist 'file,pipe'" in done.stderr
    assert not trap.asked


_NOTING = """#!/bin/sh
{{ printf '%s\\n' "$@"; echo; }} >> {log}
exec {program} "$@"
"""
_EVERYTHING = """
import sys
from pathlib import Path
from app.fit import fit_media
from app.fit.poster import make_poster
from app.model.media import Budget, Choice, Form
from app.probe import probe_media

uploads, out = Path(sys.argv[1]), Path(sys.argv[2])
for name, form, fast in (
    ("clip", Form.MP4, False), ("clip", Form.MP4, True), ("clip", Form.THREE_GP, False), ("clip", Form.FIRST_FRAME, False),
    ("live", Form.MP4, True), ("moving", Form.MP4, False), ("song", Form.AAC, False), ("song", Form.AMR, False),
    ("song", Form.MP3, False),
):
    facts = probe_media(uploads / name, max_pixels=1_000_000)
    fit_media(uploads / name, facts, Budget(12_000, 320), out, choice=Choice(form), fast=fast)
    if name == "clip":
        make_poster(uploads / name, facts, Budget(20_000, 320), out)
"""


def test_before_every_input_of_every_ffmpeg_stand_what_it_may_open_and_its_demuxer(tmp_path: Path) -> None:
    # What is started is seen from outside: a program in the place where ours is looked for notes its arguments and becomes it.
    log, program = tmp_path / "log", tmp_path / "imageio_ffmpeg/binaries/ffmpeg-noting"
    program.parent.mkdir(parents=True)
    (tmp_path / "imageio_ffmpeg/__init__.py").touch()
    program.write_text(_NOTING.format(log=log, program=ffmpeg_path()))
    program.chmod(0o755)
    (tmp_path / "clip").write_bytes(clips.clip("clip.mp4", 1, size="160x120", rate=10))
    (tmp_path / "live").write_bytes(clips.coded("live.webm", "-c:v", "libvpx", "-c:a", "libopus", seconds=1))
    (tmp_path / "moving").write_bytes(pictures.animation(pictures.drawing_that_moves(60, 5)))
    (tmp_path / "song").write_bytes(clips.sound("song.wav", 3))
    (tmp_path / "out").mkdir()
    subprocess.run(
        [sys.executable, "-c", _EVERYTHING, str(tmp_path), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
        check=True,
    )
    commands = [each.split("\n") for each in log.read_text().strip().split("\n\n")]
    inputs = [(each[:at], each[at + 1]) for each in commands for at, option in enumerate(each) if option == "-i"]
    assert {each[1].partition(":")[0] for each in inputs} == {"file", "pipe"}
    assert len(inputs) > 20
    for before, _ in inputs:
        own = (
            before[len(before) - before[::-1].index("-i") :] if "-i" in before else before
        )  # not of the input before it
        assert own[own.index("-protocol_whitelist") + 1] == "file,pipe"
        assert "-f" in own


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


def test_a_file_that_ffmpeg_gives_up_on_is_not_said_to_take_too_long(tmp_path: Path) -> None:
    old = ("-c:v", "msmpeg4v2")
    whole = clips.coded("old.avi", *old, seconds=1, source="testsrc2=s=96x64:r=10:d={seconds}", tone=False)
    at = whole.find(b"00dc", whole.find(b"movi")) + 8
    (tmp_path / "clip").write_bytes(whole[:at] + b"\xff" * 40 + whole[at + 40 :])
    limits = ("import resource; resource.setrlimit(resource.RLIMIT_CPU, (60, resource.getrlimit(resource.RLIMIT_CPU)[1]))",
              "from app.confine.programs import run_ffmpeg; from pathlib import Path; import sys",
              "print(run_ffmpeg(Path(sys.argv[1]), 'video/x-msvideo', '-f', 'null', '-').returncode)")  # fmt: skip
    command = [sys.executable, "-c", "; ".join(limits), str(tmp_path / "clip")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "255\n"  # as when its time is over


@pytest.mark.parametrize("side", [16, 320])
def test_an_encoder_that_gives_up_on_pictures_is_told_by_what_it_returns(tmp_path: Path, side: int) -> None:
    pictures = (bytes(side * side * 3) for _ in range(500))
    assert not feed_ffmpeg(pictures, (side, side), 10, "-c:v", "nonesuch", f"file:{tmp_path / 'made.mkv'}")
