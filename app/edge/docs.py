"""The API's description, the page that shows it, and the page that explains every error."""

from typing import Any

from apiflask import APIFlask
from flask import Blueprint, render_template

from app.edge.problems import STATUS, error_classes
from app.edge.schemas.shapes import ProblemOut
from app.errors import Broken, Rejected, Unavailable

blueprint = Blueprint("docs", __name__)

_PROBLEMS = {
    "400": "The request cannot be read.",
    "401": "Nobody that we know is calling.",
    "403": "Not allowed.",
    "404": "There is no such thing.",
    "409": "Not possible as things stand.",
    "413": "Too large.",
    "415": "Of a kind that is not taken.",
    "422": "Read, and not valid.",
    "503": "Somebody else does not answer; try again.",
}
_DESCRIPTION = """Postcard hosts the media of MMS messages and sends the messages through OpenMarket.

Errors are `application/problem+json` (RFC 9457); `type` leads to a page about each. Send an `Idempotency-Key` with every POST
that creates something, and repeat it as it was when no answer came.
"""


@blueprint.get("/docs/errors")
def errors() -> str:
    """Explain every error: what it means, and what to do."""
    families = [
        ("You can mend it", [each for each in error_classes() if issubclass(each, Rejected)]),
        ("Somebody else's fault: try again", [each for each in error_classes() if issubclass(each, Unavailable)]),
        ("Ours to mend", [each for each in error_classes() if issubclass(each, Broken)]),
    ]
    return render_template("errors.html", families=families, status=STATUS)


@blueprint.get("/docs")
def api() -> str:
    """Show the API's description."""
    return render_template("docs.html")


def install(app: APIFlask) -> None:
    """Describe the API as OpenAPI 3.1, with our errors in the place of APIFlask's."""
    for name in ("404_RESPONSE", "VALIDATION_ERROR_RESPONSE", "AUTH_ERROR_RESPONSE"):
        app.config[f"AUTO_{name}"] = False
    app.config["AUTO_OPERATION_ID"] = True
    app.config["DESCRIPTION"] = _DESCRIPTION
    app.security_schemes = {
        "token": {"type": "http", "scheme": "bearer", "description": "`postcard token create NAME`"}
    }
    app.spec_processor(_finish)


def _finish(spec: Any) -> Any:
    schema = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    spec["components"].setdefault("schemas", {}).update({**schema.pop("$defs"), "Problem": schema})
    answer = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            for status, description in _PROBLEMS.items():
                operation["responses"].setdefault(status, {"description": description, "content": answer})
            operation["security"] = [{"token": []}]
            if path == "/campaign-assets" and method == "post":
                _describe_upload(operation)
            if method == "post" and path in {"/campaign-assets", "/campaigns", "/messages"}:
                operation.setdefault("parameters", []).append(_IDEMPOTENCY)
    return spec


_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
}


def _describe_upload(operation: dict[str, Any]) -> None:
    """Describe the body that is streamed past APIFlask, and the two other answers."""
    operation["requestBody"] = {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {
                "schema": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}
            },
        },
    }
    created = operation["responses"]["201"]
    operation["responses"]["200"] = {**created, "description": "These bytes were known."}
    operation["responses"]["202"] = {**created, "description": "Still fitting; look at Location."}
