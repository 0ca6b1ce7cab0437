"""`postcard health`, which the image's health check runs in every container, be it a web or a worker."""

import os
import re
import signal
from pathlib import Path

from app.host.embedded import EmbeddedStore
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
        assert told(running, worker) == (0, "It runs.\n")
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


def test_the_image_asks_it() -> None:
    assert re.search(r'HEALTHCHECK .*\\\n +CMD \["postcard", "health"\]', DOCKERFILE.read_text())
