"""What a running web and worker log: one JSON object a line, with the ids that tie the lines of one send together."""

import json
from pathlib import Path
from typing import Any

from app.host.embedded import EmbeddedStore
from tests.servers.postcard import RunningPostcard, environment_of, running_postcard
from tests.servers.sandbox import RunningSandbox

NUMBER = "12515550130"


def lines_of(running: RunningPostcard, name: str) -> list[dict[str, Any]]:
    """Read a log; every line must be a JSON object."""
    lines = (running.folder / f"{name}.log").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_lines_of_one_send_are_found_by_its_ids(
    tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> None:
    environment = environment_of(tmp_path, seaweed, sandbox, POSTCARD_LOG_LEVEL="debug")
    with running_postcard(tmp_path, environment, sandbox) as running:
        answer = running.call(
            "POST",
            "/campaigns",
            json={"parts": [{"text": "Half price"}], "recipients": [NUMBER]},
            headers={"X-Request-Id": "till-4711"},
        )
        campaign_id = answer.json()["id"]
        running.wait_for(campaign_id, "finished")
        (message,) = running.messages(campaign_id)
        token = running.token
    web, worker = lines_of(running, "web"), lines_of(running, "worker0")

    assert answer.headers["X-Request-Id"] == "till-4711"
    (told,) = [line for line in web if line["event"] == "request" and line.get("request") == "till-4711"]
    assert (told["method"], told["path"], told["status"]) == ("POST", "/campaigns", 201)
    assert told["caller"] == "token tests"
    assert told["timestamp"].endswith("Z")

    of_campaign = [line for line in worker if campaign_id in {line.get("subject"), line.get("campaign")}]
    assert of_campaign
    assert all(line["job"].startswith("job_") for line in of_campaign if "kind" in line)
    (accepted,) = [line for line in worker if line["event"] == "accepted"]
    assert accepted["message"] == message["id"]
    assert (accepted["mt_id"], accepted["request_id"]) == (message["mt_id"], message["request_id"])

    everything = "".join((running.folder / f"{name}.log").read_text() for name in ("web", "worker0"))
    for secret in (token, NUMBER, environment["POSTCARD_CALLBACK_SECRET"], environment["AWS_SECRET_ACCESS_KEY"]):
        assert secret not in everything
