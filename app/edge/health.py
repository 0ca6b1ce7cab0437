"""Alive, ready, and in figures."""

from typing import Any

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from app.edge.context import edge, the_post
from app.errors import PostcardError
from app.records.heartbeats import ALIVE_SECONDS, silent_seconds

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
    """Say whether database and store answer; 503 when one does not. Without a worker this web serves all the same: it is said."""
    checks = state_of_parts()
    ready = all(check["passed"] for check in checks.values())
    told = {"status": "ready" if ready else "not ready", "checks": {**checks, "workers": _workers()}}
    return jsonify(told), 200 if ready else 503


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


def _workers() -> dict[str, Any]:
    post = the_post()
    try:
        with post.database.read() as connection:
            silent = silent_seconds(connection, at=post.database.now(connection))
    except PostcardError as error:
        return {"passed": False, "detail": error.detail}
    alive = sum(seconds <= ALIVE_SECONDS for seconds in silent.values())
    if not alive:
        detail = f"No worker was seen at work in the last {ALIVE_SECONDS} s: uploads and campaigns wait."
        return {"passed": False, "detail": detail}
    return {"passed": True, "detail": f"{alive} worker(s) at work."}


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
