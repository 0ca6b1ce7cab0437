"""The JSON API under /sandbox/api: what arrived, how often, and what is to go wrong."""

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.sandbox.desk import Desk
from app.sandbox.faults import KINDS, make_fault
from app.sandbox.inbound import make_inbound
from app.sandbox.options import CHANGEABLE, change_options
from app.sandbox.rules import RULES, SOURCE_WORDS
from app.sandbox.told import raw_bytes, tell_arrival, tell_posted


def _problem(status: int, detail: str) -> tuple[Response, int]:
    return jsonify({"status": status, "detail": detail}), status


def _json_object() -> dict[str, Any]:
    """Give the body as an object. JSON alone is read: a foreign page cannot send that without asking first.

    Raises:
        ValueError: it is anything else.
    """
    if not request.is_json:
        raise ValueError("send JSON with Content-Type: application/json")
    try:
        values = request.get_json()
    except HTTPException as wrong:
        raise ValueError("the body is not JSON") from wrong
    if not isinstance(values, dict):
        raise ValueError("send a JSON object")  # noqa: TRY004 -- wrong JSON, not a wrong call
    return values


def api_blueprint(desk: Desk) -> Blueprint:
    """Make the API of one sandbox."""
    api = Blueprint("sandbox_api", __name__, url_prefix="/sandbox/api")
    api.register_error_handler(ValueError, lambda wrong: _problem(422, str(wrong)))
    _add_reading(api, desk)
    _add_faults(api, desk)
    _add_options(api, desk)
    _add_inbound(api, desk)
    return api


def _add_reading(api: Blueprint, desk: Desk) -> None:
    @api.get("/messages")
    def list_messages() -> ResponseReturnValue:
        most = request.args.get("limit", 100, type=int)
        arrivals = desk.arrivals.latest(max(0, most), request.args.get("destination", ""))
        return jsonify({"items": [tell_arrival(each, whole=False) for each in arrivals]})

    @api.get("/messages/<name>")
    def get_message(name: str) -> ResponseReturnValue:
        arrival = desk.arrivals.find(name)
        if arrival is None:
            return _problem(404, "no such message; it may have left the ring")
        return jsonify(tell_arrival(arrival, whole=True))

    @api.get("/messages/<name>/raw")
    def get_raw(name: str) -> ResponseReturnValue:
        arrival = desk.arrivals.find(name)
        if arrival is None:
            return _problem(404, "no such message; it may have left the ring")
        return Response(raw_bytes(arrival.request), content_type="application/octet-stream")

    @api.get("/counts")
    def get_counts() -> ResponseReturnValue:
        return jsonify({**desk.arrivals.counts(), "dropped": desk.dropped})

    @api.get("/rules")
    def get_rules() -> ResponseReturnValue:
        return jsonify(
            {
                "items": [
                    {
                        "rule": rule.number,
                        "words": rule.words,
                        "source": rule.source,
                        "source_words": SOURCE_WORDS[rule.source],
                    }
                    for rule in RULES.values()
                ]
            }
        )


def _add_faults(api: Blueprint, desk: Desk) -> None:
    def standing() -> Response:
        return jsonify({"faults": desk.faults.listing(), "kinds": KINDS})

    @api.get("/faults")
    def get_faults() -> ResponseReturnValue:
        return standing()

    @api.post("/faults")
    def add_faults() -> ResponseReturnValue:
        values = _json_object()
        several = values.get("faults", [values])
        if not isinstance(several, list) or not all(isinstance(each, dict) for each in several):
            raise ValueError("faults must be a list of objects")
        for fault in [make_fault(each) for each in several]:
            desk.faults.add(fault)
        return standing()

    @api.delete("/faults")
    def remove_faults() -> ResponseReturnValue:
        desk.faults.replace(())
        return standing()


def _add_options(api: Blueprint, desk: Desk) -> None:
    def options() -> Response:
        values = {name: getattr(desk.options, name) for name in sorted(CHANGEABLE - {"password"})}
        return jsonify({**values, "password": "set" if desk.options.password else ""})

    @api.get("/options")
    def get_options() -> ResponseReturnValue:
        return options()

    @api.patch("/options")
    def set_options() -> ResponseReturnValue:
        desk.options = change_options(desk.options, _json_object())
        return options()

    @api.delete("")
    def reset() -> ResponseReturnValue:
        desk.reset()
        return "", 204

    @api.delete("/messages")
    def forget_messages() -> ResponseReturnValue:
        desk.arrivals.clear()
        return "", 204


def _add_inbound(api: Blueprint, desk: Desk) -> None:
    @api.post("/inbound")
    def send_inbound() -> ResponseReturnValue:
        details, body, content_type = make_inbound(_json_object())
        if not desk.options.callback_url:
            return _problem(409, "no callback URL is set; PATCH /sandbox/api/options")
        return jsonify(tell_posted(desk.post_inbound(body, content_type, details)))

    @api.get("/inbound")
    def list_inbound() -> ResponseReturnValue:
        return jsonify({"items": [tell_posted(each) for each in reversed(desk.inbound)]})
