"""Taking in a 4 MB upload and hashing it, beside Flask's form parser and beside a bare stream with SHA-256; the memory of 200 MB.

All three are served by one gunicorn with the settings of `postcard web`, over loopback, in interleaved turns: time is what the
client waits, CPU what the server's process uses, medians of both, and both are held against the targets. Ours parses the form,
counts, hashes, and leaves a spool file. Flask parses the form into its own temporary file, which is then read once more for the
hash. The bare stream is hashed and forgotten: in pieces of 64 KiB, as streams are mostly read, and of 512 KiB, which gunicorn
serves best. With busy cores believe the CPU figures.

The memory is that of `postcard web` and `postcard worker` themselves, each at its highest, when a sound file of 200 MB comes
in, is put into the store and fetched from it again. The confined decoders are processes of their own with a limit of their own
(POSTCARD_FIT_MEMORY_BYTES), and are not counted.
"""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.host.bucket import BucketPlan, apply_bucket
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.settings import S3
from bench.path import environment_of
from bench.spent import Row, make_row

UPLOAD_BYTES = 4_000_000
LARGE_BYTES = 200_000_000
MOST_MEGABYTES = 150
TURNS = 80
_BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
_TYPE = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
_HEAD = (
    f"--{_BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="file"; filename="sound.wav"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n"
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()
_WAYS = ("/ours", "/flask", f"/bare/{64 * 1024}", f"/bare/{512 * 1024}")
_GUNICORN = ("--worker-class", "gthread", "--threads", "16", "--log-level", "error")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", *command], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _ask(port: int, method: str, path: str, **more: object) -> http.client.HTTPResponse:
    """Ask until somebody listens; the answer is read by the caller."""
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            connection.request(method, path, **more)  # type: ignore[arg-type]  # -- body and headers
        except ConnectionRefusedError:
            time.sleep(0.05)
            continue
        return connection.getresponse()
    sys.exit("The server does not start.")


def _measure_ways(turns: int) -> dict[str, tuple[float, float]]:
    """Tell the median milliseconds of each way: what the client waits, what the server computes."""
    body, port = _HEAD + os.urandom(UPLOAD_BYTES) + _TAIL, _free_port()
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in _WAYS}
    with (
        tempfile.TemporaryDirectory() as folder,
        _running(
            ["gunicorn", *_GUNICORN, "--bind", f"127.0.0.1:{port}", "bench.intake_server:app"], {"BENCH_FOLDER": folder}
        ),
    ):
        for _ in range(turns):
            for way in _WAYS:
                cpu = float(_ask(port, "GET", "/cpu").read())
                began = time.perf_counter()
                _ask(port, "POST", way, body=body, headers=_TYPE).read()
                wall = time.perf_counter() - began
                seconds[way].append((wall, float(_ask(port, "GET", "/cpu").read()) - cpu))
    return {
        way: (1000 * statistics.median(wall for wall, _ in each), 1000 * statistics.median(cpu for _, cpu in each))
        for way, each in seconds.items()
    }


def _wave(size: int) -> Iterator[bytes]:
    """Make a form with a WAV file of about ``size`` bytes, 16-bit stereo noise at 192 kHz: four minutes and more."""
    rate = 192_000
    form = b"fmt " + b"".join(
        number.to_bytes(width, "little")
        for number, width in ((16, 4), (1, 2), (2, 2), (rate, 4), (rate * 4, 4), (4, 2), (16, 2))
    )
    yield _HEAD + b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVE" + form + b"data" + size.to_bytes(4, "little")
    noise = os.urandom(1_000_000)
    for _ in range(size // len(noise)):
        yield noise
    yield _TAIL


def _highest_megabytes(pid: int) -> float:
    """Read the peak of a process and of its children that are Postcard's own: gunicorn's worker, not decoders."""
    highest = 0.0
    for each in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        if "app.confine" in Path(f"/proc/{each}/cmdline").read_text():
            continue
        status = Path(f"/proc/{each}/status").read_text(encoding="ascii")
        kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        highest = max(highest, kilobytes * 1024 / 1e6)
    return highest


def _take_in_large(port: int, token: str) -> None:
    """Upload the large file and wait until the worker has had it."""
    headers = {**_TYPE, "Authorization": f"Bearer {token}", "Prefer": "wait=100"}
    length = sum(map(len, _wave(LARGE_BYTES)))
    answer = _ask(
        port,
        "POST",
        "/campaign-assets",
        body=_wave(LARGE_BYTES),
        headers={**headers, "Content-Length": str(length)},
    )
    told = json.loads(answer.read())
    # Minutes of noise may be too much for any message; then the worker fetched it and said so.
    if answer.status not in {201, 422} or (answer.status == 422 and "cannot-fit" not in told["type"]):
        sys.exit(f"The large upload was answered {answer.status}: {told}")


def _measure_memory() -> tuple[float, float]:
    """Tell the peak megabytes of web and worker."""
    with tempfile.TemporaryDirectory() as name, EmbeddedStore(Path(name) / "store") as server:
        section, port = S3(endpoint_url=server.endpoint_url), _free_port()
        store = S3Store(section, public_base_url="", access_key=server.access_key, secret_key=server.secret_key)
        apply_bucket(store.client, BucketPlan(s3=section, lifecycle_days=30, originals_days=0, public=True))
        environment = {
            **environment_of(str(Path(name) / "data"), "http://127.0.0.1:9", tps=10, connections=4),
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "POSTCARD_S3_ENDPOINT_URL": server.endpoint_url,
            "POSTCARD_UPLOAD_MAX_BYTES": str(LARGE_BYTES + 1_000_000),
            "POSTCARD_WEB_PORT": str(port),
            "POSTCARD_LOG_LEVEL": "error",
        }
        command: Callable[..., subprocess.CompletedProcess[str]] = lambda *words: subprocess.run(  # noqa: E731 -- one place
            [sys.executable, "-m", "app", *words],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        )
        command("migrate")
        token = command("token", "create", "bench").stdout.splitlines()[-1]
        with _running(["app", "web"], environment) as web, _running(["app", "worker"], environment) as worker:
            _take_in_large(port, token)
            return _highest_megabytes(web.pid), _highest_megabytes(worker.pid)


def _row(what: str, value: float, unit: str, target: float | None = None) -> Row:
    return make_row(
        what, round(value, 2), unit, f"<= {target:g}" if target else "", met=target is None or value <= target
    )


def run(*, turns: int = TURNS) -> list[Row]:
    """Measure."""
    found = _measure_ways(turns)
    ours, flask, slow, best = (found[way] for way in _WAYS)
    web, worker = _measure_memory()
    return [
        _row("4 MB, ours / Flask's form parser and a hash: time", ours[0] / flask[0], "ratio", 0.65),
        _row("the same: CPU", ours[1] / flask[1], "ratio", 0.65),
        _row("4 MB, ours / request.stream with SHA-256, pieces of 64 KiB: time", ours[0] / slow[0], "ratio", 1.25),
        _row("the same: CPU", ours[1] / slow[1], "ratio", 1.25),
        _row("4 MB, ours / request.stream with SHA-256, pieces of 512 KiB: time", ours[0] / best[0], "ratio", 1.25),
        _row("the same: CPU", ours[1] / best[1], "ratio", 1.25),
        _row("ours: time", ours[0], "ms"),
        _row("ours: CPU", ours[1], "ms"),
        _row("peak of web while 200 MB come in", web, "MB", MOST_MEGABYTES),
        _row("peak of the worker that fetches them", worker, "MB", MOST_MEGABYTES),
    ]
