"""Inbound messages (MO): multipart/mixed as OpenMarket posts them, JSON first, content in base64."""

import base64
import binascii
import json
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_BOUNDARY = "sandboxinbound"
_LIST_FIELDS = ("destinations", "ccs", "bccs")


def make_inbound(values: Mapping[str, Any]) -> tuple[dict[str, Any], bytes, str]:
    """Make an inbound message of what the API was told.

    Args:
        values: ``source`` (the handset's number), ``destinations`` (ours), and optionally ``text``, ``subject``,
            ``mobileOperatorId``, ``userAgent``, ``moId``, ``ccs``, ``bccs`` and ``parts``, a list of
            ``{"content_type", "content_id", "content_base64"}``.

    Returns:
        the JSON part, the whole body, and its Content-Type.

    Raises:
        ValueError: in words, what is missing or wrong.
    """
    source = values.get("source")
    if not isinstance(source, str) or not re.fullmatch(r"\d{3,15}", source):
        raise ValueError("source must be the handset's number, digits without +")
    details: dict[str, Any] = {
        "type": "MO",
        "moId": values.get("moId", random.randrange(10**14, 10**15)),
        "source": source,
        "destinations": values.get("destinations", ["88600"]),
        "ccs": values.get("ccs", []),
        "bccs": values.get("bccs", []),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "mobileOperatorId": values.get("mobileOperatorId", 383),
        "subject": values.get("subject", ""),
        "userAgent": values.get("userAgent", "Sandbox Phone 1"),
    }
    for name in _LIST_FIELDS:
        if not isinstance(details[name], list) or not all(isinstance(each, str) for each in details[name]):
            raise ValueError(f"{name} must be a list of numbers as text")
    parts = [("application/json", "main", "", json.dumps(details, ensure_ascii=False).encode())]
    if values.get("text"):
        parts.append(
            ("text/plain; charset=utf-8", "text.txt", "base64", base64.b64encode(str(values["text"]).encode()))
        )
    parts += [_content(part) for part in values.get("parts", [])]
    return details, _write(parts), f"multipart/mixed; boundary={_BOUNDARY}"


def _content(part: Any) -> tuple[str, str, str, bytes]:
    try:
        content = base64.b64decode(part["content_base64"], validate=True)
        kind, name = str(part["content_type"]), str(part.get("content_id", "part"))
    except (KeyError, TypeError, AttributeError, binascii.Error):
        raise ValueError("each of parts needs content_type and content_base64") from None
    if re.search(r"[\r\n]", kind + name):
        raise ValueError("content_type and content_id must be one line")
    return kind, name, "base64", base64.encodebytes(content).replace(b"\n", b"\r\n").rstrip()


def _write(parts: list[tuple[str, str, str, bytes]]) -> bytes:
    body = b""
    for kind, name, encoding, content in parts:
        coded = f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
        head = f"--{_BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Id: {name}\r\n{coded}\r\n"
        body += head.encode() + content + b"\r\n\r\n"
    return body + f"--{_BOUNDARY}--\r\n".encode()
