"""`postcard health`, which the image's health check runs in every container, be it a web or a worker."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.host.embedded import EmbeddedStore
from app.records.database import Database
from app.records.heartbeats import ALIVE_SECONDS, beat, begin_beating, silent_seconds, worker_name
from tests.path import wait_until
from tests.servers.postcard import RunningPostcard, environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox

DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"


def told(running: RunningPostcard, pid: int) -> tuple[int, str]:
    done = running.command("health", "--pid", str(pid), check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]


def test_web_and_worker_are_healthy_until_they_stop(
    tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> None:
    with running_postcard(tmp_path, environment_of(tmp_path, seaweed, sandbox), sandbox) as running:
        web, worker = running.processes["web"].pid, running.processes["worker0"].pid
        code, words = told(running, web)
        assert (code, re.sub(r"\d+ ms", "N ms", words)) == (0, f"ok    web: {running.url}/healthz answers, in N ms.\n")
        wait_until(lambda: told(running, worker)[0] == 0)
        assert re.fullmatch(rf"ok    worker: \S+:{worker} was at work \d+ s ago\.\n", told(running, worker)[1])
        # On a host, where process 1 is something else: both, or the one that is named.
        both = running.command("health")
        assert [line.split(":")[0] for line in both.stdout.splitlines()] == ["ok    web", "ok    worker"]
        assert running.command("health", "web").stdout.startswith("ok    web: ")
        assert running.command("health", "worker").stdout.startswith("ok    worker: ")
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: state_of(worker) == "T")
        assert told(running, worker)[0] == 1
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: told(running, worker)[0] == 0)
        running.kill("worker0")
        code, words = told(running, worker)
        assert (code, "There is no process" in words) == (1, True)
        running.environment["POSTCARD_WEB_PORT"] = "9"  # where nobody listens
        code, words = told(running, web)
        assert (code, "127.0.0.1:9/healthz does not answer (" in words) == (1, True)
        both = running.command("health", check=False)
        assert (both.returncode, both.stdout.count("WRONG web: "), both.stdout.count("ok    worker: ")) == (1, 1, 1)


def test_where_nothing_runs_each_part_says_what_to_do(tmp_path: Path) -> None:
    running = RunningPostcard(
        tmp_path, {"PATH": os.defpath, "POSTCARD_DATA_DIR": str(tmp_path / "none"), "POSTCARD_WEB_PORT": "9"}, ""
    )
    for words in (("health",), ("health", "web"), ("health", "worker")):
        done = running.command(*words, check=False)
        assert (done.returncode, done.stderr) == (1, "")
        assert all(line.startswith("WRONG ") and "postcard run" in line for line in done.stdout.splitlines())
    assert not (tmp_path / "none").exists()
    (tmp_path / "none").mkdir()
    done = running.command("health", "worker", check=False)
    assert (done.returncode, "not begun to work with this database" in done.stdout) == (1, True)
    running.environment["POSTCARD_DATABASE_URL"] = "postgresql+psycopg://nobody:x@127.0.0.1:1/none"
    done = running.command("health", "worker", check=False)
    assert (done.returncode, "the database does not answer, so nothing is known" in done.stdout) == (1, True)
    refused = running.command("health", "store", check=False)
    assert (refused.returncode, "'web', 'worker'" in refused.stderr) == (2, True)
    code, said = told(running, os.getpid())
    assert (code, said) == (1, f"WRONG Process {os.getpid()} is no command of Postcard.\n")


@pytest.fixture
def hung(tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox) -> Iterator[tuple[RunningPostcard, int]]:
    """A process that calls itself a worker, runs, and does nothing; and the installation that it belongs to."""
    environment = environment_of(tmp_path, seaweed, sandbox)
    running = RunningPostcard(tmp_path, environment, "")
    running.command("migrate")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "postcard", "worker"]) as process:
        yield running, process.pid
        process.kill()


def test_a_worker_that_runs_and_does_nothing_is_not_healthy(hung: tuple[RunningPostcard, int]) -> None:
    running, pid = hung
    wait_until(lambda: "worker" in Path(f"/proc/{pid}/cmdline").read_text())
    code, words = told(running, pid)
    assert (code, f"process {pid} has not begun to work" in words) == (1, True)
    database = Database(f"sqlite:///{running.folder / 'data' / 'postcard.sqlite'}")
    with database.write() as connection:
        now = database.now(connection)
        begin_beating(connection, worker_name(pid), at=now)
    code, words = told(running, pid)
    assert (code, words.startswith(f"ok    worker: {worker_name(pid)} was at work ")) == (0, True)
    with database.write() as connection:
        beat(connection, worker_name(pid), at=now - timedelta(seconds=ALIVE_SECONDS + 1))
    database.close()
    code, words = told(running, pid)
    assert (code, "has done nothing for 6" in words) == (1, True)
    running.environment["POSTCARD_DATABASE_URL"] = "postgresql+psycopg://nobody:x@127.0.0.1:1/none"
    code, words = told(running, pid)
    assert (code, f"process {pid} runs; the database does not answer" in words) == (0, True)


def test_a_worker_that_stands_still_is_missed_by_the_web_which_serves_on(
    tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> None:
    with running_postcard(tmp_path, environment_of(tmp_path, seaweed, sandbox), sandbox) as running:

        def workers() -> dict[str, Any]:
            answer = running.call("GET", "/readyz")
            assert answer.status_code == 200
            found: dict[str, Any] = answer.json()["checks"]["workers"]
            return found

        worker = running.processes["worker0"].pid
        wait_until(lambda: workers()["passed"])
        assert "postcard_workers 1.0" in running.call("GET", "/metrics").text
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: state_of(worker) == "T")
        database = Database(f"sqlite:///{tmp_path / 'data' / 'postcard.sqlite'}")
        with database.write() as connection:  # instead of a minute of waiting
            beat(connection, worker_name(worker), at=database.now(connection) - timedelta(seconds=ALIVE_SECONDS + 1))
        assert workers() == {
            "passed": False,
            "detail": "No worker was seen at work in the last 60 s: uploads and campaigns wait.",
        }
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: workers()["passed"])
        running.processes["worker0"].send_signal(signal.SIGTERM)
        running.processes["worker0"].wait(30)
        with database.read() as connection:
            assert silent_seconds(connection, at=database.now(connection)) == {}
        database.close()


def test_the_image_asks_it() -> None:
    assert re.search(r'HEALTHCHECK .*\\\n +CMD \["postcard", "health"\]', DOCKERFILE.read_text())
