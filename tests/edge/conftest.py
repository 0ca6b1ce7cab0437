"""The real application on real parts; jobs are done by threads, as the worker would."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from app.duties.postcard import Postcard
from app.edge import create_app
from app.edge.passwords import hash_password
from app.records.people import make_token, save_user
from app.settings import Upload, Web
from app.work.claiming import do_job

PASSWORD = "correct horse battery"


@dataclass
class Working:
    """A queue whose jobs begin at once, each in a thread."""

    post: Postcard | None = None
    threads: list[threading.Thread] = field(default_factory=list)
    held: bool = False

    def announce(self, job_id: str) -> None:
        """Begin a job."""
        if self.held or self.post is None:
            return
        thread = threading.Thread(target=do_job, args=(self.post, job_id))
        self.threads.append(thread)
        thread.start()


@pytest.fixture
def queue() -> Iterator[Working]:
    working = Working()
    yield working
    for thread in working.threads:
        thread.join(timeout=60)


@pytest.fixture
def web(post: Postcard, queue: Working) -> Iterator[Postcard]:
    """The path as the web process has it."""
    settings = replace(
        post.settings,
        upload=replace(Upload(), max_bytes=5_000_000, fetch_http=True, fetch_private=True),
        web=replace(Web(), base_url=post.settings.web.base_url, wait_seconds=30),
    )
    path = replace(post, settings=settings, queue=queue)
    queue.post = path
    yield path
    for thread in queue.threads:
        thread.join(timeout=60)


@pytest.fixture
def app(web: Postcard) -> APIFlask:
    return create_app(web)


@pytest.fixture
def token(web: Postcard) -> str:
    with web.change() as change:
        return make_token(change.connection, "tests", at=change.at)


@pytest.fixture
def api(app: APIFlask, token: str) -> FlaskClient:
    """A program with a token."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.fixture
def nobody(app: APIFlask) -> FlaskClient:
    """Somebody who is not signed in."""
    return app.test_client()


@dataclass
class Browser:
    """A signed-in user's browser: it keeps cookies, sends its Origin, and knows the CSRF token of the page."""

    client: FlaskClient
    csrf: str

    def post(self, path: str, form: dict[str, str] | None = None, **options: Any) -> Any:
        """Send a form of our own page."""
        return self.client.post(path, data={"csrf_token": self.csrf, **(form or {})}, **options)


def csrf_of(page: str) -> str:
    """Read the token from a page."""
    return page.split('name="csrf-token" content="')[1].split('"', maxsplit=1)[0]


@pytest.fixture
def user(web: Postcard) -> str:
    with web.change() as change:
        return save_user(change.connection, "mia", hash_password(PASSWORD), admin=True, at=change.at).name


def _signed_in(app: APIFlask, name: str) -> Browser:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    csrf = csrf_of(client.get("/app/sign-in").text)
    answer = client.post("/app/sign-in", data={"csrf_token": csrf, "name": name, "password": PASSWORD})
    assert answer.status_code == 303
    return Browser(client, csrf_of(client.get("/app/send").text))


@pytest.fixture
def browser(app: APIFlask, user: str) -> Browser:
    """An admin's."""
    return _signed_in(app, user)


@pytest.fixture
def clerk(app: APIFlask, web: Postcard) -> Browser:
    """That of somebody who is signed in and no admin."""
    with web.change() as change:
        name = save_user(change.connection, "carl", hash_password(PASSWORD), admin=False, at=change.at).name
    return _signed_in(app, name)
