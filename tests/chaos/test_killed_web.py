"""The web is killed while OpenMarket posts: whatever was answered 200 is there, and the worker settles all of it."""

import os
import signal
import sqlite3
import threading
from pathlib import Path

import requests

from app.host.embedded import EmbeddedStore
from tests.path import wait_until
from tests.servers.postcard import RunningPostcard, environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox


def _serving_processes(parent: int) -> list[int]:
    """List gunicorn's workers: the children of the process that was started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
        except OSError:
            continue  # ended while we looked
    return found


def _post_until_it_dies(postcard: RunningPostcard, thread: int, answered: list[str]) -> None:
    with requests.Session() as session:
        for number in range(100_000):
            mt_id = f"9{thread:02}{number:06}"
            try:
                told = {"type": "REPORT", "mtId": mt_id, "status": "Retrieved"}
                answer = session.post(postcard.callback_url, json=told, timeout=30)
            except requests.RequestException:
                return
            assert (answer.status_code, answer.content) == (200, b"")
            answered.append(mt_id)


def test_kill_9_of_the_web_loses_no_report_that_was_answered(
    tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> None:
    with running_postcard(tmp_path, environment_of(tmp_path, seaweed, sandbox), sandbox) as postcard:
        answered: list[str] = []
        threads = [
            threading.Thread(target=_post_until_it_dies, args=(postcard, number, answered), daemon=True)
            for number in range(12)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answered) > 300)
        web = postcard.processes["web"].pid
        workers = _serving_processes(web)
        assert workers
        # The parent first, or it would start another one.
        for process in (web, *workers):
            os.kill(process, signal.SIGKILL)
        for thread in threads:
            thread.join(timeout=60)
        assert not any(thread.is_alive() for thread in threads)
        with sqlite3.connect(tmp_path / "data" / "postcard.sqlite") as database:
            wait_until(lambda: not database.execute("SELECT 1 FROM callbacks WHERE state = 'new'").fetchone())
            kept = {row[0] for row in database.execute("SELECT mt_id FROM callbacks WHERE state = 'unmatched'")}
        database.close()
    assert set(answered) <= kept
