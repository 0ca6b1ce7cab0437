"""`postcard check` as a person runs it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.commands import children
from app.commands.check import looks_at
from app.duties.postcard import Postcard
from app.errors import CannotStart
from app.host.embedded import EmbeddedStore
from tests.media.pictures import phone_photo
from tests.path import upload, work_off

ROOT = Path(__file__).parents[2]


def _check(post: Postcard, seaweed: EmbeddedStore, folder: Path) -> str:
    settings = post.settings
    environment = {
        "POSTCARD_DATA_DIR": str(folder),
        "POSTCARD_DATABASE_URL": settings.database.url,
        "POSTCARD_SECRET_KEY": settings.secret.key,
        "POSTCARD_S3_ENDPOINT_URL": settings.s3.endpoint_url,
        "POSTCARD_S3_MEDIA_PREFIX": settings.s3.media_prefix,
        "POSTCARD_S3_ORIGINALS_PREFIX": settings.s3.originals_prefix,
        "AWS_ACCESS_KEY_ID": seaweed.access_key,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_key,
    }
    command = [sys.executable, "-m", "app", "check"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "rows and bucket" in done.stdout, done.stdout + done.stderr
    return done.stdout


def test_what_is_missing_from_the_bucket_is_told(post: Postcard, seaweed: EmbeddedStore, tmp_path: Path) -> None:
    asset = upload(post, phone_photo(640, 480))
    work_off(post)
    assert "ok    rows and bucket: nothing is missing from the bucket\n" in _check(post, seaweed, tmp_path)
    post.store.delete(asset.original_key)
    told = _check(post, seaweed, tmp_path)
    assert "WRONG rows and bucket\n      tried: every row" in told
    assert "      found: 0 hosted files and 1 originals are missing" in told
    assert asset.original_key in told
    assert "      do:    Find out who deletes there" in told


def _told(folder: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.defpath, "POSTCARD_DATA_DIR": str(folder), **more}
    command = [sys.executable, "-m", "app", *(words or ("check",))]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


REAL = {
    "POSTCARD_SECRET_KEY": "the key of the tests, long enough to sign",
    "POSTCARD_CALLBACK_SECRET": "callback-secret-of-the-tests",
    "POSTCARD_OPENMARKET_SOURCES": "US:88600/config1",
    "POSTCARD_OPENMARKET_ENDPOINTS": "http://127.0.0.1:9/mms/v2/send",
    "POSTCARD_S3_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}


def test_each_that_is_wrong_says_what_was_tried_found_and_is_to_do_and_nothing_is_said_twice(tmp_path: Path) -> None:
    done = _told(tmp_path, **REAL)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    wrong = [at for at, line in enumerate(lines) if line.startswith("WRONG ")]
    assert [lines[at] for at in wrong] == ["WRONG database", "WRONG bucket", "WRONG gateway"]
    for at in wrong:
        assert [line[:13] for line in lines[at + 1 : at + 4]] == ["      tried: ", "      found: ", "      do:    "]
    assert lines[wrong[0] + 2].startswith("      found: The database is at schema none")
    assert "postcard migrate" in lines[wrong[0] + 3]
    assert "the bucket media at http://127.0.0.1:9" in lines[wrong[1] + 1]
    assert lines[wrong[2] + 2] == "      found: 127.0.0.1:9 takes no connection: Connection refused."
    skipped = [line for line in lines if line.startswith("-     ")]
    assert skipped == [
        "-     lifecycle: not looked at, since the store does not answer (above)",
        "-     public address: not looked at, since the store does not answer (above)",
        "-     rows and bucket: not looked at, since the database cannot be used (above)",
    ]


def test_where_run_is_not_at_work_that_is_the_one_thing_to_do(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(REAL))
    done = _told(tmp_path, POSTCARD_DATABASE_URL=f"sqlite:///{tmp_path / 'none' / 'x.sqlite'}")
    assert done.returncode == 1
    assert "WRONG run\n      tried: the lock" in done.stdout
    assert "      do:    Start it, `make run` or `postcard run`" in done.stdout
    assert done.stdout.count("not looked at, since `postcard run` is not at work (above)") == 4
    assert "      found: The folder of the database does not exist" in done.stdout
    assert "takes no connection" not in done.stdout


def test_to_send_where_run_is_not_at_work_says_that_and_not_that_a_store_is_away(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(REAL))
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x")
    done = _told(tmp_path, "send", str(file), "--to", "12515550130")
    assert done.returncode == 1
    assert done.stderr.startswith("Postcard cannot start: `postcard run` is not at work on ")
    assert "`make run` in another shell" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_a_line_each_with_the_name_in_front(tmp_path: Path) -> None:
    together = {
        "POSTCARD_LEASE_LIFECYCLE_DAYS": "6",
        "POSTCARD_LEASE_MINIMUM_DAYS": "6",
        "POSTCARD_SECRET_KEY": "short",
    }
    lines = _told(tmp_path, **{**REAL, **together}).stdout.splitlines()
    assert lines[0] == "WRONG settings"
    found = [line.removeprefix("      found: ") for line in lines[2:] if line.startswith("      found: POSTCARD_")]
    assert [line.split()[0] for line in found] == ["POSTCARD_LEASE_LIFECYCLE_DAYS", "POSTCARD_SECRET_KEY"]
    alone = {"POSTCARD_LEASE_MINIMUM_DAYS": "2", "POSTCARD_OPENMARKET_TPS": "fast", "POSTCARD_WEB_PROT": "1"}
    told = _told(tmp_path, **REAL, **alone)
    assert (told.returncode, told.stdout) == (1, "")
    assert [line.split()[0] for line in told.stderr.splitlines()[1:4]] == list(alone)


def test_a_full_disk_is_looked_at_also_where_its_folder_is_not_made_yet(
    post: Postcard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "not" / "made"
    settings = replace(post.settings, data=replace(post.settings.data, dir=folder))
    (disk,) = [each for each in looks_at(settings, frozenset()) if each.name == "disk"]
    assert disk.call().endswith(f" GB left for {folder}")
    monkeypatch.setattr(children, "MINIMUM_FREE_BYTES", 1 << 60)
    with pytest.raises(CannotStart, match=r"MB left; Postcard needs"):
        disk.call()
    assert "POSTCARD_DATA_DIR" in disk.do[CannotStart]
    assert not folder.exists()
