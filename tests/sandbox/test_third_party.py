"""Clients that are nobody's of ours send to the sandbox; docs/sandbox.md tells the same."""

import http.client
import io
import json
import subprocess
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from pathlib import Path

import playwright
import pycurl
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


def _curl(url: str, end: str, *, mixed: bool) -> tuple[int, list[int]]:
    """Send as `curl --form` does: the library writes the body. Gives the status and the rules that failed."""
    handle, answer = pycurl.Curl(), io.BytesIO()
    handle.setopt(pycurl.URL, url)
    handle.setopt(pycurl.USERPWD, ":".join(ACCOUNT))
    handle.setopt(pycurl.HTTPHEADER, ["Expect:", *(["Content-Type: multipart/mixed"] if mixed else [])])
    form = pycurl.CurlMime(handle)
    for name, content, content_type in (
        ("main", json.dumps(details()), "application/json"),
        ("text", "hello", "text/plain; charset=utf-8"),
    ):
        part = form.addpart()
        part.name(name)
        part.data((content + end).encode())
        part.type(content_type)
    handle.setopt(pycurl.MIMEPOST, form)
    handle.setopt(pycurl.WRITEDATA, answer)
    handle.perform()
    status = int(handle.getinfo(pycurl.RESPONSE_CODE))
    handle.close()
    told = json.loads(answer.getvalue())
    return status, [failed["rule"] for failed in told.get("sandbox", {}).get("failed", [])]


@pytest.mark.parametrize(
    ("end", "mixed", "mode", "found"),
    [
        ("", False, "strict", (400, [5])),
        ("", False, "mime", (400, [5])),
        ("", True, "strict", (400, [7])),
        ("", True, "mime", (202, [])),
        ("\r\n", True, "strict", (202, [])),
    ],
)
def test_curls_form(quick: RunningSandbox, end: str, mode: str, mixed: bool, found: tuple[int, list[int]]) -> None:
    quick.call("PATCH", "/options", {"blank_line": mode})
    assert _curl(quick.endpoint, end, mixed=mixed) == found


NODE = Path(playwright.__file__).parent / "driver" / "node"
UNDICI = """
const [url, end, mixed, details] = process.argv.slice(1);
const form = new FormData();
form.append("main", new Blob([details + end], { type: "application/json" }));
form.append("text", new Blob(["hello" + end], { type: "text/plain; charset=utf-8" }));
const written = new Response(form);
const type = written.headers.get("content-type").replace("form-data", mixed ? "mixed" : "form-data");
const headers = { "Content-Type": type, Authorization: "Basic " + btoa("account:secret") };
const answer = await fetch(url, { method: "POST", headers, body: await written.arrayBuffer() });
const told = await answer.json();
console.log(JSON.stringify([answer.status, (told.sandbox?.failed ?? []).map((failed) => failed.rule)]));
"""


@pytest.mark.parametrize(
    ("end", "mixed", "mode", "found"),
    [
        ("", "", "strict", [400, [5]]),
        ("", "mixed", "strict", [400, [7]]),
        ("", "mixed", "mime", [202, []]),
        ("\r\n", "mixed", "strict", [202, []]),
    ],
)
def test_nodes_form_data(quick: RunningSandbox, end: str, mixed: str, mode: str, found: list[object]) -> None:
    quick.call("PATCH", "/options", {"blank_line": mode})
    arguments = [quick.endpoint, end, mixed, json.dumps(details())]
    told = subprocess.run(
        [NODE, "--input-type=module", "-e", UNDICI, "--", *arguments], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout) == found
    if found[0] == 202:
        verdicts = quick.messages()[-1]["verdicts"]
        assert 9 in {each["rule"] for each in verdicts if each["result"] == "warning"}, verdicts
