"""What happens is told as one JSON line an event, with the ids that tie lines together; and as metrics.

Secrets never reach a log: settings keep them out of ``repr``, and numbers are masked to their last four digits by
:func:`mask_number` before they are logged. What others write (a library's exception, a path, a detail that quotes what
somebody sent) goes through :func:`keep_private`, the last gate of every line.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter

from app.errors import PostcardError

log: structlog.stdlib.BoundLogger = structlog.get_logger("postcard")

_CALLBACK = re.compile(r"(/callbacks/openmarket/)[^\s'\"?]+")
_NUMBER = re.compile(r"(?<![0-9A-Za-z_])\+?[0-9]{8,15}(?![0-9A-Za-z_])")
_ROW = re.compile(r"(DETAIL:\s+(?:Failing row contains|Key )).*?(?=\n\[SQL|\n\nThe above|\Z)", re.DOTALL)
"""What PostgreSQL adds to an error: the row that failed, the text of a message among its columns."""
_QUOTING = ("event", "path", "detail", "description", "exception")
"""Where a line may quote what came from outside; ids that support asks for, an mtId among them, have keys of their own."""

HOSTING = Counter("postcard_hosting_total", "Requests to the store.", ["operation", "result"])


def configure_logging(level: str) -> None:
    """Send every log line, our own and the libraries', to standard error as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        keep_private,
    ]
    structlog.configure(
        # What nobody will read is dropped before anything is made of it.
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("botocore", "boto3", "urllib3", "huey", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_error(event: str, error: PostcardError, **facts: Any) -> None:
    """Log one of our errors as loudly as its family says."""
    detail = "" if error.quotes else error.detail
    getattr(log, error.log_level)(event, error=error.slug, detail=detail, alarm=error.alarm, **facts)


def keep_private(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take callback secrets, numbers and rows out of what a line quotes."""
    for name in _QUOTING:
        text = line.get(name)
        if isinstance(text, str):
            text = _ROW.sub(r"\1...", _CALLBACK.sub(r"\1...", text))
            line[name] = _NUMBER.sub(lambda found: mask_number(found[0]), text)
    return line


def mask_number(number: str) -> str:
    """Keep the last four digits: ``12515550130`` becomes ``*******0130``."""
    return "*" * max(0, len(number) - 4) + number[-4:]
