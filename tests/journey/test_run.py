"""`postcard run` as a newcomer uses it: one line, all of the path, a clean stop, everything found again."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.media.pictures import phone_photo
from tests.path import wait_until
from tests.servers.sandbox import free_port

ROOT = Path(__file__).parents[2]


def environment_of(folder: Path, port: int, **more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("POSTCARD_", "AWS_"))}
    return {**plain, "POSTCARD_DATA_DIR": str(folder), "POSTCARD_WEB_PORT": str(port), **more}


@contextmanager
def running(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `postcard run`; gives the process and the line it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "run"], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        yield process, line
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()


def command(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def processes_on(folder: Path) -> list[int]:
    """List the processes whose command line or environment names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in told:
                found.append(int(entry.name))
    return found


def test_a_newcomer_runs_it_sends_stops_it_and_finds_everything_again(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    environment = environment_of(folder, port)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(phone_photo(4032, 3024, orientation=6, gps=True))
    with running(environment) as (process, line):
        assert re.fullmatch(rf"Open http://127\.0\.0\.1:{port}/app/sign-in\?link=\S+", line)
        sent = command(environment, "send", str(photo), "--to", "12515550130", "--text", "hi")
        assert sent.returncode == 0, sent.stderr
        assert re.search(r"12515550130  retrieved  \d+", sent.stdout)
        token = command(environment, "token", "create", "shop").stdout.splitlines()[-1]
        headers = {"Authorization": f"Bearer {token}"}
        with photo.open("rb") as stream:
            answer = requests.post(
                f"http://127.0.0.1:{port}/campaign-assets", headers=headers, files={"file": stream}, timeout=60
            )
        assert answer.status_code == 200  # the same bytes are known from the command
        rendition = answer.json()["renditions"][0]
        hosted = requests.get(rendition["url"], timeout=10)
        assert hosted.headers["Content-Type"] == "image/jpeg"
        assert rendition["sha256"] in rendition["url"]
        checked = command(environment, "check")
        assert checked.returncode == 0, checked.stdout
        # A command in another shell, which was not told the port, finds this run; applying the bucket changes nothing.
        elsewhere = {name: value for name, value in environment.items() if name != "POSTCARD_WEB_PORT"}
        assert f":{port}/app/sign-in" in command(elsewhere, "sign-in").stdout
        assert "right already" in command(elsewhere, "bucket", "apply").stdout
        assert requests.get(rendition["url"], timeout=10).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    wait_until(lambda: processes_on(folder) == [], seconds=20)
    with running(environment) as (_, line):
        assert line.startswith("Open ")
        assets = requests.get(f"http://127.0.0.1:{port}/campaign-assets", headers=headers, timeout=20).json()
        assert [each["filename"] for each in assets["items"]] == ["photo.jpg"]
        assert requests.get(rendition["url"], timeout=10).content == hosted.content
        again = command(environment, "run")
        assert again.returncode == 1
        assert "already" in again.stderr
        assert "Traceback" not in again.stderr


def test_two_copies_run_side_by_side(tmp_path: Path) -> None:
    first = environment_of(tmp_path / "one", free_port())
    second = environment_of(tmp_path / "two", free_port())
    with running(first) as (_, one), running(second) as (_, two):
        assert one.startswith("Open ")
        assert two.startswith("Open ")


def test_a_kill_of_the_whole_leaves_no_process_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    environment = environment_of(folder, free_port())
    with running(environment) as (process, line):
        assert line.startswith("Open ")
        process.kill()
        process.wait()
    wait_until(lambda: processes_on(folder) == [], seconds=40)
    with running(environment) as (_, line):
        assert line.startswith("Open ")


def test_a_port_in_use_is_a_sentence_that_tells_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        told = command(environment_of(tmp_path / "data", port), "run")
    assert told.returncode == 1
    assert f"Port {port} is in use" in told.stderr
    assert "POSTCARD_WEB_PORT" in told.stderr
    assert "Traceback" not in told.stderr


def test_wrong_settings_are_all_told_at_once(tmp_path: Path) -> None:
    wrong = {"POSTCARD_LEASE_MINIMUM_DAYS": "2", "POSTCARD_OPENMARKET_TPS": "fast", "POSTCARD_WEB_PROT": "1"}
    told = command(environment_of(tmp_path / "data", free_port(), **wrong), "run")
    assert told.returncode == 1
    assert "POSTCARD_LEASE_MINIMUM_DAYS" in told.stderr
    assert "POSTCARD_OPENMARKET_TPS" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_real_endpoint_needs_an_address_that_the_world_can_reach(tmp_path: Path) -> None:
    real = {
        "POSTCARD_OPENMARKET_ENDPOINTS": "https://mms.openmarket.com/mms/v2/send",
        "POSTCARD_OPENMARKET_ACCOUNT_ID": "a",
        "POSTCARD_OPENMARKET_PASSWORD": "b",
        "POSTCARD_OPENMARKET_SOURCES": "US:88600/config1",
    }
    told = command(environment_of(tmp_path / "data", free_port(), **real), "run")
    assert told.returncode == 1
    assert "POSTCARD_PUBLIC_BASE_URL is not https" in told.stderr


def test_web_without_a_schema_says_what_to_do(tmp_path: Path) -> None:
    plain = {
        "POSTCARD_SECRET_KEY": "the key of the tests, long enough to sign",
        "POSTCARD_CALLBACK_SECRET": "callback-secret-of-the-tests",
        "POSTCARD_OPENMARKET_SOURCES": "US:88600/config1",
        "POSTCARD_OPENMARKET_ENDPOINTS": "http://127.0.0.1:9/mms/v2/send",
    }
    for name in ("web", "worker"):
        told = command(environment_of(tmp_path / "data", free_port(), **plain), name)
        assert told.returncode == 1
        assert "postcard migrate" in told.stderr
        assert "Traceback" not in told.stderr


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    told = command(environment_of(Path("/proc/postcard"), free_port()), "run")
    assert told.returncode == 1
    assert "/proc/postcard" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_command_in_a_folder_where_nothing_ever_ran_says_so(tmp_path: Path) -> None:
    told = command(environment_of(tmp_path / "nothing", free_port()), "sign-in")
    assert told.returncode == 1
    assert "No Postcard has run" in told.stderr
