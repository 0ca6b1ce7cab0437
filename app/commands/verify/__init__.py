"""`postcard verify-account`: what the account's endpoint really answers, rule by rule, written down.

command      the command, the lock, the order of things     cases        the requests: right ones, and one mistake each
wire         one request byte by byte, and its answer       reports      what was posted to us about them
transcript   the Markdown page
"""

from app.commands.verify.command import verify_account

__all__ = ["verify_account"]
