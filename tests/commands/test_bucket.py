"""`postcard bucket` as a person runs it: nothing public unless asked, the same twice, and what differs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import settings
from app.host.embedded import EmbeddedStore
from tests.servers.seaweed import make_store

ROOT = Path(__file__).parents[2]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(seaweed: EmbeddedStore, tmp_path: Path) -> Command:
    """Run `postcard bucket ...` for a bucket whose media the world reads through a CDN."""
    environment = {
        "PATH": os.defpath,
        "POSTCARD_DATA_DIR": str(tmp_path),
        "POSTCARD_SECRET_KEY": "the key of the tests, long enough to sign",
        "POSTCARD_S3_ENDPOINT_URL": seaweed.endpoint_url,
        "POSTCARD_S3_BUCKET": "commanded",
        "POSTCARD_PUBLIC_BASE_URL": "https://media.example",
        "AWS_ACCESS_KEY_ID": seaweed.access_key,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_key,
    }

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        asked = [sys.executable, "-m", "app", "bucket", *arguments]
        return subprocess.run(asked, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    return run


def test_apply_makes_nothing_public_without_being_asked_and_show_tells(
    command: Command, seaweed: EmbeddedStore
) -> None:
    client = make_store(seaweed, settings.S3(endpoint_url=seaweed.endpoint_url)).client
    missing = command("show")
    assert missing.returncode == 1
    assert "There is no bucket commanded" in missing.stdout
    made = command("apply")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Created the bucket commanded" in made.stdout
    with pytest.raises(client.exceptions.ClientError, match="NoSuchBucketPolicy"):
        client.get_bucket_policy(Bucket="commanded")
    assert "right already" in command("apply").stdout
    assert command("show").returncode == 0
    assert command("show", "--public").returncode == 1
    assert command("apply", "--public").returncode == 0
    (statement,) = json.loads(client.get_bucket_policy(Bucket="commanded")["Policy"])["Statement"]
    assert statement["Resource"] == "arn:aws:s3:::commanded/m/*"
    assert command("show", "--public").returncode == 0
    left_open = command("show")
    assert left_open.returncode == 1
    assert "right of everybody to read media" in left_open.stdout
    assert command("apply").returncode == 0
    assert command("show").returncode == 0
