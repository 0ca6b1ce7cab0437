"""The processes that serve: web under gunicorn, the worker, the sandbox; and the migration of the schema."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from app.commands.local import effective_settings, given_values, plain_errors
from app.records.migrate import require_current_schema
from app.settings import Settings, read_settings
from app.wiring import assemble, completed, make_folder, open_database, prepare_database, require_consistent

if TYPE_CHECKING:
    from app.sandbox.faults import Fault

_PEM = click.Path(exists=True, dir_okay=False)


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
        web = self._settings.web
        chosen = {
            "bind": f"{web.host}:{web.port}",
            "workers": 1,
            "worker_class": "gthread",
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
        return create_app(post)


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
        run_worker(post, queue)


@click.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    with plain_errors():
        settings = effective_settings(serving=True)
        make_folder(settings.data.dir)
        prepare_database(settings)
        click.echo("The database is at this version's schema.")


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port on loopback; default POSTCARD_SANDBOX_PORT or a free one."
)
@click.option(
    "--callback-url", default="", help="Where to post delivery reports; default POSTCARD_SANDBOX_CALLBACK_URL."
)
@click.option(
    "--blank-line",
    type=click.Choice(["strict", "mime"]),
    default="strict",
    show_default=True,
    help="Whether a blank line must stand above each boundary, as OpenMarket's page says.",
)
@click.option("--account", default="", metavar="ID:PASSWORD", help="The only account that passes; default any.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=lambda _context, _parameter, values: _faults(values),
    metavar="KIND[:NAME=VALUE,...]",
    help="What goes wrong from the start, such as refuse:code=15406,times=3; may be repeated; docs/sandbox.md lists the kinds.",
)
@click.option("--cert", type=_PEM, help="PEM of a certificate: TLS 1.2 or newer alone, with --key.")
@click.option("--key", type=_PEM, help="PEM of the certificate's key.")
def sandbox(
    port: int | None,
    callback_url: str,
    blank_line: str,
    account: str,
    faults: "tuple[Fault, ...]",
    cert: str | None,
    key: str | None,
) -> None:
    """An OpenMarket on this machine, for anybody's client.

    Raises:
        click.UsageError: half a certificate, or an account without a password.
    """
    from app.sandbox import SandboxOptions, run_sandbox

    if (cert is None) != (key is None):
        raise click.UsageError("--cert and --key belong together.")
    account_id, _, password = account.partition(":")
    if account and not (account_id and password):
        raise click.UsageError("--account wants ID:PASSWORD.")
    with plain_errors():
        settings = completed(read_settings(given_values())[0])
        options = SandboxOptions(
            callback_url=callback_url or settings.sandbox.callback_url,
            blank_line="strict" if blank_line == "strict" else "mime",
            account_id=account_id,
            password=password,
            faults=faults,
        )
        run_sandbox(
            "127.0.0.1",
            settings.sandbox.port if port is None else port,
            options,
            certfile=cert or "",
            keyfile=key or "",
            announce=lambda address: click.echo(f"Open {address}; send to {address}/mms/v2/send"),
        )


def _faults(values: Sequence[str]) -> "tuple[Fault, ...]":
    from app.sandbox import parse_fault

    try:
        return tuple(parse_fault(value) for value in values)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from wrong
