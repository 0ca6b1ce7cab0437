"""`postcard send`: a piece of a clip from a shell, made by a worker and retrieved by a phone of the sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.host.embedded import EmbeddedStore
from tests.media.clips import repeated
from tests.servers.postcard import RunningPostcard, environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox


@pytest.fixture
def postcard(tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox) -> Iterator[RunningPostcard]:
    with running_postcard(tmp_path, environment_of(tmp_path, seaweed, sandbox), sandbox) as running:
        yield running


def test_a_piece_in_another_form_is_sent_and_what_is_not_possible_is_said(
    postcard: RunningPostcard, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(repeated(10))
    to = ("--to", "12515550130")
    sent = postcard.command("send", str(clip), *to, "--as", "3gp", "--start", "1", "--seconds", "4")
    assert "12515550130  retrieved" in sent.stdout
    (asset,) = postcard.call("GET", "/campaign-assets").json()["items"]
    made = next(each for each in asset["renditions"] if each["as"] == "3gp")
    assert (made["content_type"], made["cut"]) == ("video/3gpp", {"start": 1.0, "seconds": 4.0})

    refused = postcard.command("send", str(clip), *to, "--as", "amr", check=False)
    assert refused.returncode != 0
    assert "possible: auto, mp4, 3gp, first_frame" in refused.stderr
