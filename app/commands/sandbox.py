"""`postcard sandbox`: an OpenMarket on this machine; it needs nothing of the path, and starts without it."""

from collections.abc import Sequence

import click

from app.commands.local import given_values, plain_errors
from app.sandbox import SandboxOptions, parse_fault, run_sandbox
from app.sandbox.faults import Fault
from app.settings import read_settings

_PEM = click.Path(exists=True, dir_okay=False)


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Any other lets the network in: page and API ask nobody for a password.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Default POSTCARD_SANDBOX_PORT or a free one.")
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
@click.option("--latency", type=click.FloatRange(0, 3_600_000), help="Milliseconds that every answer waits.")
@click.option("--tps", type=click.IntRange(1, 100_000), help="Requests in any second; 15406 beyond.")
@click.option("--cert", type=_PEM, help="PEM of a certificate: TLS 1.2 or newer alone, with --key.")
@click.option("--key", type=_PEM, help="PEM of the certificate's key.")
def sandbox(
    host: str,
    port: int | None,
    callback_url: str,
    blank_line: str,
    account: str,
    faults: tuple[Fault, ...],
    latency: float | None,
    tps: int | None,
    cert: str | None,
    key: str | None,
) -> None:
    """An OpenMarket on this machine, for anybody's client.

    Raises:
        click.UsageError: half a certificate, or an account without a password.
    """
    if (cert is None) != (key is None):
        raise click.UsageError("--cert and --key belong together.")
    account_id, _, password = account.partition(":")
    if account and not (account_id and password):
        raise click.UsageError("--account wants ID:PASSWORD.")
    with plain_errors():
        settings = read_settings(given_values())[0]
        options = SandboxOptions(
            callback_url=callback_url or settings.sandbox.callback_url,
            blank_line="strict" if blank_line == "strict" else "mime",
            account_id=account_id,
            password=password,
            faults=(*faults, *_common(latency, tps)),
        )
        run_sandbox(
            host,
            settings.sandbox.port if port is None else port,
            options,
            certfile=cert or "",
            keyfile=key or "",
            announce=lambda address: click.echo(f"Open {address}; send to {address}/mms/v2/send"),
        )


def _common(latency: float | None, tps: int | None) -> list[Fault]:
    """Make the two faults that have flags of their own."""
    slow = [Fault("latency", seconds=latency / 1000)] if latency else []
    return [*slow, *([Fault("tps", per_second=tps)] if tps else [])]


def _faults(values: Sequence[str]) -> tuple[Fault, ...]:
    try:
        return tuple(parse_fault(value) for value in values)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from wrong
