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
        assert told(running, web) == (0, "It answers.\n")
        wait_until(lambda: told(running, worker) == (0, "It works.\n"))
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
        assert (code, "does not answer on port 9" in words) == (1, True)


@pytest.fixture
def hung(tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox) -> Iterator[tuple[RunningPostcard, int]]:
    """A process that calls itself a worker, runs, and does nothing; and the installation that it belongs to."""
    environment = environment_of(tmp_path, seaweed, sandbox)
    running = RunningPostcard(tmp_path, environment, "")
    running.command("migrate")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "worker"]) as process:
        yield running, process.pid
        process.kill()


def test_a_worker_that_runs_and_does_nothing_is_not_healthy(hung: tuple[RunningPostcard, int]) -> None:
    running, pid = hung
    wait_until(lambda: "worker" in Path(f"/proc/{pid}/cmdline").read_text())
    code, words = told(running, pid)
    assert (code, "has not begun to work" in words) == (1, True)
    database = Database(f"sqlite:///{running.folder / 'data' / 'postcard.sqlite'}")
    with database.write() as connection:
        now = database.now(connection)
        begin_beating(connection, worker_name(pid), at=now)
    assert told(running, pid) == (0, "It works.\n")
    with database.write() as connection:
        beat(connection, worker_name(pid), at=now - timedelta(seconds=ALIVE_SECONDS + 1))
    database.close()
    code, words = told(running, pid)
    assert (code, "has done nothing for 6" in words) == (1, True)
    running.environment["POSTCARD_DATABASE_URL"] = "postgresql+psycopg://nobody:x@127.0.0.1:1/none"
    assert told(running, pid) == (0, "It runs; the database does not answer.\n")


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
