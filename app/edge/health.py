"""Alive, ready, and in figures."""

from typing import Any

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from app.edge.context import edge, the_post
from app.errors import PostcardError

blueprint = Blueprint("health", __name__)

# What the web itself does. The others are counted in the worker: here they would stand at 0 for ever.
_OWN = (
    "postcard_hosting_total",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "python_info",
)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that this process lives."""
    return jsonify({"status": "alive"})


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether database and store answer; 503 when one does not."""
    checks = state_of_parts()
    ready = all(check["passed"] for check in checks.values())
    return jsonify({"status": "ready" if ready else "not ready", "checks": checks}), 200 if ready else 503


def state_of_parts() -> dict[str, dict[str, Any]]:
    """Ask the database and the store for something small."""
    return {"database": _database(), "store": _store()}


def _database() -> dict[str, Any]:
    post = the_post()
    try:
        with post.database.read() as connection:
            post.database.now(connection)
    except PostcardError as error:
        return {"passed": False, "detail": error.detail}
    return {"passed": True, "detail": "The database answers."}


def _store() -> dict[str, Any]:
    try:
        days = the_post().store.lifecycle_days()
    except PostcardError as error:
        return {"passed": False, "detail": error.detail}
    rule = f"removes media {days} days after the last write" if days else "never removes media"
    return {"passed": True, "detail": f"The store answers; the bucket's own rule {rule}."}


@blueprint.get("/metrics")
def metrics() -> Response:
    """Give the figures of the installation, and those that this process counts, to Prometheus."""
    own = REGISTRY.restricted_registry(_OWN)
    return Response(generate_latest(edge().figures) + generate_latest(own), content_type=CONTENT_TYPE_LATEST)
