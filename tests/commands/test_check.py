"""`postcard check` as a person runs it."""

import subprocess
import sys
from pathlib import Path

from app.duties.postcard import Postcard
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
    return next(line for line in done.stdout.splitlines() if "rows and bucket" in line)


def test_what_is_missing_from_the_bucket_is_told(post: Postcard, seaweed: EmbeddedStore, tmp_path: Path) -> None:
    asset = upload(post, phone_photo(640, 480))
    work_off(post)
    assert _check(post, seaweed, tmp_path) == "ok    rows and bucket: nothing is missing from the bucket"
    post.store.delete(asset.original_key)
    line = _check(post, seaweed, tmp_path)
    assert line.startswith("WRONG rows and bucket: 0 hosted files and 1 originals are missing")
    assert asset.original_key in line
