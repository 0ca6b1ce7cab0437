"""The processes that serve: web under gunicorn, and the worker; and the migration of the schema."""

import gc
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from app.commands.local import effective_settings, plain_errors
from app.errors import CannotStart
from app.records.database import Database
from app.records.migrate import require_current_schema
from app.settings import Settings, check_database_url
from app.wiring import assemble, make_folder, open_database, prepare_database, require_consistent


class _PlainLogger(Logger):
    """Gunicorn's lines go where ours go; it writes no access log, whose paths would hold the callback secret."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to telemetry."""
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")
        self.error_log.setLevel(logging.WARNING)
        del cfg

    def access(self, *_args: Any) -> None:
        """Write nothing: the edge logs each request itself, with the path redacted."""


class _Web(BaseApplication):
    """One process with many threads; the application is made after the fork."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn up from our settings alone."""
        from app.edge.server import Worker

        web = self._settings.web
        chosen = {
            "bind": f"{web.host}:{web.port}",
            "workers": 1,
            "worker_class": Worker,
            "threads": web.threads,
            "timeout": 120,
            "graceful_timeout": 10,
            "keepalive": 5,
            "logger_class": _PlainLogger,
            "forwarded_allow_ips": "*" if web.trusted_proxies else "127.0.0.1",
            "control_socket_disable": True,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application in the process that serves it."""
        from app.edge import create_app

        post, _ = assemble(self._settings)
        application = create_app(post)
        _keep_out_of_collections()
        return application


def _keep_out_of_collections() -> None:
    """Tell the garbage collector to leave alone what is loaded by now, which lives as long as the process.

    A full collection walks through all of it and stops every thread, for 60 to 75 ms where this was measured, in the worker
    with SQLite's lock held: that was what kept reports waiting (docs/decisions/0005).
    """
    gc.collect()
    gc.freeze()


def _require_schema(settings: Settings) -> None:
    """Look at the schema before gunicorn forks: what is wrong is a sentence here and would be a traceback there."""
    database = open_database(settings)
    try:
        require_current_schema(database)
    finally:
        database.close()


@click.command()
def web() -> None:
    """The pages and the API, under gunicorn."""
    with plain_errors():
        settings = effective_settings(serving=True)
        make_folder(settings.data.dir)
        require_consistent(settings)
        _require_schema(settings)
        _Web(settings).run()


@click.command()
def worker() -> None:
    """The worker: fits media, sends campaigns, settles reports."""
    from app.work.consumer import run_worker

    with plain_errors():
        settings = effective_settings(serving=True)
        make_folder(settings.data.dir)
        post, queue = assemble(settings)
        _keep_out_of_collections()
        run_worker(post, queue)


@click.command()
@click.option(
    "--from",
    "old_url",
    metavar="URL",
    help="Also copy every row from this database, such as sqlite:///data/postcard.sqlite, into that of "
    "POSTCARD_DATABASE_URL, which must be empty; stop every web and worker before.",
)
def migrate(old_url: str | None) -> None:
    """Bring the database to this version's schema; with --from, move to it from another one."""
    with plain_errors():
        settings = effective_settings(serving=True)
        make_folder(settings.data.dir)
        if old_url:
            _move(old_url, settings)
            return
        prepare_database(settings)
        click.echo("The database is at this version's schema.")


def _move(old_url: str, settings: Settings) -> None:
    """Copy all rows and tell how many.

    Raises:
        CannotStart: both are the same database, or one of them cannot be used for this.
    """
    from app.records.moving import copy_rows

    if wrong := check_database_url(old_url):
        raise CannotStart(f"--from {wrong}.")
    old = replace(settings, database=replace(settings.database, url=old_url))
    source, target = open_database(old), open_database(settings)
    try:
        if _place(source) == _place(target):
            raise CannotStart("--from names the database of POSTCARD_DATABASE_URL itself; set that to the new one.")
        counts = copy_rows(source, target)
    finally:
        source.close()
        target.close()
    _tell_moved(counts)


def _place(database: Database) -> tuple[object, ...]:
    """Tell where rows are, however it is written."""
    url = database.url
    if database.is_sqlite:
        return (Path(url.database or "").resolve(),)
    return url.host, url.port, url.database, url.query


def _tell_moved(counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        if count:
            click.echo(f"{count:>10,}  {name}")
    click.echo(
        f"{sum(counts.values()):>10,}  rows in {len(counts)} tables are in the new database; the old one is as it was. Keep "
        "POSTCARD_DATABASE_URL for web and worker."
    )
