"""The command line: ``postcard COMMAND``."""

import click

from app.commands.bucket import bucket
from app.commands.check import check
from app.commands.people import sign_in, token, user
from app.commands.run import run
from app.commands.send import send
from app.commands.serve import migrate, sandbox, web, worker
from app.commands.verify import verify_account


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="postcard-mms", prog_name="postcard")
def main() -> None:
    """Postcard hosts the media of MMS messages and sends them through OpenMarket."""


for command in (run, web, worker, sandbox, migrate, check, verify_account, send, token, user, sign_in, bucket):
    main.add_command(command)

if __name__ == "__main__":
    main()
