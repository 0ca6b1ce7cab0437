"""Clients that are nobody's of ours send to the sandbox; docs/sandbox.md tells the same, and curl and Node as tried by hand."""

import http.client
import json
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP

import pytest
import requests

from tests.sandbox.wrong import HEADERS, PIXEL, details, right_body
from tests.servers.sandbox import RunningSandbox

ACCOUNT = ("account", "secret")


def _named(part: MIMEBase, name: str) -> MIMEBase:
    part.add_header("Content-Id", name)
    return part


def _written(message: MIMEMultipart | EmailMessage) -> tuple[bytes, str]:
    """Give body and Content-Type, with the line ends that HTTP has."""
    whole = message.as_bytes(policy=SMTP)
    _, _, body = whole.partition(b"\r\n\r\n")
    return body, message["Content-Type"]


def _mime_text() -> MIMEMultipart:
    message = MIMEMultipart("mixed", boundary="mimeboundary")
    main = MIMEApplication(json.dumps(details()).encode(), "json", _encoder=lambda _: None)
    message.attach(_named(main, "main"))
    message.attach(_named(MIMEText("Für Sie", "plain", "utf-8"), "text.txt"))
    message.attach(_named(MIMEImage(PIXEL, "png"), "pixel.png"))
    return message


def _post(sandbox: RunningSandbox, body: bytes, content_type: str) -> requests.Response:
    return requests.post(sandbox.endpoint, data=body, headers={"Content-Type": content_type}, auth=ACCOUNT, timeout=30)


def test_pythons_email_package_lacks_the_blank_line_and_gets_the_documented_400(quick: RunningSandbox) -> None:
    body, content_type = _written(_mime_text())
    answer = _post(quick, body, content_type)
    assert answer.status_code == 400
    assert [failed["rule"] for failed in answer.json()["sandbox"]["failed"]] == [7]


def test_pythons_email_package_passes_in_mime_mode(quick: RunningSandbox) -> None:
    quick.call("PATCH", "/options", {"blank_line": "mime"})
    body, content_type = _written(_mime_text())
    assert _post(quick, body, content_type).status_code == 202
    contents = quick.messages()[0]["contents"]
    assert [content["text"] for content in contents] == ["Für Sie", None]
    assert contents[1]["bytes"] == len(PIXEL)


def test_pythons_email_package_passes_strictly_when_every_boundary_gets_its_blank_line(quick: RunningSandbox) -> None:
    body, content_type = _written(_mime_text())
    mended = body.replace(b"\r\n--mimeboundary", b"\r\n\r\n--mimeboundary")
    assert _post(quick, mended, content_type).status_code == 202


def test_an_email_message_of_base64_parts_passes_strictly_since_each_ends_with_a_line_break(
    quick: RunningSandbox,
) -> None:
    message = EmailMessage(policy=SMTP)
    message.make_mixed()
    message.add_attachment(json.dumps(details()).encode(), maintype="application", subtype="json", cid="<main>")
    message.add_attachment(PIXEL, maintype="image", subtype="png", cid="<pixel>")
    body, content_type = _written(message)
    assert _post(quick, body, content_type).status_code == 202
    warned = {verdict["rule"] for verdict in quick.messages()[0]["verdicts"] if verdict["result"] == "warning"}
    assert warned == {6, 10}


def test_requests_writes_form_data_which_is_not_mixed(quick: RunningSandbox) -> None:
    files = {
        "main": ("main", json.dumps(details()), "application/json"),
        "text": ("text", "hello", "text/plain; charset=utf-8"),
    }
    answer = requests.post(quick.endpoint, files=files, auth=ACCOUNT, timeout=30)
    assert answer.status_code == 400
    assert [failed["rule"] for failed in answer.json()["sandbox"]["failed"]] == [5]


@pytest.mark.parametrize(("end", "status"), [("", 400), ("\r\n", 202)])
def test_requests_passes_as_mixed_when_every_part_ends_with_a_line_break(
    quick: RunningSandbox, end: str, status: int
) -> None:
    files = {
        "main": ("main", json.dumps(details()) + end, "application/json", {"Content-Id": "main"}),
        "text": ("text", "hello" + end, "text/plain; charset=utf-8", {"Content-Id": "text"}),
    }
    prepared = requests.Request("POST", quick.endpoint, files=files, auth=ACCOUNT).prepare()
    prepared.headers["Content-Type"] = str(prepared.headers["Content-Type"]).replace("form-data", "mixed")
    with requests.Session() as session:
        assert session.send(prepared, timeout=30).status_code == status


def test_http_client_sends_hand_made_bytes_as_they_are(quick: RunningSandbox) -> None:
    connection = http.client.HTTPConnection(quick.url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/mms/v2/send", right_body(), HEADERS)
    answer = connection.getresponse()
    assert answer.status == 202
    assert set(json.loads(answer.read())) == {"mtId"}
    connection.close()
