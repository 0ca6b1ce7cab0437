"""One HTTP answer, read into what it proves: accepted, refused, certainly not taken, or unknown.

There is no idempotency key, so a wrong guess sends twice. Only two things prove anything: a 2xx with an mtId, and an error
body with a code. Everything else (3xx, a proxy's page, a 2xx without mtId) is *unknown*. The code decides, not the status,
since the page lists no status per code; one exception is 15000, which with a 5xx may come after the message was taken.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.model.status import OutcomeKind
from app.send.codes import CODES, INTERNAL_ERROR, Code

KEPT_CHARACTERS = 2_000
_DESCRIPTION_CHARACTERS = 500
_JSON_SPACE = " \t\n\r"
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_REQUEST_ID_CHARACTERS = 200  # documented as 1-30, shown with 40: free text


@dataclass(slots=True)  # not frozen: that costs a microsecond for each answer
class Answer:
    """What one answer proves. ``text`` is the beginning of its body as it came, for a support query."""

    kind: OutcomeKind
    http_status: int
    request_id: str = ""
    mt_id: str = ""
    code: int = 0
    description: str = ""
    text: str = ""
    pause: str = ""
    slow_down: bool = False
    drop_operator: bool = False


def read_answer(
    http_status: int, headers: Mapping[str, str], body: bytes, *, not_accepted: Collection[int] = ()
) -> Answer:
    """Read an answer.

    Args:
        http_status: of the final answer, never a 1xx.
        headers: names in lower case.
        body: as it came, possibly cut.
        not_accepted: codes, or statuses of answers without a code, that OpenMarket has confirmed in writing to mean "not
            accepted" (15000 or 503, say); they make the message free to be tried again. Empty: nothing is confirmed.
    """
    request_id = clean_text(headers.get("x-request-id", "").strip()[:_REQUEST_ID_CHARACTERS])
    text = clean_text(body[: KEPT_CHARACTERS * 4].decode("utf-8", "replace")[:KEPT_CHARACTERS])
    content = _read_json(body)
    if 200 <= http_status < 300:
        mt_id = _read_mt_id(content)
        kind = OutcomeKind.ACCEPTED if mt_id else OutcomeKind.UNKNOWN
        said = "" if mt_id else f"The answer {http_status} holds no mtId."
        return Answer(kind, http_status, request_id, mt_id, description=said, text=text)
    code, description = _read_error(content)
    if not code:
        kind = OutcomeKind.NOT_SENT if http_status in not_accepted else OutcomeKind.UNKNOWN
        return Answer(
            kind, http_status, request_id, description=f"The answer {http_status} holds no error code.", text=text
        )
    meant = _judge_code(code, http_status, not_accepted)
    return Answer(
        kind=meant.kind,
        http_status=http_status,
        request_id=request_id,
        code=code,
        description=description or meant.meaning,
        text=text,
        pause=meant.pause,
        slow_down=meant.slow_down,
        drop_operator=meant.drop_operator,
    )


def _judge_code(code: int, http_status: int, not_accepted: Collection[int]) -> Code:
    """Tell what a code proves; one that no page lists is a refusal with a 4xx, and proves nothing with anything else."""
    known = CODES.get(code)
    if code in not_accepted:
        return Code(code, known.meaning if known else "not accepted", OutcomeKind.NOT_SENT)
    if known and (code != INTERNAL_ERROR or 400 <= http_status < 500):
        return known
    refused = not known and 400 <= http_status < 500
    kind = OutcomeKind.REFUSED if refused else OutcomeKind.UNKNOWN
    return Code(code, known.meaning if known else "a code that OpenMarket's page does not list", kind)


def _read_json(body: bytes) -> Any:
    """Read JSON whose integers may have any size; anything else is None."""
    try:
        text = body.decode().strip(_JSON_SPACE)
        content, end = _JSON.raw_decode(text)  # ``decode`` would search for spaces with two patterns
    except (ValueError, RecursionError):
        return None
    return content if end == len(text) else None


def _read_mt_id(content: Any) -> str:
    """Take the mtId as text: an integer, or digits in quotes, of any size. Floats and anything else are no mtId."""
    mt_id = content.get("mtId") if isinstance(content, dict) else None
    return mt_id if isinstance(mt_id, str) and mt_id.isascii() and mt_id.isdigit() and len(mt_id) <= 40 else ""


def _read_error(content: Any) -> tuple[int, str]:
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return 0, ""
    code, description = error.get("code"), error.get("description")
    if not (isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 9):
        return 0, ""
    return int(code), clean_text(description[:_DESCRIPTION_CHARACTERS]) if isinstance(description, str) else ""


def clean_text(text: str) -> str:
    """Take out what no database keeps as text: NUL and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()
