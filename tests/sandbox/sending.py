"""A small client for these tests: one request, nothing repeated."""

from typing import Any

import requests

from tests.sandbox.wrong import HEADERS, right_body
from tests.servers.sandbox import RunningSandbox


def send(
    sandbox: RunningSandbox, body: bytes | None = None, *, path: str = "/mms/v2/send", **options: Any
) -> requests.Response:
    """Post a body, by default a right one."""
    data = right_body() if body is None else body
    return requests.post(
        sandbox.url + path,
        data=data,
        headers=HEADERS,
        timeout=options.pop("timeout", 30),
        allow_redirects=False,
        **options,
    )


def mt_id_of(answer: requests.Response) -> int:
    """The mtId of an accepted request."""
    assert answer.status_code == 202, answer.text
    mt_id = answer.json()["mtId"]
    assert isinstance(mt_id, int)
    return mt_id
