"""The error codes of OpenMarket's page "Send an MMS", with the HTTP status that the sandbox gives each.

The page shows 403 beside 15102 and names 400 for a missing blank line. It lists no other status: those are our
assumption, marked as such, and a client should decide by the code alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One error code. ``documented_status``: the page itself shows ``status`` for it."""

    number: int
    description: str
    status: int
    documented_status: bool = False


_ALL = (
    Code(
        15000,
        "An internal error has occurred - please contact the OpenMarket Support team for more information.",
        500,
    ),
    Code(15100, "You must specify a message type.", 403),
    Code(15101, "You must specify a destination number.", 403),
    Code(15102, "You must specify a source number", 403, documented_status=True),
    Code(15105, "You must specify an mtConfig.", 403),
    Code(15200, "Invalid message type.", 403),
    Code(15201, "Invalid destination number.", 403),
    Code(15202, "Invalid source number.", 403),
    Code(15203, "Invalid subject.", 403),
    Code(15204, "Invalid mobileOperatorId.", 403),
    Code(15205, "Invalid mtConfig.", 403),
    Code(15206, "Authentication error, check your username and password.", 401),
    Code(15300, "IP not allowed.", 403),
    Code(15301, "Maximum requests per day for that user exceeded.", 403),
    Code(15302, "Maximum requests per month for that account exceeded.", 403),
    Code(15303, "Prepay Credit limit exceeded.", 403),
    Code(15305, "Authentication error, this account is closed.", 403),
    Code(15406, "TPS limit exceeded.", 403),
)
CODES: dict[int, Code] = {code.number: code for code in _ALL}

# The page names a 400 for broken MIME but no code for it. The body must hold a code, so the sandbox gives the general one.
BROKEN_REQUEST = Code(15000, CODES[15000].description, 400)
