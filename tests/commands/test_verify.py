"""`postcard verify-account`, tried against the sandbox: what it sends, what it writes, and what it refuses to do."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.commands.verify.cases import Account, make_cases
from app.host.embedded import EmbeddedStore
from tests.servers.postcard import RunningPostcard, environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox, running_sandbox

REAL = "https://mms.openmarket.com/mms/v2/send"


@pytest.fixture(scope="module")
def web(
    tmp_path_factory: pytest.TempPathFactory, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> Iterator[RunningPostcard]:
    """The web process alone: what is posted is kept, and no worker is needed to read it."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "data").mkdir()
    with running_postcard(folder, environment_of(folder, seaweed, sandbox), sandbox, workers=0) as running:
        yield running


@pytest.fixture
def postcard(web: RunningPostcard, sandbox: RunningSandbox) -> RunningPostcard:
    """An environment that a test may change, and a sandbox that knows one account."""
    sandbox.reset(callback_url=web.callback_url, forwarded_seconds=0.1, retrieved_seconds=0.1)
    sandbox.call("PATCH", "/options", {"account_id": "sandbox", "password": "sandbox"})
    return replace(web, environment=dict(web.environment))


def test_the_sandbox_answers_everything_as_stated_or_assumed(
    postcard: RunningPostcard, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    page = tmp_path / "transcript.md"
    done = postcard.command("verify-account", "--output", str(page), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    sent = len(make_cases(Account("1", "2", "3", "4"))) + 1
    assert f"**{sent} as expected, 0 not.**" in text
    assert text.count("\n## ") == sent
    assert sandbox.call("GET", "/counts")["requests"] == sent
    for status in ("Retrieved", "Deferred", "Forwarded", "Rejected"):
        assert f'"status": "{status}"' in text.replace('"status":"', '"status": "')
    assert re.search(r"Fetched by data centre 1 at .*: 200 image/gif; data centre 2 at", text)


def test_no_password_stands_in_the_transcript(postcard: RunningPostcard, tmp_path: Path) -> None:
    page = tmp_path / "transcript.md"
    # Not the sandbox's: every request is refused, and a mistake would show the whole header.
    postcard.environment["POSTCARD_OPENMARKET_PASSWORD"] = "a-password-to-look-for"
    postcard.command("verify-account", "--output", str(page), "--wait", "0", check=False)
    text = page.read_text()
    assert "a-password-to-look-for" not in text
    assert "c2FuZGJve" not in text
    assert "Authorization: Basic ********" in text


def test_what_differs_is_named_and_the_exit_code_says_so(
    postcard: RunningPostcard, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.add_fault("status", status=503, times=1)
    page = tmp_path / "transcript.md"
    done = postcard.command("verify-account", "--output", str(page), "--wait", "5", check=False)
    assert done.returncode == 1
    assert "not as stated: HTTP 503 instead of 202; no mtId" in page.read_text()


def test_an_endpoint_that_takes_no_connection_is_told_for_each_request(
    postcard: RunningPostcard, tmp_path: Path
) -> None:
    postcard.environment["POSTCARD_OPENMARKET_ENDPOINTS"] = "http://127.0.0.1:9/mms/v2/send"
    page = tmp_path / "transcript.md"
    done = postcard.command("verify-account", "--output", str(page), check=False)
    assert done.returncode == 1
    assert "0 as expected" in page.read_text()
    assert "ConnectionRefusedError" in page.read_text()


def test_over_tls_the_certificate_is_checked_and_the_version_told(
    postcard: RunningPostcard, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    page = tmp_path / "transcript.md"
    with running_sandbox(certificate) as secure:
        postcard.environment["POSTCARD_OPENMARKET_ENDPOINTS"] = secure.endpoint
        postcard.command("verify-account", "--output", str(page), "--wait", "0", check=False)
        assert "CERTIFICATE_VERIFY_FAILED" in page.read_text()
        postcard.environment["SSL_CERT_FILE"] = str(certificate[0])
        postcard.command("verify-account", "--output", str(page), "--wait", "0", check=False)
    assert "over TLSv1." in page.read_text()
    assert "HTTP/1.1 202" in page.read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--mt-config"),
        (["--mt-config", "test"], "Say --yes"),
        (["--mt-config", "test", "--yes", "--endpoint", "https://elsewhere.example.com/"], "goes nowhere else"),
    ],
)
def test_nothing_is_sent_to_a_real_endpoint_by_accident(
    postcard: RunningPostcard, tmp_path: Path, flags: list[str], said: str
) -> None:
    postcard.environment |= {
        "POSTCARD_OPENMARKET_ENDPOINTS": REAL,
        "POSTCARD_PUBLIC_BASE_URL": "https://media.example.com",
    }
    page = tmp_path / "transcript.md"
    done = postcard.command("verify-account", "--output", str(page), *flags, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert not page.exists()
