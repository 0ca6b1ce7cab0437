"""A long file goes straight from the browser to the store, and on again after a lost connection, or on another page."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

from app.host.bucket import BucketPlan, apply_bucket
from app.host.embedded import EmbeddedStore
from app.settings import S3
from tests.media.clips import repeated
from tests.media.pictures import save
from tests.servers.postcard import RunningPostcard
from tests.servers.seaweed import make_store

pytestmark = pytest.mark.browser


def noise(path: Path, *, changed: bool = False) -> Path:
    """Write a picture of 20 MB, two parts; ``changed``: another one of the same length, that begins with the same megabytes."""
    pixels = np.random.default_rng(4).integers(0, 256, (2600, 2600, 3), dtype=np.uint8)
    if changed:
        pixels[1300] = 0
    path.write_bytes(save(Image.fromarray(pixels), "PNG", compress_level=0))
    return path


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise(tmp_path_factory.mktemp("long") / "noise.png")


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


@pytest.mark.parametrize("context", ["phone"], indirect=True)
def test_the_fitting_of_a_long_file_shows_how_far_it_is_and_can_be_stopped(page: Page, tmp_path: Path) -> None:
    clip = tmp_path / "long.mp4"
    clip.write_bytes(repeated(24, size="1920x1080", rate=60, crf=20))
    assert clip.stat().st_size > 20_000_000
    straight: list[str] = []
    page.on("request", lambda request: straight.append(request.url) if "/incoming/" in request.url else None)
    page.set_input_files("input[type=file]", clip)
    part = page.locator("#parts .part").filter(has_text="long.mp4")
    expect(part).to_contain_text(re.compile(r"being fitted: [1-9]\d? %"), timeout=60_000)
    assert straight
    part.get_by_role("button", name="Stop").click()
    expect(part).to_contain_text("You stopped it.")


@dataclass
class Gate:
    """Which parts were put; the second one gets no further while the gate is shut."""

    puts: list[str] = field(default_factory=list)
    is_shut: bool = True

    def take(self, route: Route) -> None:
        """Let a request through, or have it stand still."""
        second = "partNumber=2" in route.request.url
        self.puts.append("second" if second else "first")
        if not (second and self.is_shut):
            route.continue_()


@pytest.fixture
def gate(context: BrowserContext) -> Gate:
    made = Gate()
    context.route("**/media/incoming/**", made.take)
    return made


def interrupted(page: Page, gate: Gate, file: Path) -> None:
    """Choose a file, and leave the page when its first part has arrived and its second is on its way."""
    page.set_input_files("input[type=file]", file)
    expect(page.locator("#parts progress")).to_be_visible()
    wait_in(page, lambda: gate.puts == ["first", "second"])


def wait_in(page: Page, true: Callable[[], bool]) -> None:
    """Wait while the browser goes on."""
    for _ in range(600):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError("waited in vain")


@pytest.mark.parametrize("how", ["loaded anew", "closed"])
def test_an_upload_whose_page_was_gone_goes_on_when_the_same_file_is_chosen_again(
    context: BrowserContext, page: Page, postcard: RunningPostcard, gate: Gate, long_file: Path, how: str
) -> None:
    interrupted(page, gate, long_file)
    again = page
    if how == "closed":
        page.close()
        again = context.new_page()
        again.goto(f"{postcard.url}/app/send")
    else:
        page.reload()
    expect(again.locator("#unfinished")).to_contain_text("upload of noise.png was interrupted")
    again.set_input_files("input[type=file]", long_file)
    wait_in(again, lambda: gate.puts == ["first", "second", "second"])
    expect(again.locator("#unfinished")).to_be_hidden()
    # It stands where the first part ended: 16 of 20 MB.
    assert float(again.locator("#parts progress").evaluate("bar => bar.value")) > 0.8
    again.reload()
    gate.is_shut = False
    again.set_input_files("input[type=file]", long_file)
    expect(again.locator("#media-status")).to_contain_text("noise.png is ready", timeout=60_000)
    assert gate.puts == ["first", "second", "second", "second"]
    again.reload()
    expect(again.locator("#unfinished")).to_be_hidden()


def test_another_file_of_the_same_name_length_and_beginning_is_sent_whole(
    page: Page, postcard: RunningPostcard, gate: Gate, long_file: Path, tmp_path: Path
) -> None:
    other = noise(tmp_path / long_file.name, changed=True)
    assert other.stat().st_size == long_file.stat().st_size
    interrupted(page, gate, long_file)
    page.reload()
    gate.is_shut = False
    page.set_input_files("input[type=file]", other)
    expect(page.locator("#media-status")).to_contain_text("noise.png is ready", timeout=60_000)
    assert gate.puts == ["first", "second", "first", "second"]
    newest = postcard.call("GET", "/campaign-assets").json()["items"]
    assert hashlib.sha256(other.read_bytes()).hexdigest() in {each["sha256"] for each in newest}


def test_what_was_taken_out_is_not_offered_again(page: Page, gate: Gate, long_file: Path) -> None:
    interrupted(page, gate, long_file)
    page.get_by_role("button", name="Take out noise.png").click()
    page.reload()
    expect(page.locator("#unfinished")).to_be_hidden()


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
