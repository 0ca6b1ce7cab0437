"""Tokens, users and sign-in links."""

from datetime import timedelta

import click

from app.commands.local import effective_settings, plain_errors
from app.records.database import Database
from app.records.migrate import require_current_schema
from app.records.people import find_user, make_sign_in_link, make_token, save_user
from app.settings import Settings
from app.wiring import open_database

LINK_LIFETIME = timedelta(hours=24)


def _database(settings: Settings) -> Database:
    database = open_database(settings)
    require_current_schema(database)
    return database


def sign_in_url(settings: Settings, database: Database, name: str) -> str:
    """Make a link that signs a user in once; an unknown one is created as an admin without a password."""
    with database.write() as connection:
        at = database.now(connection)
        user = find_user(connection, name) or save_user(connection, name, "", admin=True, at=at)
        secret = make_sign_in_link(connection, user, at=at, lifetime=LINK_LIFETIME)
    return f"{settings.web.base_url}/app/sign-in?link={secret}"


@click.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.argument("name")
def create_token(name: str) -> None:
    """Make an API token; it is printed alone on the last line, this once."""
    with plain_errors():
        database = _database(effective_settings())
        with database.write() as connection:
            secret = make_token(connection, name, at=database.now(connection))
        click.echo(f"The token {name}; send it as `Authorization: Bearer TOKEN`. It is shown only now:", err=True)
        click.echo(secret)


@click.group()
def user() -> None:
    """Users who sign in with a password."""


@user.command("create")
@click.argument("name")
@click.option("--admin", is_flag=True, help="May also do what cannot be undone.")
@click.password_option(help="Asked for when not given; 10 characters at least.")
def create_user(name: str, *, admin: bool, password: str) -> None:
    """Create a user, or give one a new password."""
    with plain_errors():
        if len(password) < 10:
            raise click.BadParameter("A password needs 10 characters at least.", param_hint="--password")
        from app.edge.passwords import hash_password

        database = _database(effective_settings())
        with database.write() as connection:
            save_user(connection, name, hash_password(password), admin=admin, at=database.now(connection))
        click.echo(f"{name} can sign in now.")


@click.command("sign-in")
@click.option("--user", "name", default="owner", show_default=True, help="Who is signed in by the link.")
def sign_in(name: str) -> None:
    """Print a new one-time sign-in link; it is good for 24 hours."""
    with plain_errors():
        settings = effective_settings()
        click.echo(sign_in_url(settings, _database(settings), name))
