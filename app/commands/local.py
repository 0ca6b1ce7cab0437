"""What `postcard run` remembers in the data folder, so that a command in another shell finds store, sandbox and secrets."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from dotenv import dotenv_values

from app.errors import CannotStart, PostcardError, SettingsInvalid
from app.settings import Settings, read_settings
from app.telemetry import configure_logging

REMEMBERED = "run.json"


def given_values() -> dict[str, str]:
    """Read what the user set: the environment over a ``.env`` file."""
    from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**from_file, **os.environ}


def remember(folder: Path, values: Mapping[str, str]) -> None:
    """Write what `run` chose, readable by us alone."""
    path = folder / REMEMBERED
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(dict(values), indent=1))
    fresh.replace(path)


def _remembered(folder: Path) -> dict[str, str]:
    path = folder / REMEMBERED
    values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return values


def chosen_by_run() -> frozenset[str]:
    """Name the settings that `postcard run` chose for this data folder, because nobody set them."""
    given = given_values()
    return frozenset(_remembered(read_settings(given)[0].data.dir)) - given.keys()


def known_values() -> dict[str, str]:
    """Read what the user set over what `run` remembers, for a command that must start quickly."""
    given = given_values()
    return {**_remembered(read_settings(given)[0].data.dir), **given}


def effective_settings(*, serving: bool = False) -> Settings:
    """Read the settings; what `run` remembers in the data folder stands under what the user set.

    A command that serves logs as POSTCARD_LOG_LEVEL says; one that a person waits for shows warnings only.

    The AWS credentials among it go into this process' environment, where boto3 finds them.

    Raises:
        CannotStart: nothing was ever started with this data folder.
    """
    from app.wiring import completed

    given = given_values()
    folder = read_settings(given)[0].data.dir
    remembered = _remembered(folder)
    if not serving and not remembered and "POSTCARD_SECRET_KEY" not in given:
        raise CannotStart(
            f"No Postcard has run with the data folder {folder.resolve()}. Start one with `make run`, or name its folder: "
            "POSTCARD_DATA_DIR=..."
        )
    values = {**remembered, **given}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if name in values:
            os.environ.setdefault(name, values[name])
    settings, warnings = read_settings(values)
    configure_logging(settings.log.level if serving else "warning")
    for warning in warnings:
        click.echo(f"Warning: {warning}.", err=True)
    return completed(settings)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn our errors into sentences with what to do, and exit code 1."""
    try:
        yield
    except SettingsInvalid as error:
        click.echo(f"{error.title}:", err=True)
        for line in (*error.facts["mistakes"], *error.facts.get("warnings", ())):
            click.echo(f"  {line}", err=True)
        click.echo(error.remedy, err=True)
        sys.exit(1)
    except PostcardError as error:
        click.echo(f"{error.title}: {error.detail}", err=True)
        if accepted := error.facts.get("accepted"):
            click.echo(f"Accepted: {', '.join(accepted)}.", err=True)
        for recipient in error.facts.get("recipients", []):
            if isinstance(recipient, dict):
                click.echo(f"  {recipient.get('number')}: {recipient.get('reason')}", err=True)
        click.echo(error.remedy, err=True)
        sys.exit(1)
