"""A gateway that nobody can reach: a running worker tries for a while, then pauses the campaign and says why."""

from pathlib import Path

from app.host.embedded import EmbeddedStore
from tests.servers.postcard import environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox, free_port


def test_the_campaign_pauses_with_the_reason_and_nothing_is_lost(
    tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/mms/v2/send"
    environment = environment_of(tmp_path, seaweed, sandbox, POSTCARD_OPENMARKET_ENDPOINTS=nowhere)
    with running_postcard(tmp_path, environment, sandbox) as running:
        sent = running.send(parts=[{"text": "hi"}], recipients=["12515550130"])
        campaign = running.wait_for(sent["id"], "paused", seconds=240)
    assert campaign["pause_reason"].startswith("OpenMarket cannot be reached: No endpoint takes a connection.")
    assert campaign["counts"]["pending"] == 1
