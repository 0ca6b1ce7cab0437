"""A long file goes straight from the browser to the store, and on again after a lost connection."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from app.host.bucket import BucketPlan, apply_bucket
from app.host.embedded import EmbeddedStore
from app.settings import S3
from tests.media.pictures import save
from tests.servers.postcard import RunningPostcard
from tests.servers.seaweed import make_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of 20 MB: two parts."""
    path = tmp_path_factory.mktemp("long") / "noise.png"
    noise = Image.frombytes("RGB", (2600, 2600), os.urandom(2600 * 2600 * 3))
    path.write_bytes(save(noise, "PNG", compress_level=0))
    return path


@pytest.fixture(autouse=True)
def _the_bucket_allows_the_page(seaweed: EmbeddedStore, postcard: RunningPostcard) -> Iterator[None]:
    """As `bucket apply` does; the session's bucket has no rule of its own."""
    s3 = S3(endpoint_url=seaweed.endpoint_url)
    client = make_store(seaweed, s3).client
    apply_bucket(client, BucketPlan(s3, lifecycle_days=30, originals_days=90, public=True, origins=(postcard.url,)))
    yield
    client.delete_bucket_cors(Bucket=s3.bucket)


def test_an_upload_goes_on_by_itself_after_a_lost_connection(page: Page, long_file: Path) -> None:
    puts: list[str] = []

    def cut_once(route: Route) -> None:
        second = "partNumber=2" in route.request.url
        puts.append("second" if second else "first")
        if puts.count("second") == 1 and second:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/media/incoming/**", cut_once)
    page.set_input_files("input[type=file]", long_file)
    expect(page.locator("#parts")).to_contain_text("goes on by itself")
    expect(page.locator("#media-status")).to_contain_text("noise.png is ready", timeout=60_000)
    assert puts == ["first", "second", "second"]
    # Nothing but the bytes was sent again: they became one asset, which is shown.
    expect(page.locator("#parts")).to_contain_text("noise.png")


def test_a_shorter_file_goes_the_usual_way(page: Page, photo: Path) -> None:
    straight: list[str] = []
    page.on("request", lambda request: straight.append(request.url) if "/incoming/" in request.url else None)
    page.set_input_files("input[type=file]", photo)
    expect(page.locator("#media-status")).to_contain_text("is ready", timeout=60_000)
    assert straight == []


def test_where_the_store_is_out_of_the_browsers_reach_the_file_goes_through_postcard(
    page: Page, long_file: Path
) -> None:
    page.route("**/media/incoming/**", lambda route: route.abort("connectionrefused"))
    page.set_input_files("input[type=file]", long_file)
    expect(page.locator("#media-status")).to_contain_text("noise.png is ready", timeout=60_000)
