"""A real Chromium on a real Postcard: web and worker as processes, the session's store and sandbox behind them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize, expect, sync_playwright

from app.host.embedded import EmbeddedStore
from tests.media.pictures import phone_photo
from tests.servers.postcard import RunningPostcard, environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox

CHROMIUM = "/usr/bin/chromium"
# A busy machine fits and uploads slowly: what is looked for may take a while to appear.
expect.set_options(timeout=30_000)
# No sandbox of its own: the tests run as root in CI; nothing but our own pages is opened.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def postcard(
    tmp_path_factory: pytest.TempPathFactory, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> Iterator[RunningPostcard]:
    """Postcard for the browser tests of one module."""
    folder = tmp_path_factory.mktemp("browser")
    with running_postcard(folder, environment_of(folder, seaweed, sandbox), sandbox) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, postcard: RunningPostcard) -> Iterator[StorageState]:
    """The cookies of somebody who used a one-time link: signing in is limited, so it is done once."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(postcard.command("sign-in").stdout.strip())
    page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_url("**/app/send")
    yield context.storage_state()
    context.close()


@pytest.fixture(params=["desktop", "phone"])
def context(request: pytest.FixtureRequest, browser: Browser, signed_in: StorageState) -> Iterator[BrowserContext]:
    """A browser profile that is signed in, at desktop and at phone width in turn."""
    opened = browser.new_context(viewport=DESKTOP if request.param == "desktop" else PHONE, storage_state=signed_in)
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, postcard: RunningPostcard) -> Iterator[Page]:
    """The send page; the test fails if any script of ours does."""
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(f"{postcard.url}/app/send")
    yield opened
    assert wrong == []


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 12-megapixel phone photograph, turned and with a location, as a file to choose."""
    path = tmp_path_factory.mktemp("photo") / "holiday.jpg"
    path.write_bytes(phone_photo(4032, 3024, orientation=6, gps=True))
    return path
