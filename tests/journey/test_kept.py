"""`postcard run` whose parts are killed: each is named in a sentence, comes back, and the path works as before."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import requests

from tests.journey.test_run import ROOT, command, environment_of
from tests.media.pictures import phone_photo
from tests.path import wait_until
from tests.servers.sandbox import free_port


def parts_of(parent: int) -> dict[str, int]:
    """Find the parts by name among the children of `postcard run`: web, worker, sandbox, and the store's weed."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            is_child = int((entry / "stat").read_text().rpartition(") ")[2].split()[1]) == parent
        except OSError:
            continue  # ended while we looked
        if is_child and "-c" not in words:  # not while it is still the wrapper
            found["store" if "mini" in words else words[-2]] = int(entry.name)
    return found


def test_every_part_that_is_killed_comes_back_and_the_path_works_on(tmp_path: Path) -> None:
    folder, port = tmp_path / "data", free_port()
    environment = environment_of(folder, port)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(phone_photo(640, 480))
    said = tmp_path / "said"
    with said.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "run"], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Open ")
        first = command(environment, "send", str(photo), "--to", "12515550130")
        assert first.returncode == 0, first.stderr
        before = parts_of(process.pid)
        assert set(before) == {"store", "sandbox", "web", "worker"}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: said.read_text().count("runs again.") == 4, seconds=60)
        assert process.poll() is None
        after = parts_of(process.pid)
        assert set(after) == set(before)
        assert not set(after.values()) & set(before.values())
        sentences = said.read_text().splitlines()
        for name in before:
            told = re.compile(
                rf"The {name} ended by signal 9, SIGKILL .*started again in 1 s \(try 1 of 5\).* Its log: \S+"
            )
            assert sum(bool(told.fullmatch(line)) for line in sentences) == 1, said.read_text()
        assert "{" not in said.read_text()
        assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=20).status_code == 200
        again = command(environment, "send", str(photo), "--to", "12515550131", "--text", "after the kill")
        assert again.returncode == 0, again.stdout + again.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()
