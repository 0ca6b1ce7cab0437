"""The command line: ``postcard COMMAND``. A command's module is imported when it is used: a start costs what it needs."""

from importlib import import_module

import click

# name on the command line -> module in app.commands, and the command in it; in the order of the help page
COMMANDS = {
    "run": ("run", "run"),
    "web": ("serve", "web"),
    "worker": ("serve", "worker"),
    "sandbox": ("sandbox", "sandbox"),
    "migrate": ("serve", "migrate"),
    "check": ("check", "check"),
    "health": ("health", "health"),
    "verify-account": ("verify", "verify_account"),
    "send": ("send", "send"),
    "token": ("people", "token"),
    "user": ("people", "user"),
    "sign-in": ("people", "sign_in"),
    "bucket": ("bucket", "bucket"),
}


class _Commands(click.Group):
    """Finds a command by its name and imports it then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"app.commands.{module}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="postcard-mms", prog_name="postcard")
def main() -> None:
    """Postcard hosts the media of MMS messages and sends them through OpenMarket."""


if __name__ == "__main__":
    main()
