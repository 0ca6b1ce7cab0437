"""`postcard run`: everything on this machine, until Ctrl-C. Prints one line when it is ready."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from app.commands.bucket import plan_of
from app.commands.children import Child, choose_port, lock_folder, port_is_free, require_room
from app.commands.keeping import Keeper, Part, kept_store
from app.commands.local import given_values, plain_errors, remember
from app.commands.people import sign_in_url
from app.errors import CannotStart
from app.host.bucket import apply_bucket
from app.host.embedded import EmbeddedStore
from app.host.s3 import S3Store
from app.settings import Settings, read_settings
from app.telemetry import configure_logging
from app.wiring import completed, make_folder, open_database, own_secrets, prepare_database, require_consistent

SANDBOX_ACCOUNT = {"POSTCARD_OPENMARKET_ACCOUNT_ID": "sandbox", "POSTCARD_OPENMARKET_PASSWORD": "sandbox"}
SANDBOX_SOURCES = "US:88600/config1,GB:447700900750/config2,IE:50123/config3,AU:61491570006/config4"


@click.command()
def run() -> None:
    """Everything on this machine: S3 store, sandbox, web, worker; prints a one-time sign-in link."""
    with plain_errors(), ExitStack() as running:
        given = given_values()
        settings, warnings = read_settings(given)
        for warning in warnings:
            click.echo(f"Warning: {warning}.", err=True)
        configure_logging("warning")
        folder = make_folder(settings.data.dir.resolve())
        require_room(folder)
        running.enter_context(lock_folder(folder))
        _require_free_port(settings.web.port)
        _stop_on_signals()
        parts: list[Part] = []
        values = _start_store(settings, _base_values(given, folder), running, parts)
        values = _choose_sandbox(values, folder)
        # What a user did set is found by every command anyway; only what was chosen here is remembered.
        # The port is remembered in any case: a command in another shell must name the address of this run.
        chosen = {name: value for name, value in values.items() if name not in given}
        remember(folder, {**chosen, "POSTCARD_WEB_PORT": str(settings.web.port)})
        effective = completed(read_settings(values)[0])
        require_consistent(effective)
        prepare_database(effective)
        parts += _start_children(effective, values, running)
        database = open_database(effective)
        running.callback(database.close)
        click.echo(f"Open {sign_in_url(effective, database, 'owner')}")
        _wait(parts)


def _base_values(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    return {**own_secrets(folder), **given, "POSTCARD_DATA_DIR": str(folder)}


def _require_free_port(port: int) -> None:
    if 0 < port < 1024 and os.geteuid() != 0:
        raise CannotStart(
            f"Port {port} is for root alone; choose one above 1023: POSTCARD_WEB_PORT=8001 make run", port=port
        )
    if not port_is_free(port):
        raise CannotStart(
            f"Port {port} is in use. Stop what listens there, or choose another one: POSTCARD_WEB_PORT={port + 1} make run",
            port=port,
        )


def _stop_on_signals() -> None:
    """Let Ctrl-C and a service manager's TERM end in the same clean stop."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _start_store(settings: Settings, values: dict[str, str], running: ExitStack, parts: list[Part]) -> dict[str, str]:
    """Start the embedded store unless an endpoint or AWS is set; create bucket, policy and lifecycle."""
    if settings.s3.endpoint_url:
        return values
    store = EmbeddedStore(settings.data.dir.resolve() / "store")
    parts.append(running.enter_context(kept_store(store)))
    s3 = replace(settings.s3, endpoint_url=store.endpoint_url)
    client = S3Store(s3, public_base_url="", access_key=store.access_key, secret_key=store.secret_key).client
    apply_bucket(client, plan_of(completed(replace(settings, s3=s3)), public=not settings.public.presign_days))
    return {
        **values,
        "POSTCARD_S3_ENDPOINT_URL": store.endpoint_url,
        "AWS_ACCESS_KEY_ID": store.access_key,
        "AWS_SECRET_ACCESS_KEY": store.secret_key,
    }


def _choose_sandbox(values: dict[str, str], folder: Path) -> dict[str, str]:
    """Point the gateway at the sandbox of this run, unless endpoints are set."""
    if values.get("POSTCARD_OPENMARKET_ENDPOINTS"):
        return values
    wanted = int(values.get("POSTCARD_SANDBOX_PORT") or 0)
    port = choose_port(folder / "sandbox.port", wanted)
    chosen = {
        "POSTCARD_SANDBOX_PORT": str(port),
        "POSTCARD_OPENMARKET_ENDPOINTS": f"http://127.0.0.1:{port}/mms/v2/send",
        **{name: value for name, value in SANDBOX_ACCOUNT.items() if not values.get(name)},
    }
    if not values.get("POSTCARD_OPENMARKET_SOURCES") and not values.get("POSTCARD_OPENMARKET_SOURCE"):
        chosen["POSTCARD_OPENMARKET_SOURCES"] = SANDBOX_SOURCES
    return {**values, **chosen}


def _start_children(settings: Settings, values: dict[str, str], running: ExitStack) -> list[Child]:
    """Start sandbox, web and worker, and wait until each answers."""
    environment = {**os.environ, **values}
    callback = f"{settings.web.base_url}/callbacks/openmarket/{settings.callback.secret}"
    logs = make_folder(settings.data.dir / "logs")
    children = []
    if "POSTCARD_SANDBOX_PORT" in values and settings.openmarket.endpoints == (_sandbox_url(values),):
        told = {"POSTCARD_SANDBOX_CALLBACK_URL": settings.sandbox.callback_url or callback}
        ready = f"http://127.0.0.1:{values['POSTCARD_SANDBOX_PORT']}/sandbox/api/messages"
        children.append(Child("sandbox", logs, {**environment, **told}, ready))
    children.append(Child("web", logs, environment, f"http://127.0.0.1:{settings.web.port}/healthz"))
    children.append(Child("worker", logs, environment))
    for child in children:
        child.start()
        running.callback(child.stop)
    for child in children:
        child.wait_until_ready()
    return children


def _sandbox_url(values: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{values['POSTCARD_SANDBOX_PORT']}/mms/v2/send"


def _wait(parts: list[Part]) -> None:
    """Wait for Ctrl-C; a part that ends by itself is started again, a few times, before all of it stops."""
    try:
        told = Keeper(parts, lambda sentence: click.echo(sentence, err=True)).keep()
    except KeyboardInterrupt:
        click.echo("Stopping ...", err=True)
        sys.exit(0)
    click.echo(told, err=True)
    sys.exit(1)
