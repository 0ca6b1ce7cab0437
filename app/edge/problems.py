"""Errors as answers: problem+json (RFC 9457) for programs, a page with the same words for people.

One table says which HTTP status an error has; a test fails when an error has none.
"""

import json
from functools import cache
from typing import Any
from urllib.parse import quote

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, g, redirect, render_template, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from app import errors
from app.edge.context import path_for_log, the_post
from app.edge.fields import wrong_fields
from app.edge.validation import from_validation
from app.errors import (
    BodyTooLarge,
    BodyTypeWrong,
    BodyUnreadable,
    Broken,
    Defect,
    MethodNotAllowed,
    NotFound,
    NotSignedIn,
    PostcardError,
    Rejected,
    TooManyRequests,
    Unavailable,
)
from app.telemetry import log, log_error

STATUS: dict[str, int] = {
    "invalid-request": 422,
    "not-signed-in": 401,
    "sign-in-failed": 401,
    "forbidden": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "body-unreadable": 400,
    "body-type-wrong": 415,
    "body-too-large": 413,
    "too-many-requests": 429,
    "idempotency-conflict": 409,
    "idempotency-in-progress": 409,
    "wrong-state": 409,
    "still-held": 409,
    "upload-empty": 422,
    "upload-too-large": 413,
    "upload-broken": 400,
    "fetch-refused": 422,
    "media-unsupported": 415,
    "media-damaged": 422,
    "media-too-big": 422,
    "content-blocked": 403,
    "cannot-fit": 422,
    "fitting-cancelled": 409,
    "invalid-recipients": 422,
    "no-sender": 422,
    "invalid-message": 422,
    "message-too-large": 422,
    "live-locked": 403,
    "store-unavailable": 503,
    "database-busy": 503,
    "media-unreachable": 503,
    "gateway-unavailable": 503,
    "decoder-busy": 503,
    "disk-full": 507,
    "settings-invalid": 500,
    "store-misconfigured": 500,
    "cannot-start": 500,
    "records-inconsistent": 500,
    "defect": 500,
}
RETRY_SECONDS = {503: 3, 409: 1, 429: 30}
_OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "remedy", "request_id"})


@cache
def error_classes() -> tuple[type[PostcardError], ...]:
    """List every error that an answer may name, in the order of their module."""
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, PostcardError)]
    return tuple(each for each in found if each not in {PostcardError, Rejected, Unavailable, Broken})


def error_named(slug: str) -> type[PostcardError]:
    """Find an error by its slug, as it was kept in a row; Defect for one that this version does not know."""
    return next((each for each in error_classes() if each.slug == slug), Defect)


def problem_type(slug: str) -> str:
    """Name the page that explains this kind of error."""
    return f"{the_post().settings.web.base_url}/docs/errors#{slug}"


def as_problem(error: PostcardError) -> dict[str, Any]:
    """Turn an error into the members of a problem; its facts stand beside the standard ones."""
    status = STATUS.get(error.slug, 500)
    return {
        **{name: value for name, value in error.facts.items() if name not in _OWN_MEMBERS},
        **({"errors": wrong_fields(error)} if status == 422 else {}),
        "type": problem_type(error.slug),
        "title": error.title,
        "status": status,
        "detail": error.detail,
        "remedy": error.remedy,
        "instance": quote(path_for_log(), safe="/."),
        "request_id": g.get("request_id", ""),
    }


def answer_error(error: PostcardError) -> AnyResponse:
    """Answer with an error, as loudly logged as its family says."""
    log_error("request refused", error, path=path_for_log(), status=STATUS.get(error.slug, 500))
    problem = as_problem(error)
    if isinstance(error, NotSignedIn) and request.method == "GET" and wants_page():
        return redirect(f"/app/sign-in?next={quote(request.path)}")
    if wants_page():
        response = Response(render_template("error.html", problem=problem), status=problem["status"])
    else:
        response = Response(
            json.dumps(problem, default=str, ensure_ascii=False) + "\n",
            status=problem["status"],
            content_type="application/problem+json",
        )
    if isinstance(error, NotSignedIn):
        response.headers["WWW-Authenticate"] = 'Bearer realm="Postcard"'
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.facts.get("allowed", ()))
    if (error.retry or isinstance(error, TooManyRequests)) and problem["status"] in RETRY_SECONDS:
        response.headers["Retry-After"] = str(RETRY_SECONDS[problem["status"]])
    return response


def wants_page() -> bool:
    """Tell whether a person at a browser waits for the answer, rather than a program or a script of our pages."""
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate" or request.headers.get("HX-Request"):
        return False
    return "text/html" in request.headers.get("Accept", "")


def _from_http(error: HTTPException) -> PostcardError:
    """Translate what Flask and werkzeug raise by themselves."""
    code = error.code or 500
    if code == 405:
        allowed = sorted(getattr(error, "valid_methods", None) or [])
        return MethodNotAllowed(f"{request.method} is not possible here.", allowed=allowed)
    ours = {
        404: NotFound("Nothing has this address."),
        413: BodyTooLarge("The request body is too large."),
        415: BodyTypeWrong("The request body is of a kind that is not taken here.", accepted=["application/json"]),
        429: TooManyRequests("Too many tries; wait a little."),
    }
    if code in ours:
        return ours[code]
    return BodyUnreadable(_why_unreadable()) if code < 500 else Defect("Something in Postcard broke.")


def _why_unreadable() -> str:
    """Say where a body stops being JSON, as far as that is what is wrong."""
    if not request.is_json:
        return "The request cannot be read."
    body = request.get_data()
    try:
        json.loads(body)
    except json.JSONDecodeError as wrong:
        where = f"at line {wrong.lineno}, column {wrong.colno}"
        return (
            f"The body is not JSON: it goes wrong {where}." if body.strip() else "The body is empty; `{}` is the least."
        )
    except UnicodeDecodeError:
        return "The body is not UTF-8."
    except RecursionError:
        return "The body is nested too deeply."
    except ValueError:  # Python reads whole numbers of 4,300 digits at most: longer ones take it too long
        return "The body has a number of thousands of digits; no number here is nearly as long."
    return "The request cannot be read."


def install(app: APIFlask) -> None:
    """Answer every error in our words."""

    @app.errorhandler(PostcardError)
    def _ours(error: PostcardError) -> AnyResponse:
        return answer_error(error)

    @app.errorhandler(ValidationError)
    def _shape(error: ValidationError) -> AnyResponse:
        return answer_error(from_validation(error))

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Any:
        if error.code is not None and error.code < 400:
            return error
        return answer_error(_from_http(error))

    def _apiflask(error: HTTPError) -> Any:
        cause = error.__cause__
        if isinstance(cause, ValidationError):
            return answer_error(from_validation(cause))
        return answer_error(BodyUnreadable(_why_unreadable()))

    # Not by its decorator error_processor, which would take over every HTTPException too.
    app.error_callback = _apiflask

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> AnyResponse:
        log.exception("request broke", alarm=True, path=path_for_log(), error=type(error).__name__)
        return answer_error(Defect("Something in Postcard broke; the log has the details under this request id."))
