"""What a running web and worker log: one JSON object a line, with the ids that tie the lines of one send together."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


def test_no_line_holds_a_number_or_the_callback_secret_whatever_is_sent_wrongly(
    tmp_path: Path, seaweed: EmbeddedStore, sandbox: RunningSandbox
) -> None:
    environment = environment_of(tmp_path, seaweed, sandbox, POSTCARD_LOG_LEVEL="debug")
    secret = environment["POSTCARD_CALLBACK_SECRET"]
    with running_postcard(tmp_path, environment, sandbox) as running:
        bad = ["+1 (251) 555-01", "4915112345678", NUMBER[:-1] + "x"]
        for path, body in (
            ("/recipients/check", {"recipients": bad}),
            ("/campaigns", {"parts": [{"text": "Hi"}], "recipients": bad}),
            ("/suppressions", {"numbers": bad}),
        ):
            assert running.call("POST", path, json=body).status_code == 422
        assert running.call("POST", "/suppressions", json={"numbers": [NUMBER]}).status_code == 201
        assert running.call("DELETE", f"/suppressions/{NUMBER}").status_code == 204
        assert running.call("DELETE", f"/suppressions/{NUMBER}").status_code == 404
        address = urlsplit(running.url)
        for line in (
            f"POST /callbacks/openmarket/{secret} HTTP/9.9",
            f"POST /callbacks/openmarket/{secret} odd HTTP/1.1",
        ):
            with socket.create_connection((address.hostname or "", address.port or 0)) as plain:
                plain.sendall(f"{line}\r\nHost: x\r\n\r\n".encode())
                assert plain.recv(100).startswith(b"HTTP/1.1 4")
        sandbox.call("POST", "/inbound", {"source": NUMBER, "destinations": ["88600"], "text": "STOP"})
    everything = "".join((running.folder / f"{name}.log").read_text() for name in ("web", "worker0"))
    for private in (secret, NUMBER, NUMBER[:-1], *bad):
        assert private not in everything
